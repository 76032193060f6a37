"""Vehicle codes: formats, check digits, scopes, the training split, and decoding of detected characters."""
