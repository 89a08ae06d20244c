"""Reliability, paired tests, multiplicity and resampling."""
