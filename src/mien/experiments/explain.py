"""What `mien predict --explain` composes: a model and its answers -> where each answer comes from.

An explanation holds the heat, the action units that carry most of it, and the apex picture with the level of
consent that decides whether anybody sees it: who draws it asks `dataset.may_leave`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.experiments.models import TrainedModel
from mien.experiments.predict import Answer
from mien.features.measuring import MeasureSettings
from mien.recognition.attribution import (
    FACE_PX,
    RegionShare,
    Way,
    attribute,
    attribution_method,
    region_shares,
)
from mien.signals.face.finding import eyes_in_box
from mien.signals.face.regions import landmarks_from_eyes, template_landmarks

_TOGETHER = 32  # samples whose heat is computed at once


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Where one answer comes from.

    Parameters
    ----------
    name
        Of the expression.
    recogniser
        Name of the method that answered.
    method
        How it was explained, see `recognition.attribution`.
    label, probability
        The class whose score is explained, and the model's probability of it.
    heat
        Shape (height, width), 0 or more.
    landmarks
        Shape (68, 2), of an average face in the heat's pixels.
    regions
        Action units, those that carry most of the heat beyond an even spread first.
    participant, consent_level
        Whose face it is, and what they allowed; None: not known.
    face
        The apex frame, (size, size, 3) uint8 RGB, over the same part of the face as the heat; None where
        there is none. Only for those whom the consent level lets see it.
    """

    name: str
    recogniser: str
    method: Way
    label: str
    probability: float
    heat: FloatArray
    landmarks: FloatArray
    regions: tuple[RegionShare, ...]
    participant: str | None = None
    consent_level: int | None = None
    face: NDArray[np.uint8] | None = None


def explain_answers(
    model: TrainedModel,
    answers: Sequence[Answer],
    *,
    consent_level: int | None = None,
    method: Literal["auto", "grad-cam", "integrated-gradients"] = "auto",
    label: str | None = None,
) -> list[Explanation]:
    """Explain every answer of a model that is one; expressions that could not be measured are left out.

    Parameters
    ----------
    consent_level
        Of the person in a video. For a study's expressions its participants' own level holds, whatever is
        given here.
    method
        See `recognition.attribution.attribute`.
    label
        The class to explain in all answers; by default each answer's own.

    Raises
    ------
    OptionError
        If the model looks at no place of the face, cannot be explained by this method, or has never learned
        the class.
    DataError
        If the answers are not this model's.
    """
    way = attribution_method(model.recogniser, method)
    given = [answer for answer in answers if answer.estimate is not None and answer.X.size]
    explained: list[Explanation] = []
    for start in range(0, len(given), _TOGETHER):
        some = given[start : start + _TOGETHER]
        explained += _explain(model, some, way, consent_level, label)
    return explained


def _explain(
    model: TrainedModel, answers: Sequence[Answer], way: Way, consent_level: int | None, label: str | None
) -> list[Explanation]:
    labels = [label or str(answer.estimate) for answer in answers]
    # An unknown class becomes a code that nobody learned, which is refused below.
    codes = [model.classes.index(one) if one in model.classes else len(model.classes) for one in labels]
    X = np.stack([answer.X for answer in answers])
    heats = attribute(model.recogniser, X, codes, method=way, size=_face_px(model.measure))
    landmarks = face_landmarks(model.measure, heats.shape[1])
    return [
        Explanation(
            name=answer.name,
            recogniser=model.method,
            method=way,
            label=name,
            probability=answer.probabilities[name],
            heat=heat,
            landmarks=landmarks,
            regions=tuple(region_shares(heat, landmarks)),
            participant=answer.participant,
            consent_level=consent_level if answer.participant is None else answer.consent_level,
            face=answer.picture,
        )
        for answer, name, heat in zip(answers, labels, heats, strict=True)
    ]


def _face_px(measure: MeasureSettings | None) -> int:
    return FACE_PX if measure is None else measure.face.size


def face_landmarks(measure: MeasureSettings | None, size: int) -> FloatArray:
    """The template's 68 landmarks in a face of `size` x `size` pixels that was cut out as the settings say.

    Boxes of detectors show more of the face than aligned pictures do; maps whose making is not known are
    taken for boxes, as the published ones are.
    """
    if measure is not None and measure.face.alignment == "eyes":
        return template_landmarks(size)
    return landmarks_from_eyes(eyes_in_box((0, 0, size, size)))
