"""Checks of what a method of recognition is and answers; each raises `AmissError` for what it finds.

What one check presumes stands in the table of `conformance`.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from mien.evaluation.conformance_bench import ROUNDING, AmissError, Bench, check_json, one_line, raw


def parameters(bench: Bench) -> None:
    """Parameters and candidates are JSON, and candidates change only what there is."""
    method = bench.method
    check_json([*method.parameters.items(), *(pair for one in method.candidates for pair in one.items())])
    unknown = {key for one in method.candidates for key in one} - set(method.parameters)
    unknown |= {method.stage_parameter} - {None, *method.parameters}  # type: ignore[arg-type]
    if unknown:
        raise AmissError(
            wanted="candidates and stage_parameter among the parameters "
            + (", ".join(method.parameters) or "(none)"),
            got=", ".join(sorted(map(str, unknown))),
            remedy="name the parameter with its default in `parameters`",
        )


def builds(bench: Bench) -> None:
    """build(seed=..., **parameters) returns a recogniser, for every candidate."""
    for changes in bench.method.candidates:
        try:
            one = bench.build(changes)
        except Exception as error:
            raise AmissError(
                wanted="build(seed=..., **parameters) to return a recogniser",
                got=one_line(error),
                remedy="take seed and every parameter and candidate as keywords",
            ) from error
        lacking = [name for name in ("fit",) if not callable(getattr(one, name, None))]
        if not any(callable(getattr(one, name, None)) for name in ("predict_proba", "predict")):
            lacking.append("predict_proba")
        if lacking:
            raise AmissError(
                wanted="fit(X, y) and predict_proba(X)",
                got=f"a {type(one).__name__} without {' and '.join(lacking)}",
                remedy="return a classifier in scikit-learn's manner",
            )


def groups(bench: Bench) -> None:
    """Fit can be called as fit(X, y), or with groups where it names them."""
    given = {"groups": None} if "groups" in inspect.signature(bench.build().fit).parameters else {}
    try:
        inspect.signature(bench.build().fit).bind(None, None, **given)
    except TypeError as error:
        raise AmissError(
            wanted="fit(X, y), or fit(X, y, groups=None) where the subjects of the samples are asked for",
            got=f"fit{inspect.signature(bench.build().fit)}",
            remedy="name the argument groups; nothing else is handed over",
        ) from error


def fits(bench: Bench) -> None:
    """It learns and answers."""
    try:
        raw(bench.first, bench.samples(bench.test))
    except Exception as error:
        raise AmissError(
            wanted=f"a fit and an answer to samples of shape {bench.task.X.shape[1:]}, {bench.task.X.dtype}",
            got=one_line(error),
            remedy="mend the method, or say in `needs` what input it takes",
        ) from error


def classes(bench: Bench) -> None:
    """The classes of training, ascending."""
    _check_classes(bench.first, np.unique(bench.task.y[bench.train]))


def _check_classes(recogniser: Any, wanted: Any) -> None:
    if not hasattr(recogniser, "predict_proba"):
        return
    found = getattr(recogniser, "classes_", None)
    if found is None or np.asarray(found).tolist() != wanted.tolist():
        raise AmissError(
            wanted=f"classes_ = {wanted.tolist()}, the classes of training in ascending order",
            got="none" if found is None else np.asarray(found).tolist(),
            remedy="set classes_ = numpy.unique(y) in fit, and answer in that order",
        )


def shape(bench: Bench) -> None:
    """One row a sample, one column a class of training."""
    _check_shape(raw(bench.first, bench.samples(bench.test)), bench.first, len(bench.test))


def _check_shape(found: Any, recogniser: Any, n: int) -> None:
    wanted = (n, len(recogniser.classes_)) if hasattr(recogniser, "predict_proba") else (n,)
    if np.shape(found) != wanted:
        raise AmissError(
            wanted=f"answers of shape {wanted}, a row a sample and a column a class of training",
            got=np.shape(found),
            remedy="answer every sample, in the order of classes_",
        )


def finite(bench: Bench) -> None:
    """Every probability is a number."""
    found = np.asarray(raw(bench.first, bench.samples(bench.test)), dtype=np.float64)
    if not np.isfinite(found).all():
        raise AmissError(
            wanted="finite answers",
            got=f"{int((~np.isfinite(found)).sum())} of {found.size} that are NaN or infinite",
            remedy="look for a division by zero or a training that diverged",
        )


def sums(bench: Bench) -> None:
    """Rows are probabilities."""
    _check_sums(raw(bench.first, bench.samples(bench.test)), bench.first)


def _check_sums(found: Any, recogniser: Any) -> None:
    if not hasattr(recogniser, "predict_proba"):
        return
    total = np.asarray(found).sum(axis=1)
    if np.min(found) < 0 or np.abs(total - 1).max() > ROUNDING * 10:
        raise AmissError(
            wanted="rows of probabilities, none negative, that sum to one",
            got=f"least {np.min(found):.3g}, sums from {total.min():.3g} to {total.max():.3g}",
            remedy="normalise them, as by a softmax of the scores",
        )


def missing_class(bench: Bench) -> None:
    """A class that no training subject shows is not among its answers."""
    absent = int(np.unique(bench.task.y)[1])
    rows = bench.train[bench.task.y[bench.train] != absent]
    seen = np.unique(bench.task.y[rows])
    wanted = f"a fit to classes {seen.tolist()} alone"
    try:
        one = bench.fitted(rows)
        known = bench.test[bench.task.y[bench.test] != absent]
        found = raw(one, bench.samples(known))
    except Exception as error:
        raise AmissError(
            wanted=wanted, got=one_line(error), remedy="take the classes from y, not from a constant"
        ) from error
    _check_classes(one, seen)
    _check_shape(found, one, len(known))


def unseen_class(bench: Bench) -> None:
    """A test sample of a class that was not in training gets an answer as any other."""
    absent = int(np.unique(bench.task.y)[1])
    one = bench.fitted(bench.train[bench.task.y[bench.train] != absent])
    rows = bench.test[bench.task.y[bench.test] == absent]
    try:
        found = raw(one, bench.samples(rows))
    except Exception as error:
        raise AmissError(
            wanted="an answer to samples unlike those of training",
            got=one_line(error),
            remedy="answer every sample: a method that is silent cannot be scored",
        ) from error
    _check_shape(found, one, len(rows))
    _check_sums(found, one)


def two_samples(bench: Bench) -> None:
    """Two samples of two classes are enough to fit."""
    y = bench.task.y[bench.train]
    rows = bench.train[[int(np.flatnonzero(y == code)[0]) for code in np.unique(y)[:2]]]
    try:
        one = bench.fitted(rows)
        found = raw(one, bench.samples(bench.test))
    except Exception as error:
        raise AmissError(
            wanted="a fit to two samples of two classes",
            got=one_line(error),
            remedy="do without what needs more, as a split or a covariance, where there are too few",
        ) from error
    _check_shape(found, one, len(bench.test))
    if hasattr(one, "predict_proba") and not np.isfinite(found).all():
        raise AmissError(
            wanted="finite answers after two samples", got="NaN or infinity", remedy="guard the division"
        )
