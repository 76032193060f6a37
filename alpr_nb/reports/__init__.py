"""Pages about the results of several stages."""
