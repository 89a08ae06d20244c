"""What a coder states: what comes in as JSON goes out the same; what cannot be is refused with its field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.coding.annotation import BASES, Annotation, annotation_from_json, derived_kind
from mien.core.errors import DataError
from mien.core.expression import ActionUnit, is_micro

TIMES_S = [frame / 100 for frame in range(1000)]

frames = st.none() | st.integers(0, 2**31 - 1)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)
units = st.lists(
    st.builds(
        ActionUnit,
        st.integers(1, 99),
        st.sampled_from(("both", "left", "right")),
        st.none() | st.sampled_from("ABCDE"),
    ),
    unique_by=lambda unit: (unit.number, unit.side),
    max_size=30,
).map(tuple)


@st.composite
def annotations(draw):
    seen = draw(units)
    none_seen = not seen and draw(st.booleans())
    coded = bool(seen) or none_seen
    kind = draw(st.sampled_from((None, "micro", "macro")))
    return Annotation(
        onset=draw(frames),
        apex=draw(frames),
        offset=draw(frames),
        kind=kind,
        kind_reason=draw(texts.filter(str.strip)) if kind else "",
        action_units=seen,
        no_action_unit=none_seen,
        emotion=draw(st.sampled_from((None, "disgust", "mixed joy"))) if coded else None,
        basis=tuple(word for word in BASES if draw(st.booleans()) and (coded or word == "aus")),
        valence=draw(st.none() | st.floats(1, 9)),
        arousal=draw(st.none() | st.integers(1, 9)),
        certainty=draw(st.none() | st.integers(1, 5)),
        comment=draw(texts),
        suggestion=draw(st.none() | texts.filter(str.strip)),
    )


@given(annotations())
def test_what_is_written_is_read_back(annotation):
    plain = json.loads(json.dumps(annotation.as_json(), allow_nan=False))
    assert annotation_from_json(plain) == annotation
    assert annotation_from_json(plain).as_json() == plain


def test_nothing_stated_is_nothing_coded():
    assert annotation_from_json({}) == Annotation()
    assert not Annotation().coded_units
    assert Annotation(no_action_unit=True).coded_units
    assert Annotation(action_units=(ActionUnit(4),)).coded_units


def test_units_are_kept_in_order_and_a_side_is_a_unit_of_its_own():
    read = annotation_from_json({"action_units": ["AU12", "RAU4", "LAU12B", "AU4A"]})
    assert read.as_json()["action_units"] == ["AU4A", "RAU4", "AU12", "LAU12B"]


def test_markup_is_text():
    text = "<script>alert('x')</script> & \"quotes\"\n\tnext line; 表情 \U0001f600"
    assert annotation_from_json({"comment": text}).comment == text


def test_a_comment_of_2000_characters_is_read_one_more_is_not():
    assert len(annotation_from_json({"comment": "表" * 2000}).comment) == 2000
    with pytest.raises(DataError, match=r"comment: wanted text of at most 2000 characters, got 2001"):
        annotation_from_json({"comment": "x" * 2001})


CODED = {"action_units": ["AU4"]}
WRONG = {
    "no object": ([], "annotation"),
    "nothing": (None, "annotation"),
    "unknown field": ({"onsets": 3}, "onsets"),
    "field that is no text": ({3: 3}, "annotation"),
    "flag for a frame": ({"onset": True}, "onset"),
    "fraction of a frame": ({"apex": 3.0}, "apex"),
    "frame before the first": ({"offset": -1}, "offset"),
    "frame beyond counting": ({"offset": 2**31}, "offset"),
    "frame as text": ({"onset": "3"}, "onset"),
    "kind of none": ({"kind": "tiny", "kind_reason": "why"}, "kind"),
    "kind as a list": ({"kind": ["micro"], "kind_reason": "why"}, "kind"),
    "kind without reason": ({"kind": "micro"}, "kind_reason"),
    "kind with blank reason": ({"kind": "micro", "kind_reason": "  "}, "kind_reason"),
    "reason without kind": ({"kind_reason": "why"}, "kind_reason"),
    "long reason": ({"kind": "micro", "kind_reason": "x" * 501}, "kind_reason"),
    "units as text": ({"action_units": "AU4"}, "action_units"),
    "no unit": ({"action_units": ["smile"]}, "action_units"),
    "number for a unit": ({"action_units": [4]}, "action_units"),
    "digits of another script": ({"action_units": ["AU٤"]}, "action_units"),
    "unit nought": ({"action_units": ["AU0"]}, "action_units"),
    "unit twice": ({"action_units": ["AU4A", "AU4B"]}, "action_units"),
    "31 units": ({"action_units": [f"AU{n}" for n in range(1, 32)]}, "at most 30 units, got 31"),
    "one for a flag": ({"no_action_unit": 1}, "no_action_unit"),
    "units and none": ({**CODED, "no_action_unit": True}, "no_action_unit"),
    "emotion before units": ({"emotion": "disgust"}, "emotion: wanted action units coded before"),
    "clip before units": ({"basis": ["clip"]}, "basis: wanted action units coded before"),
    "self-report before units": ({"basis": ["aus", "self-report"]}, "basis"),
    "basis out of order": ({**CODED, "basis": ["clip", "aus"]}, "basis"),
    "basis twice": ({**CODED, "basis": ["aus", "aus"]}, "basis"),
    "basis unknown": ({**CODED, "basis": ["hunch"]}, "basis"),
    "basis of lists": ({**CODED, "basis": [["aus"]]}, "basis"),
    "empty emotion": ({**CODED, "emotion": ""}, "emotion"),
    "emotion with marks": ({**CODED, "emotion": "joy; fear"}, "emotion"),
    "emotion as number": ({**CODED, "emotion": 3}, "emotion"),
    "long emotion": ({**CODED, "emotion": "x" * 61}, "emotion"),
    "valence 0": ({"valence": 0}, "valence"),
    "valence 9.1": ({"valence": 9.1}, "valence"),
    "NaN": ({"valence": float("nan")}, "valence"),
    "infinite": ({"arousal": float("inf")}, "arousal"),
    "flag for a rating": ({"arousal": True}, "arousal"),
    "certainty 6": ({"certainty": 6}, "certainty"),
    "certainty 2.0": ({"certainty": 2.0}, "certainty"),
    "comment of nothing": ({"comment": None}, "comment"),
    "null byte": ({"comment": "a\x00b"}, "comment: wanted no control characters"),
    "escape": ({"comment": "\x1b[31m"}, "comment"),
    "carriage return": ({"comment": "a\r\nb"}, "comment"),
    "half a pair": ({"comment": "\ud83d"}, "comment"),
    "line break in a reason": ({"kind": "micro", "kind_reason": "a\nb"}, "kind_reason"),
    "empty suggestion": ({"suggestion": ""}, "suggestion"),
    "long suggestion": ({"suggestion": "x" * 201}, "suggestion"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused(case):
    value, words = WRONG[case]
    with pytest.raises(DataError) as caught:
        annotation_from_json(value)
    assert words in str(caught.value)
    assert str(caught.value).isprintable(), "an error must be fit to be shown"


def test_an_annotation_made_in_python_is_checked_as_well():
    with pytest.raises(DataError, match="emotion"):
        Annotation(emotion="disgust")


def test_the_rule_gives_the_kind():
    assert derived_kind(Annotation(onset=0, offset=50), TIMES_S) == "micro"
    assert derived_kind(Annotation(onset=0, offset=51), TIMES_S) == "macro"
    assert derived_kind(Annotation(onset=0, apex=25, offset=90), TIMES_S) == "micro"
    assert derived_kind(Annotation(onset=0, apex=30, offset=30), TIMES_S) == "macro", "offset not observed"


def test_a_stated_kind_goes_before_the_rule():
    stated = Annotation(onset=0, offset=50, kind="macro", kind_reason="it was held")
    assert derived_kind(stated, TIMES_S) == "macro"


@pytest.mark.parametrize(
    "known",
    [{}, {"apex": 3}, {"onset": 3}, {"onset": 5, "apex": 3}, {"onset": 1, "apex": 9, "offset": 5},
     {"onset": 0, "offset": 1000}],
)  # fmt: skip
def test_too_little_known_gives_no_kind(known):
    assert derived_kind(Annotation(**known), TIMES_S) is None


@given(st.lists(st.integers(0, 999), min_size=3, max_size=3).map(sorted))
def test_the_kind_is_the_rule_on_the_frames_times(frames):
    onset, apex, offset = frames
    micro = is_micro(TIMES_S[onset], TIMES_S[apex], TIMES_S[offset])
    found = derived_kind(Annotation(onset=onset, apex=apex, offset=offset), TIMES_S)
    assert found == ("micro" if micro else "macro")
