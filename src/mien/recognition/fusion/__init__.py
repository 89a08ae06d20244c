"""Decision fusion: several members, each with scores of its own modality, give one answer.

`DecisionFusion` learns from out-of-fold scores of training subjects how far to trust each member, and fuses;
`WEIGHTS` and `RULES` name what it can do; `theory` gives the exact accuracy of weighted voting, and
`compare_with_member` what fusing brought for each class. May use core and metrics; knows nothing of where the
scores come from. Scores are (n_members, n_samples, n_classes); a row of NaN is a member without an answer.
"""

from mien.recognition.fusion.decision import DecisionFusion, Fused
from mien.recognition.fusion.gain import ClassGain, compare_with_member
from mien.recognition.fusion.rules import PRIORS, RULES
from mien.recognition.fusion.scores import TOLERANCE
from mien.recognition.fusion.theory import (
    best_possible_accuracy,
    symmetric_confusion,
    voting_accuracy,
    voting_recall,
)
from mien.recognition.fusion.ties import TIES
from mien.recognition.fusion.weights import WEIGHTS

__all__ = [
    "PRIORS",
    "RULES",
    "TIES",
    "TOLERANCE",
    "WEIGHTS",
    "ClassGain",
    "DecisionFusion",
    "Fused",
    "best_possible_accuracy",
    "compare_with_member",
    "symmetric_confusion",
    "voting_accuracy",
    "voting_recall",
]
