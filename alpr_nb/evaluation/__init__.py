"""Metrics, the benchmark, and other readers to compare with."""
