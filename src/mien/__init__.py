"""Multimodal micro-expression analysis: from a recording session to a number that holds."""

__all__ = ["__version__"]

__version__ = "0.1.0"
