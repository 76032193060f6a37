"Annotations as files state them, and the formats of annotation servers"
