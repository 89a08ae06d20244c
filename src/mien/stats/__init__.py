"""Reliability of raters and coders, tests of paired methods, many hypotheses at once, and resampling.

Inputs are plain arrays: targets by raters, or counts per subject, since the subject is the unit that is
resampled and exchanged. May use core, numpy and scipy.
"""

from mien.stats.multiplicity import benjamini_hochberg
from mien.stats.paired import mcnemar, paired_permutation
from mien.stats.reliability import (
    action_unit_agreement,
    cohen_kappa,
    cronbach_alpha,
    fleiss_kappa,
    intraclass_correlation,
)
from mien.stats.resampling import proportion_interval, subject_bootstrap

__all__ = [
    "action_unit_agreement",
    "benjamini_hochberg",
    "cohen_kappa",
    "cronbach_alpha",
    "fleiss_kappa",
    "intraclass_correlation",
    "mcnemar",
    "paired_permutation",
    "proportion_interval",
    "subject_bootstrap",
]
