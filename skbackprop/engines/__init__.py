"""What presents single rows, an update each: in NumPy, or compiled by Numba."""
