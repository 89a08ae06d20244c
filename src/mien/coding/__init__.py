"""Coded expressions on their way to and from other people's programs: ELAN, BORIS, Label Studio, a table.

A `Sheet` is one video with the expressions marked in it, whoever marked them: a method's suggestions for a
coder, or what a coder returned. May use recording and core; knows nothing of how suggestions are made.
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
