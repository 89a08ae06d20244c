"""Bi-WOOF and a support vector machine (Liong et al. 2018, doi:10.1016/j.image.2017.11.006).

X is one Bi-WOOF vector a sample, as `features.clip_features.bi_woof_vector` gives it for the signed flow
from onset to apex: it learns nothing from other clips, so it is computed once and not in every fold.
Published: the descriptor and a linear support vector machine; C = 10,000 is recalled from the paper, not
verified. Ours: one class against the rest, classes weighted inversely to their frequency. A map that was
stretched to 0..255 has lost the sign and the size of its flow, hence has no Bi-WOOF.
"""

from __future__ import annotations

from typing import ClassVar

from mien.recognition.inputs import BI_WOOF, Input
from mien.recognition.kernel_svm import DescriptorRecogniser, Kernel


class BiWOOFRecogniser(DescriptorRecogniser):
    """A support vector machine on Bi-WOOF vectors; parameters of `DescriptorRecogniser`."""

    method: ClassVar[str] = "bi-woof"
    needs: ClassVar[Input] = BI_WOOF

    def __init__(
        self, C: float = 1e4, kernel: Kernel = "linear", gamma: float | None = None, balanced: bool = True
    ) -> None:
        super().__init__(C, kernel, gamma, balanced)
