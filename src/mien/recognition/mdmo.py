"""MDMO and a support vector machine (Liu et al. 2016, doi:10.1109/TAFFC.2015.2485205).

X is one MDMO vector a sample, as `features.clip_features.mdmo_vector` gives it for the flow from the first
frame to each later one: it learns nothing from other clips, so it is computed once and not in every fold.
Published: the descriptor and a support vector machine; recalled from the paper, not verified: the polynomial
kernel, hence the default. Its degree and C were not found: degree 3 and C = 1 are ours, as are one class
against the rest and classes weighted inversely to their frequency. The code of Varanka et al. (meb) has
kernel "rbf" with C = 28.06 and gamma = 0.269, tuned for its own variant of the vector on the composite of
MEGC-2019. A motion map has no frames, hence no MDMO.
"""

from __future__ import annotations

from typing import ClassVar

from mien.recognition.inputs import MDMO, Input
from mien.recognition.kernel_svm import DescriptorRecogniser, Kernel


class MDMORecogniser(DescriptorRecogniser):
    """A support vector machine on MDMO vectors; parameters of `DescriptorRecogniser`."""

    method: ClassVar[str] = "mdmo"
    needs: ClassVar[Input] = MDMO

    def __init__(
        self, C: float = 1.0, kernel: Kernel = "poly", gamma: float | None = None, balanced: bool = True
    ) -> None:
        super().__init__(C, kernel, gamma, balanced)
