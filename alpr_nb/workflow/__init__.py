"""Running notebooks and stages."""
