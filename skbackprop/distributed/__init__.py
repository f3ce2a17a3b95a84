"""Fits on rows that lie in partitions, where they are: on the workers of a Dask cluster."""

from .fitting import fit_distributed

__all__ = ["fit_distributed"]
