"""The reader that ships; it needs no torch."""
