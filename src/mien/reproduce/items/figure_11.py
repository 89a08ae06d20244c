"""Figure 11: where a network looks when it names the emotion of somebody it has not learned from."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.records import digest
from mien.evaluation import Method, Task
from mien.experiments import find_method
from mien.experiments.explain import Explanation, explain_answers
from mien.experiments.models import train_model
from mien.experiments.predict import predict
from mien.features.measuring import MeasureSettings
from mien.reproduce.costs import TRAINING_S, Work, epochs_of, faces
from mien.reproduce.counts import counts
from mien.reproduce.item import Cost, Item, ItemFigure, ItemResult, LackingError
from mien.reproduce.items.figure_4 import measured
from mien.reproduce.setting import Setting

METHOD = "ststnet"


def _make(setting: Setting) -> ItemResult:
    from mien.report.attribution_figures import contact_sheet_png, shown_of

    path = _trained(setting)
    model, answers = predict(path, setting.study, out=setting.out, progress=setting.progress)
    unseen = [answer for answer in answers if answer.seen is False]
    explained = explain_answers(model, unseen)
    if not explained:
        raise LackingError(
            setting.study, wanted="an expression to explain", got="none", remedy="record more participants"
        )
    faces = sorted({str(one.participant) for one in explained if shown_of(one) == "face"})
    picture = base64.b64encode(contact_sheet_png(explained)).decode()
    right = sum(answer.estimate == answer.coded for answer in unseen)
    learned = [answer.coded for answer in answers if answer.seen]
    usual = max(sorted({str(one) for one in learned}), key=learned.count)
    by_majority = sum(answer.coded == usual for answer in unseen)
    return ITEM.done(
        sentences=(
            f"{METHOD} learned from half of the participants; of {len(unseen)} expressions of the others it "
            f"names {right} as they were coded; always saying '{usual}' would be right for {by_majority}. "
            f"{_most(explained)}",
        ),
        figures=(
            ItemFigure(
                "Where the network looks",
                f'<img alt="heat over apex frames" src="data:image/png;base64,{picture}">',
                "Heat: what raises the score of the class that the network named (Grad-CAM).",
                shows="face" if faces else "trace",
                participants=tuple(faces),
            ),
        ),
        differs=(
            f"The paper explains HTNet, and does not say whom it learned from; here it is {METHOD}, and "
            "nobody who is shown was learned from.",
            "Heat says what a network used, not that it is right, and not why.",
        ),
        values={"n": len(unseen), "right": right, "majority": by_majority},
    )


def _trained(setting: Setting) -> Path:
    """The model of half of the participants, kept below `out` under the digest of what made it."""
    method: Method = find_method(METHOD, epochs=setting.epochs)
    task = measured(setting, 3).task(getattr(method, "needs", None))
    people = sorted(set(task.subjects))
    if len(people) < 4:
        raise LackingError(
            setting.study,
            wanted="four participants with expressions, to learn from some and look at others",
            got=str(len(people)),
            remedy="record more",
        )
    half = _part(task, people[::2])
    told = digest([task.digest, method.name, method.version, dict(method.parameters), setting.seed])
    path = setting.out / "models" / f"figure-11-{told[:12]}.safetensors"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with setting.progress(f"{METHOD} on half of the participants"):
            train_model(half, method, path, seed=setting.seed, measure=MeasureSettings())
    return path


def _part(task: Task, people: list[str]) -> Task:
    rows = np.flatnonzero(np.isin(np.array(task.subjects), people))
    classes = [code for code in range(len(task.classes)) if (task.y[rows] == code).any()]
    return replace(
        task,
        X=task.X[rows],
        y=np.searchsorted(classes, task.y[rows]),
        classes=tuple(task.classes[code] for code in classes),
        sample_ids=tuple(task.sample_ids[row] for row in rows),
        subjects=tuple(task.subjects[row] for row in rows),
        datasets=tuple(task.datasets[row] for row in rows),
        unmeasured=(),
    )


def _most(explained: list[Explanation]) -> str:
    """Which action units lead most often."""
    first = [one.regions[0].name for one in explained if one.regions]
    if not first:
        return ""
    name, n = max(((name, first.count(name)) for name in sorted(set(first))), key=lambda one: one[1])
    return f"The part that carries most of the heat beyond an even share is most often {name} ({n} times)."


def _cost(setting: Setting) -> Cost:
    """One training on half of the samples, and the faces, which other items measure too."""
    held = counts(setting)
    learned = TRAINING_S[METHOD] * epochs_of(METHOD, setting.epochs) * held.samples[3] / 2
    return (faces(held, 3) + Work(learned)).cost("faces", "training", again_s=1.0 + learned)


ITEM = Item("figure-11", "Where does a network look?", "Figure 11",
            ("videos", "coding", "micro-expressions"), _make, _cost, work="faces")  # fmt: skip
