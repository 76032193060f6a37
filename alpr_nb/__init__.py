"""Readers of codes painted on vehicles."""
__version__ = "0.1.0"
