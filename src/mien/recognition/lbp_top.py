"""LBP-TOP and a support vector machine (Zhao & Pietikäinen 2007, doi:10.1109/TPAMI.2007.1110).

X is one LBP-TOP vector a sample, as `features.clip_features.lbp_top_vector` gives it for a clip: it learns
nothing from other clips, so it is computed once and not in every fold. Published: the descriptor, and support
vector machines on it as the baseline of every micro-expression dataset; the settings of the MEGC-2019
baseline were never published. Ours: the linear kernel with C = 1, one class against the rest, classes
weighted inversely to their frequency. A motion map has no frames, hence no LBP-TOP.
"""

from __future__ import annotations

from typing import ClassVar

from mien.recognition.inputs import LBP_TOP, Input
from mien.recognition.kernel_svm import DescriptorRecogniser


class LBPTOPRecogniser(DescriptorRecogniser):
    """A support vector machine on LBP-TOP vectors; parameters of `DescriptorRecogniser`."""

    method: ClassVar[str] = "lbp-top"
    needs: ClassVar[Input] = LBP_TOP
