"""Photographs and annotations in, datasets out."""
