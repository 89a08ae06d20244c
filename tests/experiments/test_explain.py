"""Explanations of answers: which class, whose consent, and where an average face lies in the heat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core import OptionError
from mien.experiments.explain import explain_answers, face_landmarks
from mien.experiments.models import TrainedModel
from mien.experiments.predict import Answer
from mien.features.measuring import MeasureSettings
from mien.recognition.attribution import attribute
from mien.recognition.bi_woof import BiWOOFRecogniser
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.recognition.majority import MajorityRecogniser
from mien.signals.face import FaceSettings
from mien.signals.face.regions import template_landmarks

CLASSES = ("negative", "positive", "surprise")
FACE = np.full((32, 32, 3), 90, np.uint8)


def model_of(recogniser, *, size: int = 96, alignment: str = "eyes") -> TrainedModel:
    measure = MeasureSettings(FaceSettings(size=size, alignment=alignment))
    return TrainedModel(
        Path("m"), "some-method", recogniser.needs.name, CLASSES, "d", (), measure, recogniser
    )


def answers_of(model: TrainedModel, X, **more) -> list[Answer]:
    found = []
    for number, (x, chances) in enumerate(zip(X, model.probabilities(X), strict=True)):
        by_class = dict(zip(CLASSES, chances.tolist(), strict=True))
        best = CLASSES[int(chances.argmax())]
        found.append(Answer(f"clip-{number}", by_class, best, X=x, picture=FACE, **more))
    return found


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(4)
    y = np.repeat([0, 2], 6)  # positive was never seen in training
    return rng.integers(0, 200, (12, 28, 28, 3)).astype(np.uint8) + (20 * y[:, None, None, None]).astype(
        np.uint8
    ), y


@pytest.fixture(scope="module")
def model(maps):
    return model_of(LinearSVMRecogniser().fit(*maps))


def test_each_answer_is_explained_by_its_own_class(model, maps):
    X, y = maps
    given = answers_of(model, np.concatenate([X, X, X]))  # more than are explained at once
    found = explain_answers(model, given)
    assert [one.name for one in found] == [answer.name for answer in given]
    for one, answer, code in zip(found, given, np.tile(y, 3), strict=True):
        assert one.label == answer.estimate == CLASSES[code]
        assert one.probability == answer.probabilities[one.label]
        assert (one.heat == attribute(model.recogniser, answer.X[None], code)[0]).all()
        assert one.regions[0].share > one.regions[0].even
        assert one.recogniser == "some-method"
        assert one.method == "integrated-gradients"
    chosen = explain_answers(model, given[:2], label="surprise")
    assert [one.label for one in chosen] == ["surprise"] * 2
    assert chosen[0].probability == given[0].probabilities["surprise"]


def test_what_was_refused_is_left_out(model, maps):
    refused = Answer("clip-x", {}, None, refused="no face")
    found = explain_answers(model, [refused, *answers_of(model, maps[0][:1]), refused])
    assert [one.name for one in found] == ["clip-0"]
    assert explain_answers(model, [refused]) == []


def test_given_consent_is_of_the_person_in_a_video_only(model, maps):
    X = maps[0][:1]
    (video,) = explain_answers(model, answers_of(model, X), consent_level=1)
    assert video.consent_level == 1
    for level in (2, None):
        (person,) = explain_answers(
            model, answers_of(model, X, participant="sub-001", consent_level=level), consent_level=1
        )
        assert person.consent_level == level
        assert person.participant == "sub-001"
    (silent,) = explain_answers(model, answers_of(model, X))
    assert silent.consent_level is None


def test_classes_that_cannot_be_explained(model, maps):
    given = answers_of(model, maps[0][:1])
    for label in ("positive", "joy"):
        with pytest.raises(OptionError, match="which it has learned"):
            explain_answers(model, given, label=label)
    majority = MajorityRecogniser().fit(*maps)
    told = TrainedModel(Path("m"), "majority", None, CLASSES, "d", (), None, majority)
    with pytest.raises(OptionError, match="looks at no place"):
        explain_answers(told, given)


def test_descriptors_are_painted_at_the_size_of_the_faces():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(9, 200)), np.repeat([0, 1, 2], 3)
    model = model_of(BiWOOFRecogniser().fit(X, y), size=80)
    (one,) = explain_answers(model, answers_of(model, X[:1]))
    assert one.heat.shape == (80, 80)
    assert (one.landmarks == template_landmarks(80)).all()


def test_landmarks_lie_where_faces_were_cut():
    aligned = face_landmarks(MeasureSettings(FaceSettings(alignment="eyes")), 28)
    boxed = face_landmarks(MeasureSettings(FaceSettings(alignment="fixed-box")), 28)
    assert (aligned == template_landmarks(28)).all()
    assert (face_landmarks(None, 28) == boxed).all()
    between = [np.linalg.norm(p[42:48].mean(0) - p[36:42].mean(0)) / 28 for p in (aligned, boxed)]
    assert between == pytest.approx([0.32, 0.38])
