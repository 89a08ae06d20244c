"""Trained recognisers on disk: a method fitted to a whole dataset, and what it takes to ask it again.

A model file is safetensors; its card says by which method, on what, of whom, and how clips were measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien import __version__
from mien.core.errors import DataError
from mien.core.records import Json
from mien.evaluation import Method, Task
from mien.evaluation.method import FloatArray, class_scores, fit_recogniser
from mien.experiments.methods import find_method
from mien.features.measuring import MeasureSettings
from mien.signals.face import FaceSettings


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A fitted recogniser with its card.

    `measure` is None where it learned from maps that someone else measured; the file of a face finder is not
    in it. `participants` of `dataset` are those whose samples it has seen: its answers to them say nothing
    about others.
    """

    path: Path
    method: str
    needs: str | None
    classes: tuple[str, ...]
    dataset: str
    participants: tuple[str, ...]
    measure: MeasureSettings | None
    recogniser: Any

    def probabilities(self, X: NDArray[Any]) -> FloatArray:
        """One row per sample, one column per class, (n_samples, n_classes)."""
        from mien.learning.model_file import unfit_model

        try:
            return class_scores(self.recogniser, X, n_classes=len(self.classes))
        except (ValueError, IndexError, KeyError, TypeError, RuntimeError) as error:
            raise unfit_model(self.path, error) from error


def train_model(
    task: Task, method: Method, path: Path, *, seed: int, measure: MeasureSettings | None
) -> None:
    """Fit a method to all samples of a task and write the model; nothing of it was evaluated.

    Raises
    ------
    MienError
        If the method refuses the samples, or cannot be saved.
    """
    recogniser = method.build(seed=seed, **method.parameters)
    if not hasattr(recogniser, "save"):
        raise DataError(
            f"method {method.name}",
            wanted="a recogniser that can be saved",
            got=type(recogniser).__name__,
            remedy="give its class save(path, about=...) and load(path)",
        )
    fit_recogniser(recogniser, task.X, task.y, np.array(task.subjects))
    about: dict[str, Json] = {
        "mien": __version__,
        "table_name": method.name,
        "needs": getattr(method, "needs", None),
        "classes": list(task.classes),
        "dataset": task.name,
        "digest": task.digest,
        "n_samples": len(task),
        "participants": list(task.subject_names),
        "measure": None if measure is None else measure.as_json(),
    }
    recogniser.save(path, about=about)


def load_trained(path: Path) -> TrainedModel:
    """A model that `train_model` wrote.

    Raises
    ------
    DataError
        If the file is absent, damaged or no such model.
    OptionError
        If its method is not installed here.
    """
    from mien.learning.model_file import load_model, unfit_model

    _, card = load_model(path)
    about: Any = card.get("about")
    if not isinstance(about, dict):
        raise unfit_model(path, ValueError("a model without the words of mien recognise --save"))
    try:
        name = str(about["table_name"])
        method = find_method(name)
        kind = type(method.build(seed=0, **method.parameters))
        measure = about["measure"]
        model = TrainedModel(
            path=path,
            method=name,
            needs=about["needs"],
            classes=tuple(str(one) for one in about["classes"]),
            dataset=str(about["dataset"]),
            participants=tuple(str(one) for one in about["participants"]),
            measure=None if measure is None else _settings(measure),
            recogniser=kind.load(path),  # type: ignore[attr-defined]
        )
        codes = [int(code) for code in model.recogniser.classes_]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise unfit_model(path, error) from error
    if codes != list(range(len(model.classes))) or model.needs != getattr(method, "needs", None):
        raise unfit_model(path, ValueError("a card that contradicts itself"))
    return model


def _settings(measure: Mapping[str, Any]) -> MeasureSettings:
    face = FaceSettings(**{**measure["face"], "model": None})  # no file may choose a path on this machine
    return MeasureSettings(face, measure["flow"], measure["steady"])
