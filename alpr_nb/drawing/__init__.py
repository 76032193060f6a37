"""Synthetic photographs."""
