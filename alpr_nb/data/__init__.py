"""Photographs and annotations: import, annotate, pack, check and prepare them for training."""
