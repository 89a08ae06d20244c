"""Example pictures of a dataset, each with the participant it shows, for reports to ask consent over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.records import Artefact, write_atomically
from mien.dataset.motion_maps import MotionMaps

PER_CLASS = 4


def write_examples(maps: MotionMaps, out: Path) -> tuple[Artefact, ...]:
    """A few motion maps per class, of different participants, as PNG files under `out/examples`.

    They stay on the machine of whoever runs the analysis; a report shows only what consent allows.
    """
    import cv2

    folder = out / "examples" / maps.digest[:12]
    artefacts = []
    for code, name in enumerate(maps.classes):
        rows = np.flatnonzero(maps.labels == code)
        first_of = {maps.subjects[row]: row for row in reversed(rows)}
        # People who allow publication come first, so that a report can show something where anybody does.
        order = sorted(first_of, key=lambda who: (maps.consent.get(who) != 1, first_of[who]))
        for number, who in enumerate(order[:PER_CLASS], start=1):
            path = folder / f"{name}-{number}.png"
            _, data = cv2.imencode(".png", np.ascontiguousarray(maps.maps[first_of[who]][..., ::-1]))
            write_atomically(path, data.tobytes())
            artefacts.append(Artefact(f"../examples/{folder.name}/{path.name}", "face", (who,)))
    return tuple(artefacts)
