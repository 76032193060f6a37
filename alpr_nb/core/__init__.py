"""Basics for all packages: configuration, atomic writing, CSV and image files, boxes, reading order, parallel work."""
