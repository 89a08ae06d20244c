"""Whether a number holds: reliability of ratings, agreement of coders, paired tests, intervals.

For data of every room that rates, codes or compares. Each result is a frozen record with what it rests on
(numbers of targets, subjects, replicates); a value that does not exist is NaN with a reason. The subject,
not the sample, is what is resampled and exchanged. May use core, numpy and scipy only.
"""

from mien.stats.action_units import action_unit_agreement
from mien.stats.kappa import cohen_kappa, fleiss_kappa
from mien.stats.krippendorff import krippendorff_alpha
from mien.stats.multiplicity import benjamini_hochberg
from mien.stats.paired import mcnemar, paired_permutation
from mien.stats.reliability import cronbach_alpha, intraclass_correlation
from mien.stats.resampling import proportion_interval, subject_bootstrap

__all__ = [
    "action_unit_agreement",
    "benjamini_hochberg",
    "cohen_kappa",
    "cronbach_alpha",
    "fleiss_kappa",
    "intraclass_correlation",
    "krippendorff_alpha",
    "mcnemar",
    "paired_permutation",
    "proportion_interval",
    "subject_bootstrap",
]
