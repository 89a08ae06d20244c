"""Figure 4: one micro-expression of each emotion, with arrows of how the skin moved."""

from __future__ import annotations

import numpy as np

from mien.core.expression import ActionUnit
from mien.core.time import FloatArray
from mien.dataset import Study, read_expressions
from mien.dataset.expressions import merge_expressions
from mien.experiments.explain import face_landmarks
from mien.experiments.study_source import Sample, StudySource, read_study_source
from mien.features.measuring import MeasureSettings
from mien.jobs import Store
from mien.report.sample_figures import FaceSample, beside_eyes, clearness, inside_face, samples_figure
from mien.reproduce.costs import faces
from mien.reproduce.counts import counts
from mien.reproduce.item import Cost, Item, ItemFigure, ItemResult
from mien.reproduce.setting import Setting
from mien.signals.face import flow_engine, remove_head_motion


def measured(setting: Setting, n_classes: int) -> StudySource:
    """Every micro-expression of the classes, measured once for all items that look at faces."""

    def read() -> StudySource:
        with setting.progress("faces and their motion") as show:
            return read_study_source(
                setting.opened(),
                n_classes=n_classes,
                kinds=("micro",),
                settings=MeasureSettings(),
                store=Store(setting.out / "store"),
                executor=setting.executor(),
                progress=show,
            )

    return setting.once(f"faces in {n_classes} classes", read)


def _make(setting: Setting) -> ItemResult:
    source = measured(setting, 7)
    people = source.study.participants
    units = _action_units(source.study)
    size = len(source.measured[source.samples[0].name].features["frame-pair"][1])
    landmarks = face_landmarks(MeasureSettings(), size)
    looked = inside_face(landmarks, size) & beside_eyes(landmarks, size)
    shown: list[FaceSample] = []
    faces: list[str] = []
    for emotion in source.classes:
        own = [sample for sample in source.samples if sample.label == emotion]
        allowed = [sample for sample in own if people[sample.participant].consent_level == 1] or own
        flows = {sample: _flow(source, sample) * looked for sample in allowed}
        numbers = {s: [unit.number for unit in units.get(s.name, ())] for s in allowed}
        chosen = max(allowed, key=lambda s: clearness(flows[s], numbers[s], looked, landmarks))
        level = people[chosen.participant].consent_level
        shown.append(
            FaceSample(
                emotion,
                " + ".join(map(str, units.get(chosen.name, ()))) or "no unit coded",
                level,
                source.measured[chosen.name].features["frame-pair"][1],
                flows[chosen],
                landmarks,
            )
        )
        faces += [chosen.participant] if shown[-1].shows_face else []
    templates = len(shown) - len(faces)
    return ITEM.done(
        sentences=(
            f"One micro-expression of each of {len(shown)} emotions: the clearest, whose coded units move "
            f"the skin furthest beyond the rest of the face. {len(faces)} show the face"
            + (
                f", {templates} a template of lines, since nobody who showed them allowed publication."
                if templates
                else "."
            ),
        ),
        figures=(
            ItemFigure(
                "Samples",
                samples_figure(shown),
                "Apex frames; arrows: motion of the skin since the onset, the head's own taken out. Eyes "
                "are left out, where blinks would be the most motion. L and R: one side of the face.",
                shows="face" if faces else "trace",
                participants=tuple(dict.fromkeys(faces)),
            ),
        ),
        differs=(
            "The paper does not say where its arrows come from; these are measured (dense inverse search).",
        ),
        values={one.label: one.words for one in shown},
    )


def _cost(setting: Setting) -> Cost:
    return faces(counts(setting), 7).cost("faces")


def _flow(source: StudySource, sample: Sample) -> FloatArray:
    """Onset to apex, (2, size, size), px, the head's motion taken out."""
    onset, apex = source.measured[sample.name].features["frame-pair"].mean(axis=-1).astype(np.uint8)
    return np.asarray(remove_head_motion(flow_engine("dis")(onset, apex))[0], dtype=np.float64)


def _action_units(study: Study) -> dict[str, tuple[ActionUnit, ...]]:
    """The units of every coded expression, by the names that samples have."""
    return {
        f"{who}_run-{one.run:02d}_frame-{one.frames[0]:06d}": one.action_units
        for who in study.participants
        for one in merge_expressions(read_expressions(study.session(who)))
    }


ITEM = Item("figure-4", "What micro-expressions look like here", "Figure 4",
            ("videos", "coding", "micro-expressions"), _make, _cost, work="faces")  # fmt: skip
