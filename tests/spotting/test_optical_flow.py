"""The training-free spotter on films whose expressions are known, and on films that show none."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError, OptionError
from mien.experiments.spot import SpotRequest, spot
from mien.features.face_pass import measure_face_motion
from mien.jobs import Store
from mien.metrics.spotting import evaluate
from mien.report.spotting_figures import timeline
from mien.spotting import OpticalFlowSettings, spot_by_optical_flow

sys.path.insert(0, str(Path(__file__).parent))

import films

COLUMNS = ["recording_id", "kind", "onset", "offset", "apex"]


def say(folder, pictures, times_s):
    path = films.write(folder / "film.mp4", pictures, times_s)
    return spot_by_optical_flow(measure_face_motion(path, Store(folder / "store")))


def score(spotted):
    """Against `films.STORY`, by the field's rule: IoU of at least .5, kinds apart."""
    truth = [["film", one.kind, one.onset_s, one.offset_s, one.apex_s] for one in films.STORY]
    found = [["film", p.kind, p.onset_s, p.offset_s, p.apex_s] for p in spotted.proposals]
    tables = [pd.DataFrame(rows, columns=COLUMNS) for rows in (truth, found)]
    return evaluate(*tables, unit="s", total_duration_s=spotted.duration_s)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    path = films.write(folder / "story.mp4", films.story(), films.clock(films.LENGTH_S))
    return spot(SpotRequest(path, out=folder / "out"))


def test_expressions_are_found_and_blinks_are_not(result):
    found = score(result.spotted)
    assert (found.overall.tp, found.overall.fp, found.overall.fn) == (3, 0, 0)
    assert found.apex_error.mean_absolute < 60  # ms
    assert result.spotted.not_judged == ()
    assert [set(p.regions) & {"mouth", "brows"} for p in result.spotted.proposals] == [
        {"mouth"}, {"brows"}, {"brows"}
    ]  # fmt: skip


def test_the_result_is_written_as_a_table_and_a_timeline(result):
    with open(result.files["table"]) as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["micro", "macro", "micro"]
    told = result.as_json()
    assert [list(one)[:5] for one in told["expressions"]] == [
        ["onset_s", "apex_s", "offset_s", "kind", "score"]
    ] * 3
    assert told["judged_s"] == pytest.approx(10.0)
    drawn = timeline(result.spotted, title="story")
    assert drawn.startswith("<svg")
    assert "<image" not in drawn


def test_the_score_curve_passes_its_threshold_where_something_is_proposed(result):
    spotted = result.spotted
    high = spotted.curve_s[np.nan_to_num(spotted.curve) >= 1]
    assert all(any(one.onset_s <= at <= one.offset_s for at in high) for one in spotted.proposals)


def test_frames_that_come_irregularly_give_the_same_expressions(tmp_path):
    keep = np.sort(np.random.default_rng(0).choice(1000, size=250, replace=False))
    spotted = say(tmp_path, films.story()[keep], films.clock(10.0)[keep])
    found = score(spotted)
    assert (found.overall.tp, found.overall.fp) == (3, 0)
    assert found.apex_error.mean_absolute < 80


def test_eight_frames_a_second_show_macro_expressions_only(tmp_path):
    spotted = say(tmp_path, films.story()[::12], films.clock(films.LENGTH_S)[::12])
    assert [one.kind for one in spotted.proposals] == ["macro"]
    assert spotted.proposals[0].apex_s == pytest.approx(4.7, abs=0.25)
    assert any("too slow for micro-expressions" in note for note in spotted.notes)


def test_two_frames_a_second_are_not_judged(tmp_path):
    spotted = say(tmp_path, films.story()[::50], films.clock(films.LENGTH_S)[::50])
    assert spotted.proposals == ()
    assert spotted.unjudged_s == pytest.approx(spotted.duration_s)
    assert "too slow" in spotted.not_judged[0].reason


@pytest.mark.parametrize(("what", "person"), [("blinks", 4), ("talk", 5)])
def test_blinks_and_talk_alone_are_no_expressions(what, person, tmp_path):
    times = films.clock(4.4, 25)
    doing = {"blinks": (0.8, 1.9, 3.4)} if what == "blinks" else {"talk": ((1.0, 3.2),)}
    spotted = say(tmp_path, films.frames(times, person=person, **doing), times)
    assert spotted.proposals == ()
    assert any("talking: the mouth" in note for note in spotted.notes) == (what == "talk")


def test_a_turning_head_is_not_judged(tmp_path):
    times = films.clock(4.0, 25)
    turn = films.frames(times, person=4, shift=lambda at: 26 * np.clip((at - 2.0) / 0.4, 0, 1))
    spotted = say(tmp_path, turn, times)
    reasons = [one for one in spotted.not_judged if "turned" in one.reason]
    assert any(2.1 in one.span for one in reasons)
    assert spotted.unjudged_s < 2.0
    assert not any(one.onset_s < 2.4 and one.offset_s > 2.0 for one in spotted.proposals)


def test_across_a_cut_nothing_is_joined(tmp_path):
    times = films.clock(5.0, 25)
    other = films.frames(times[:60], person=8)[..., ::-1]
    pictures = np.concatenate([films.story()[:250:4], 255 - films.nothing(2), other])
    spotted = say(tmp_path, pictures, times)
    assert any(one.apex_s == pytest.approx(1.68, abs=0.08) for one in spotted.proposals)
    assert not any(one.onset_s < 2.5 < one.offset_s for one in spotted.proposals)
    assert any(2.55 in one.span for one in spotted.not_judged)


def test_settings_and_requests_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(OptionError, match="micro threshold"):
        OpticalFlowSettings(micro_threshold=0.0)
    with pytest.raises(OptionError, match="optical-flow"):
        SpotRequest(tmp_path / "film.mp4", method="magic")
    with pytest.raises(DataError, match=r"absent\.mp4"):
        spot(SpotRequest(tmp_path / "absent.mp4", out=tmp_path / "out"))
