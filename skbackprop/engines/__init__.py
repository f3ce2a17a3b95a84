"""What presents rows, one or a batch an update: in NumPy, or compiled by Numba."""
