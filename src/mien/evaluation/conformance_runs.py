"""Checks of what a method offers besides, and of whole runs: stages, a saved model, the record, chance.

Each raises `AmissError` for what it finds; what one check presumes stands in the table of `conformance`.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import binom

from mien.core.records import Json
from mien.evaluation.conformance_bench import (
    ROUNDING,
    AmissError,
    Bench,
    NotOfferedError,
    check_recorded,
    differs,
    n_right,
    one_line,
    raw,
)
from mien.evaluation.method import StagedRecogniser
from mien.learning.model_file import load_model

SHUFFLED_P, LEARNS_P = 1e-4, 0.01
"""How sure a test of hits must be before labels dealt out at random look learned, and true ones do."""


def stages(bench: Bench) -> None:
    """Training that is watched ends at the same model as training that is not."""
    one, name = bench.build(), bench.method.stage_parameter
    if not isinstance(one, StagedRecogniser):
        raise NotOfferedError
    if name is None:
        raise AmissError(
            wanted="stage_parameter to name the parameter that counts epochs",
            got="fit_stages alone, which nobody would call",
            remedy="give the Method stage_parameter='epochs', or whatever it is called",
        )
    train, test = bench.train, bench.samples(bench.test)
    found = one.fit_stages(
        bench.samples(train), bench.task.y[train].copy(), groups=bench.groups(train), watch=test
    )
    after = raw(bench.first, bench.samples(bench.test))
    wanted = (bench.method.parameters[name], *np.shape(after))
    if np.shape(found) != wanted:
        raise AmissError(
            wanted=f"stages of shape {wanted}: epochs, samples, classes",
            got=np.shape(found),
            remedy="return the watched samples' answers after each epoch",
        )
    said = differs(np.asarray(after), np.asarray(found)[-1], by=ROUNDING)
    if said:
        raise AmissError(
            wanted="fit_stages to end at the model of fit",
            got=said,
            remedy="train in one function, and let watching draw nothing at random",
        )


def save(bench: Bench) -> None:
    """A saved model answers as before, and its file holds numbers and words alone."""
    if not hasattr(bench.first, "save"):
        raise NotOfferedError
    said_before = raw(bench.first, bench.samples(bench.test))
    about: dict[str, Json] = {"table_name": bench.method.name}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        try:
            bench.first.save(path, about=about)
            card = load_model(path)[1]
        except Exception as error:
            raise AmissError(
                wanted="save(path, about=...) to write a safetensors file with a card",
                got=one_line(error),
                remedy="write it by mien.recognition.fitted.save_fitted: nothing in it can execute",
            ) from error
        try:
            said_after = raw(type(bench.first).load(path), bench.samples(bench.test))
        except Exception as error:
            raise AmissError(
                wanted="a class method load(path) for what save wrote",
                got=one_line(error),
                remedy="add or mend it",
            ) from error
    if card.get("about") != about:
        raise AmissError(
            wanted=f"a card with about = {about}",
            got=card.get("about"),
            remedy="hand `about` on to save_model",
        )
    said = differs(np.asarray(said_before), np.asarray(said_after))
    if said:
        raise AmissError(
            wanted="the saved model to answer as before", got=said, remedy="save all that fit learned"
        )


def record(bench: Bench) -> None:
    """The record of a run tells the parameters that were given."""
    check_recorded(bench.record, bench.told, bench.method.parameters)


def shuffled(bench: Bench) -> None:
    """Shuffled labels give chance."""
    task = bench.shuffled()
    right, n = n_right(bench.evaluated(task))
    if binom.sf(right - 1, n, np.bincount(task.y).max() / n) < SHUFFLED_P:
        raise AmissError(
            wanted=f"about 1 answer in {len(task.classes)} right where labels were dealt out at random",
            got=f"{right} of {n}",
            remedy="look for labels that outlive a fit: a cache, a class attribute, a file",
        )


def learns(bench: Bench) -> None:
    """Classes that are easy to tell are told better than by chance."""
    right, n = n_right(bench.record)
    if not binom.sf(right - 1, n, np.bincount(bench.task.y).max() / n) < LEARNS_P:
        raise AmissError(
            wanted="more than chance where the classes are easy to tell",
            got=f"{right} of {n} right",
            remedy="look at its input and scale, or give it more epochs; a baseline may stay as it is",
        )
