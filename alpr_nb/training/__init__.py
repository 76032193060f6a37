"""Training and export; the only package that imports torch."""
