"""A run of spotting: who is searched by whom, which thresholds are chosen, and what is counted."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError
from mien.core.expression import Expression
from mien.core.records import read_record
from mien.evaluation import Settings
from mien.evaluation.spotting_run import evaluate_spotting, judged
from mien.evaluation.spotting_score import score_rows, score_spotting
from mien.evaluation.spotting_task import Recording, SpottingMethod, SpottingTask, UnsearchedRecording
from mien.jobs import Store
from mien.metrics.spotting import evaluate


@dataclasses.dataclass(frozen=True)
class Found:
    onset_s: float
    apex_s: float
    offset_s: float
    kind: str
    score: float


class Heights:
    """Proposes every bump of a video that is as high as the threshold; a video is a list of bumps."""

    seen: ClassVar[list[tuple[str, ...]]] = []

    def __init__(self, *, shift_s=0.0, seed=0):
        self.shift_s = shift_s

    def fit(self, videos, references):
        assert len(videos) == len(references)
        Heights.seen.append(tuple(videos[i]["name"] for i in range(len(videos))))
        self.longest = max((e.offset_s - e.onset_s for own in references for e in own), default=0.0)
        return self

    def learned(self):
        return {"longest_s": self.longest}

    def score(self, video):
        return {
            "times_s": np.arange(2.0),
            "micro": np.zeros(2),
            "bumps": np.array(video["bumps"]).reshape(-1, 2),
        }

    def propose(self, scores, thresholds):
        return [
            Found(at + self.shift_s, at + 0.2 + self.shift_s, at + 0.4 + self.shift_s, "micro", height)
            for at, height in scores["bumps"].tolist()
            if height >= thresholds.get("micro", np.inf)
        ]


def build_heights(**parameters):
    return Heights(**parameters)


def micro(at):
    return Expression(at, at + 0.2, at + 0.4, "micro")


def recording(name, subject, onsets, *, unscored=(), end_s=60.0):
    return Recording(name, subject, "toy", 0.0, end_s, tuple(map(micro, onsets)), tuple(unscored))


def task(*, odd=False):
    """Three people; noise of height 2 and expressions of 5 but for sub-003, whose expressions are of 1."""
    recordings, videos = [], []
    for number, who in enumerate(("sub-001", "sub-002", "sub-003")):
        for run in (1, 2):
            name = f"{who}_run-{run:02d}"
            onsets = [5.0 + number, 20.0 + run]
            high = 1.0 if odd and who == "sub-003" else 5.0
            recordings.append(recording(name, who, onsets))
            noise = [(33.0, 2.0), (41.0, 2.0)]
            videos.append({"name": name, "bumps": [*((at, high) for at in onsets), *noise]})
    return SpottingTask("toy", "d" * 64, tuple(recordings), videos)


def method(learns="nothing", **changes):
    found = SpottingMethod(
        "heights", 1, build_heights, learns, {"micro": 4.0}, {"micro": (0.5, 1.5, 3.0, 4.0)}
    )
    return dataclasses.replace(found, **changes)


def run(tmp_path, given=None, how=None, **settings):
    how = how or method()
    given = given or task()
    return evaluate_spotting(given, how, Settings(**settings), store=Store(tmp_path))


def test_thresholds_come_from_training_subjects_only(tmp_path):
    """The person whose expressions are small is searched with the others' threshold, and missed."""
    found = run(tmp_path, task(odd=True), protocol="nested").record
    thresholds = found.protocol["thresholds"]
    assert thresholds["sub-003"] == {"micro": 4.0}  # of equal ones the nearest to the published
    assert found.scores["micro"]["by_subject"]["sub-003"]["tp"] == 0
    leak = run(tmp_path, task(odd=True), protocol="test-selected").record
    assert leak.protocol["thresholds"]["sub-003"] == {"micro": 0.5}
    assert leak.protocol["leaks"] is True
    assert leak.scores["micro"]["counts"]["tp"] > found.scores["micro"]["counts"]["tp"]


def test_fixed_takes_the_published_threshold(tmp_path):
    found = run(tmp_path, task(), protocol="fixed").record
    assert set(map(str, found.protocol["thresholds"].values())) == {"{'micro': 4.0}"}
    assert found.scores["micro"]["counts"] | {"tp": 12, "fp": 0, "fn": 0} == found.scores["micro"]["counts"]


@pytest.mark.parametrize("learns", ["lengths", "network"])
def test_nobody_is_searched_by_who_has_seen_them(tmp_path, learns):
    Heights.seen = []
    found = run(tmp_path, task(), method(learns), protocol="nested")
    assert len(found.record.samples["role"]) == 24
    assert found.record.samples["fold"] == found.record.samples["subject_id"]
    people = [frozenset(name.split("_")[0] for name in names) for names in Heights.seen]
    assert all(len(one) <= 2 for one in people), "somebody learned from all three"
    if learns == "network":
        # Three folds; in each the two training people search each other, then train together.
        assert sorted(map(len, people)) == [1] * 6 + [2] * 3


def test_counts_are_those_of_the_metrics(tmp_path):
    given = task()
    found = run(tmp_path, given, method(parameters={"shift_s": 0.05}), protocol="fixed").record
    rows = pd.DataFrame(found.samples).rename(
        columns={"onset_s": "onset", "apex_s": "apex", "offset_s": "offset"}
    )
    sides = [rows[rows["role"] == role] for role in ("reference", "estimate")]
    expected = evaluate(*sides, unit="s", total_duration_s=360.0)
    told = score_spotting(found)["micro"]
    assert told.counts == expected.micro
    assert told.fp_per_minute == pytest.approx(expected.fp_per_minute)
    assert told.apex_error_ms == pytest.approx(expected.apex_error.median_absolute) == pytest.approx(50.0)
    assert told.f1.value == pytest.approx(expected.micro.f1)


def test_intervals_come_from_people():
    """One person is all found, the other all missed: F1 of resampled pairs is 0, 2/3 or 1."""
    samples = {
        "recording_id": ["a", "a", "b"],
        "subject_id": ["s1", "s1", "s2"],
        "role": ["reference", "estimate", "reference"],
        "kind": ["micro"] * 3,
        "onset_s": [1.0, 1.0, 1.0],
        "apex_s": [1.2, None, 1.2],
        "offset_s": [1.4, 1.4, 1.4],
    }
    listed = [
        {"name": n, "subject_id": s, "start_s": 0.0, "end_s": 60.0} for n, s in (("a", "s1"), ("b", "s2"))
    ]
    score = score_rows(samples, {"recordings": listed})["micro"]
    assert score.f1.value == pytest.approx(2 / 3)
    assert (score.f1.low, score.f1.high) == (0.0, 1.0)
    assert score.n_apexes == 0
    assert np.isnan(score.apex_error_ms)
    assert score.by_subject["s2"].fn == 1


def test_chance_is_what_random_times_give():
    """Half of a minute is covered by windows of 1 s: the chance of a hit is known."""
    rng = np.random.default_rng(0)
    rows = {
        name: [] for name in ("recording_id", "subject_id", "role", "kind", "onset_s", "apex_s", "offset_s")
    }
    listed = []
    for number in range(200):
        name = f"r{number}"
        listed.append({"name": name, "subject_id": f"s{number % 5}", "start_s": 0.0, "end_s": 11.0})
        for role, onset in (("reference", 5.0), ("estimate", float(rng.uniform(0, 10)))):
            row = (name, f"s{number % 5}", role, "macro", onset, onset + 0.5, onset + 1.0)
            for column, value in zip(rows, row, strict=True):
                rows[column].append(value)
    score = score_rows(rows, {"recordings": listed})["macro"]
    # IoU of two 1-s spans is at least .5 if they are at most 1/3 s apart: 2/3 of 10 s of places.
    assert score.random.value == pytest.approx(2 / 30, abs=0.01)
    assert score.random.low < score.f1.value < score.random.high + 0.02
    assert score.p_random > 0.01
    assert score.uniform == pytest.approx(2 * 200 / (200 + 200 * 11))


def test_what_nobody_can_match_does_not_count():
    half = Expression(10.0, 10.2, None, None)
    one = recording("a", "s", [5.0], unscored=[half])
    proposals = [Found(at, at + 0.2, at + 0.4, "micro", 1.0) for at in (5.0, 9.9, 30.0)]
    assert [p.onset_s for p in judged(one, proposals)] == [5.0, 30.0]


def test_unsearched_recordings_are_told_and_count_as_missed(tmp_path):
    given = dataclasses.replace(
        task(), unsearched=(UnsearchedRecording("sub-004_run-01", "sub-004", {"micro": 3}, "no frames"),)
    )
    found = run(tmp_path, given, protocol="fixed").record
    assert found.scores["micro"]["counts"]["fn"] == 0
    assert found.scores["micro"]["with_unsearched"]["fn"] == 3
    assert any("sub-004_run-01: no frames" in line for line in found.warnings)


def test_a_record_is_the_same_again_and_reads_back(tmp_path):
    first = run(tmp_path / "a", protocol="nested").record
    again = run(tmp_path / "a", protocol="nested").record
    assert again.identity == first.identity
    assert again.run["n_folds_cached"] == again.run["n_folds"] > 0
    assert read_record(first.write(tmp_path / "records")).identity == first.identity


def test_one_person_cannot_be_searched_by_others():
    with pytest.raises(DataError, match="two or more subjects"):
        SpottingTask("toy", "d", (recording("a", "s", [1.0]),), [{}])


def test_other_rules_count_the_same_rows(tmp_path):
    """Two proposals on one expression: a duplicate is false one to one, and not where labels are counted."""
    given = SpottingTask(
        "toy",
        "d",
        (recording("a", "s1", [5.0]), recording("b", "s2", [5.0])),
        [{"name": n, "bumps": [(5.0, 9.0), (5.02, 9.0)]} for n in "ab"],
    )
    rules = run(tmp_path, given, protocol="fixed").record.scores["other_rules"]
    assert (rules["one-to-one"]["micro"]["tp"], rules["one-to-one"]["micro"]["fp"]) == (2, 2)
    assert (rules["reference-argmax"]["micro"]["tp"], rules["label-hit"]["micro"]["tp"]) == (2, 2)
    assert set(rules) >= {"one-to-one", "greedy-best", "label-hit", "reference-argmax"}
