"""The parts of `benchmarks/accuracy.py`, in the order of the data."""
