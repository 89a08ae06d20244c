"""What `mien predict` composes: a model and a clip, or a study's expressions -> probabilities of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, to_json
from mien.dataset import open_study
from mien.experiments.models import TrainedModel, load_trained
from mien.experiments.sources import is_study, owner_of_film
from mien.experiments.study_source import read_study_source
from mien.features.measuring import ClipSpan, Measurement, MeasureSettings, measure_clips
from mien.jobs import Sequential, Store, silent
from mien.recording.formats.video import read_frames

LONGEST_S = 4.0
"""No expression lasts longer in a laboratory: a longer clip is taken for something else, and said so."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Moments:
    """When an expression begins, is strongest and ends, seconds of the video's own time; None: not given."""

    onset_s: float | None = None
    apex_s: float | None = None
    offset_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model says of one expression.

    `X` is the model's input, () where it could not be measured; `coded` its coded class where there is one;
    `seen` whether the model has learned from this participant, None where nobody knows whose face it is.
    """

    name: str
    probabilities: Mapping[str, float]
    estimate: str | None
    apex_s: float | None = None
    notes: tuple[str, ...] = ()
    refused: str | None = None
    participant: str | None = None
    consent_level: int | None = None
    coded: str | None = None
    seen: bool | None = None
    X: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    picture: NDArray[np.uint8] | None = None

    def as_json(self) -> dict[str, Json]:
        """Everything but the arrays."""
        told = {k: v for k, v in asdict(self).items() if k not in ("X", "picture", "consent_level")}
        return {key: to_json(value) for key, value in told.items()}


def predict(
    model_path: Path,
    source: Path,
    *,
    moments: Moments | None = None,
    measure: MeasureSettings | None = None,
    finder_model: Path | None = None,
    kinds: tuple[str, ...] = ("micro",),
    out: Path = Path("mien-results"),
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> tuple[TrainedModel, list[Answer]]:
    """Ask a model about one video, or about every coded expression of a study.

    Parameters
    ----------
    moments
        For a video: by default it begins with the onset and ends with the offset, and the apex is the frame
        farthest from the onset.
    measure
        How faces are found, where it differs from how the model's own clips were measured.
    finder_model
        The file of the face finder, which no model file names.

    Raises
    ------
    DataError
        If the model or the video cannot be read, the model learned from maps that someone else measured, or
        the clip cannot be measured.
    OptionError
        If moments lie outside the video, or are given for a study.
    """
    model = load_trained(model_path)
    settings = measure or model.measure
    if settings is None or model.needs is None:
        raise DataError(
            model_path,
            wanted="a model that knows how its clips were measured",
            got="one that was trained on motion maps, or needs nothing",
            remedy="train it on a study with mien recognise STUDY --save",
        )
    if finder_model is not None:
        settings = replace(settings, face=replace(settings.face, model=finder_model))
    if is_study(source):
        if moments is not None and moments != Moments():
            raise OptionError(
                "--onset", wanted="a video", got="a study", remedy="leave moments out: they are coded"
            )
        return model, _of_study(model, source, settings, kinds, out, progress)
    return model, [_of_video(model, source, settings, moments or Moments())]


def _of_video(model: TrainedModel, path: Path, settings: MeasureSettings, moments: Moments) -> Answer:
    # The face pass needs the frames' own numbers first: luma is the cheapest way to count and time them.
    times = np.array([at for _, at, _ in read_frames(path, luma=True, only=lambda index: True)])
    clip, span_s = _span(path, times, moments)
    one = measure_clips(path, [clip], [str(model.needs), "frame-pair"], settings)[clip.name]
    if one.refused is not None:
        raise DataError(
            path,
            wanted="a clip that can be measured",
            got=one.refused.rstrip("."),
            remedy="give another clip, or other moments",
        )
    answer = _answer(model, path.name, one)
    owner = owner_of_film(path)
    if owner is not None:
        seen = _seen(model, owner.study, owner.participant)
        answer = replace(answer, participant=owner.participant, consent_level=owner.level, seen=seen)
    notes = (*one.notes, "longer-than-an-expression") if span_s > LONGEST_S else one.notes
    assert one.apex is not None
    return replace(answer, notes=tuple(notes), apex_s=float(times[clip.first + one.apex]))


def _span(path: Path, times: NDArray[np.float64], moments: Moments) -> tuple[ClipSpan, float]:
    """The frames nearest to the moments, and how long the clip is."""
    if len(times) < 2:
        raise DataError(
            path,
            wanted="a video of two frames or more",
            got=f"{len(times)}",
            remedy="give a longer clip",
        )

    def frame(at_s: float | None, default: int | None) -> int | None:
        if at_s is None:
            return default
        if not times[0] <= at_s <= times[-1] + np.median(np.diff(times)):
            raise OptionError(
                f"{path.name}, moment",
                wanted=f"seconds from {times[0]:.3f} to {times[-1]:.3f}",
                got=at_s,
                remedy="give a time within the video",
            )
        return int(np.abs(times - at_s).argmin())

    first, last = frame(moments.onset_s, 0), frame(moments.offset_s, len(times) - 1)
    assert first is not None
    assert last is not None
    if last <= first:
        raise OptionError(
            f"{path.name}, offset",
            wanted=f"a moment after the onset at {times[first]:.3f} s",
            got=f"{times[last]:.3f} s",
            remedy="correct --onset or --offset",
        )
    clip = ClipSpan(path.name, first, frame(moments.apex_s, None), last)
    return clip, float(times[max(last, first)] - times[first])


def _of_study(
    model: TrainedModel,
    folder: Path,
    settings: MeasureSettings,
    kinds: tuple[str, ...],
    out: Path,
    progress: Callable[[str], AbstractContextManager[Progress]],
) -> list[Answer]:
    study = open_study(folder)
    n_classes = 3 if set(model.classes) <= {"negative", "positive", "surprise"} else 7
    with progress("faces and their motion") as show:
        source = read_study_source(
            study,
            n_classes=n_classes,
            kinds=kinds,
            settings=settings,
            store=Store(out / "store"),
            executor=Sequential(),
            progress=show,
        )
    answers = []
    for sample in source.samples:
        answers.append(
            replace(
                _answer(model, sample.name, source.measured[sample.name]),
                participant=sample.participant,
                consent_level=study.participants[sample.participant].consent_level,
                coded=sample.label,
                seen=_seen(model, folder, sample.participant),
            )
        )
    for one in source.unmeasured:
        answers.append(
            Answer(
                one.sample_id, {}, None, refused=one.reason, participant=one.subject_id, coded=one.reference
            )
        )
    return answers


def _seen(model: TrainedModel, study: Path, participant: str) -> bool:
    return model.dataset == study.resolve().name and participant in model.participants


def _answer(model: TrainedModel, name: str, one: Measurement) -> Answer:
    X = one.features[str(model.needs)]
    chances = model.probabilities(X[None])[0]
    pair = one.features.get("frame-pair")
    return Answer(
        name=name,
        probabilities={label: float(p) for label, p in zip(model.classes, chances, strict=True)},
        estimate=model.classes[int(chances.argmax())],
        notes=one.notes,
        X=X,
        picture=None if pair is None else np.asarray(pair[1], dtype=np.uint8),
    )
