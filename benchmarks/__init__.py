"""Measurements of speed and of the defaults: ``python -m benchmarks --help``."""
