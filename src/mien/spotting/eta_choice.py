"""The heart-rate filter's settings chosen on training subjects only.

Whoever picks eta by looking at the F1 of the subjects it is used on reports a number that nobody will see
again; no such variant is offered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError
from mien.metrics.spotting import Counts
from mien.spotting.filter_controls import Candidates, Instants, counts_of_codes, subject_counts_of_kept
from mien.spotting.heart_rate_filter import FAIL, Codes, FilterSettings


@dataclass(frozen=True, slots=True, eq=False)
class EtaChoice:
    """Settings chosen without the subject they are used on, and what they give.

    `settings` by subject; `code` holds the verdict on each candidate under its subject's settings, `after`
    the counts pooled over all subjects.
    """

    settings: Mapping[str, FilterSettings]
    code: Codes
    after: Counts


def choose_eta(
    candidates: Candidates, references: Instants, options: Sequence[FilterSettings], codes: ArrayLike
) -> EtaChoice:
    """For each subject the settings with the best pooled F1 on all others (nested leave-one-subject-out).

    Ties go to the earlier option: begin with the mildest. Eta 0 (absolute) stands for no filter at all.

    Parameters
    ----------
    options, codes
        The settings to choose from, and the verdicts under each, shape (n_options, n_candidates); the codes
        in `candidates` are not used.

    Raises
    ------
    DataError
        If shapes differ, there is no option, or fewer than two subjects.
    """
    candidates.check(references)
    table = np.asarray(codes, dtype=np.int8)
    if not options or table.shape != (len(options), len(candidates.code)):
        raise DataError(
            "choice of eta",
            wanted="a row of verdicts for each of one or more settings",
            got=f"{len(options)} settings, verdicts of shape {table.shape}",
            remedy="judge all candidates with every setting",
        )
    names = np.unique(np.concatenate([candidates.subject, references.subject]))
    if len(names) < 2:
        raise DataError(
            "choice of eta",
            wanted="two subjects or more",
            got=len(names),
            remedy="keep eta at 1: there is nobody else to choose it on",
        )
    parts = subject_counts_of_kept(candidates, references, names, table != FAIL)
    training = [part.sum(axis=-1, keepdims=True) - part for part in parts]
    divisor = training[1] + training[2]
    f1 = np.where(divisor > 0, 2 * training[0] / np.where(divisor > 0, divisor, 1), 0.0)
    best = f1.argmax(axis=0)
    code = table[best[np.searchsorted(names, candidates.subject)], np.arange(len(candidates.code))]
    chosen = {str(name): options[number] for name, number in zip(names, best, strict=True)}
    return EtaChoice(chosen, code, counts_of_codes(candidates, code, len(references.code)))
