"""Measurements against what people use today; run them with `make bench`."""
