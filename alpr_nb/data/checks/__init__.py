"""Checks of samples before training: the kinds of findings, the checks, and the run over a whole source."""
