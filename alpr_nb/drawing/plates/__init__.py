"""Licence plates and their wear."""
