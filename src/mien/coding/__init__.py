"""Coding by several people: what they state, who sees what when, how far they agree, other programs' files.

An `Annotation` is what a coder states of one expression, in frames; `coding.store` keeps them with a log of
every change. A `Sheet` is one video with its expressions, on the way to or from ELAN, BORIS, Label Studio
or a table. May use recording, stats, metrics and core; knows nothing of studies, nor of how suggestions are
made.
"""

from mien.coding.boris import from_boris, to_boris
from mien.coding.elan import from_elan, to_elan
from mien.coding.exchange import Mark, Sheet, to_csv
from mien.coding.label_studio import from_label_studio, label_studio_config, to_label_studio

__all__ = [
    "Mark",
    "Sheet",
    "from_boris",
    "from_elan",
    "from_label_studio",
    "label_studio_config",
    "to_boris",
    "to_csv",
    "to_elan",
    "to_label_studio",
]
