"""What the default spotter says of real clips that nothing was tuned on."""

from __future__ import annotations

import pytest

from mien.experiments.spot import SpotRequest, spot

# Marked by eye from the extracted frames on 21 November 2026, before the spotter was run on this clip:
# frame 15 is neutral, 16 the first with lifted corners of the mouth, 20 the first with teeth, 24 the first in
# which the smile is full; it is held to frame 66, and the lips are closed again in the last frame, 71.
# The eyes blink in frames 25 to 29.
SMILE_ONSET_S, SMILE_APEX_S = 16 / 30, 24 / 30
NEAR_S = 0.2


def say(path, tmp_path):
    return spot(SpotRequest(path, out=tmp_path)).spotted


def test_the_smile_is_one_macro_expression_and_nothing_else(shared_data, tmp_path):
    spotted = say(shared_data / "video" / "pyfeat" / "single_face.mp4", tmp_path)
    (smile,) = spotted.proposals
    assert smile.kind == "macro"
    assert smile.onset_s == pytest.approx(SMILE_ONSET_S, abs=NEAR_S)
    assert smile.apex_s == pytest.approx(SMILE_APEX_S, abs=NEAR_S)
    assert "mouth" in smile.regions


def test_a_cartoon_without_a_face_is_not_judged(shared_data, tmp_path):
    spotted = say(shared_data / "video" / "pyfeat" / "no_face.mp4", tmp_path)
    assert spotted.proposals == ()
    assert spotted.unjudged_s == pytest.approx(spotted.duration_s)
    assert {one.reason for one in spotted.not_judged} == {"no face with two eyes was found"}


def test_talk_is_told_and_is_seldom_taken_for_an_expression(shared_data, tmp_path):
    """GRID's speakers show no expression: all that is proposed is false, 1 in 12 s (a brow) as things are."""
    clips = sorted((shared_data / "video" / "grid_lipnet" / "GRID").glob("*.mpg"))
    found = [say(path, tmp_path / path.stem) for path in clips]
    assert all(one.unjudged_s < 0.1 * one.duration_s for one in found)
    assert sum(len(one.proposals) for one in found) <= 2
    assert all(any("talking: the mouth" in note for note in one.notes) for one in found)
