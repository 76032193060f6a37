"""The reader at work: a service, a watched folder, video, and readers in other languages; it needs no torch."""
