"""Projection, light and photographic effects."""
