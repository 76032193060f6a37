"""Paths and parameters, tables, images, atomic writing, workers, box geometry, reading order."""
