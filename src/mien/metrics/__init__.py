"""Scores of recognition and spotting, usable on their own: one task, one module.

Each module states its conventions, validates, and offers one `evaluate`: `recognition.evaluate`,
`spotting.evaluate`, `spot_then_recognise.evaluate`. Scores derive from pooled counts. May use core only.
"""

from mien.metrics import matching, recognition, spot_then_recognise, spotting

__all__ = ["matching", "recognition", "spot_then_recognise", "spotting"]
