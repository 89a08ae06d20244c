"""Example pictures of a dataset, each with the participant it shows, for reports to ask consent over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.records import Artefact, write_atomically
from mien.evaluation import Task

PER_CLASS = 4


def write_examples(task: Task, out: Path) -> tuple[Artefact, ...]:
    """A few motion maps per class, of different participants, as PNG files under `out/examples`.

    The task's input must be motion maps, (n_samples, height, width, 3) uint8.

    They stay on the machine of whoever runs the analysis; a report shows only what consent allows.
    """
    import cv2

    folder = out / "examples" / task.digest[:12]
    artefacts = []
    for code, name in enumerate(task.classes):
        rows = np.flatnonzero(task.y == code)
        first_of = {task.subjects[row]: row for row in reversed(rows)}
        # People who allow publication come first, so that a report can show something where anybody does.
        order = sorted(first_of, key=lambda who: (task.consent.get(who) != 1, first_of[who]))
        for number, who in enumerate(order[:PER_CLASS], start=1):
            path = folder / f"{name}-{number}.png"
            _, data = cv2.imencode(".png", np.ascontiguousarray(task.X[first_of[who]][..., ::-1]))
            write_atomically(path, data.tobytes())
            artefacts.append(Artefact(f"../examples/{folder.name}/{path.name}", "face", (who,)))
    return tuple(artefacts)
