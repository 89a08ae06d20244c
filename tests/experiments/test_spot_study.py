"""`mien spot STUDY`: what is measured, searched, filtered by the heart, named and written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.coding import from_boris, from_elan, from_label_studio
from mien.core.errors import DataError, OptionError
from mien.core.records import read_record
from mien.dataset import open_study, tables
from mien.evaluation.spotting_score import score_spotting
from mien.experiments.spot_exports import proposals_of
from mien.experiments.spot_study import SpotStudyRequest, spot_study
from mien.experiments.spotting_hearts import read_hearts
from mien.experiments.spotting_study import read_spotting_study
from mien.experiments.spotting_then_recognise import RecogniserRequest
from mien.features.face_pass import PassSettings
from mien.jobs import Store
from mien.simulate.settings import Expressiveness, StudySettings
from mien.simulate.study import simulate_study
from mien.simulate.truth import read_truth
from mien.spotting.heart_rate_filter import FilterSettings

KEYS = {
    "method", "n_videos", "n_reference", "tp", "fp", "fn", "precision", "recall", "f1", "fp_per_minute",
    "ccf", "record",
}  # fmt: skip


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Three people, two clips each, with hearts, clear expressions and a camera that runs too slowly."""
    folder = tmp_path_factory.mktemp("spotted") / "study"
    clear = Expressiveness(micro_per_trial=(1, 2), macro_per_trial=(0, 1), micro_peak_px=(1.3, 2.0))
    settings = StudySettings(
        participants=3, trials=2, rate_hz=30.0, clip_s=12.0, report_s=1.0, rest_s=1.0, frame_px=160,
        face_px=112, sampling_hz=250.0, seed=4, expressiveness=clear,
    )  # fmt: skip
    simulate_study(settings, folder)
    return folder


@pytest.fixture(scope="session")
def out(study, tmp_path_factory):
    """Results whose store already holds the measured faces, with fields."""
    folder = tmp_path_factory.mktemp("spotted-out")
    read_spotting_study(
        open_study(study),
        settings=PassSettings(fields=True),
        missing_offset="leave-out",
        store=Store(folder / "store"),
    )
    return folder


@pytest.fixture(scope="session")
def found(study, out):
    return spot_study(
        SpotStudyRequest(
            study,
            ("optical-flow", "msof-style"),
            out,
            ccf=FilterSettings(),
            recogniser=RecogniserRequest("majority"),
        )
    )


def test_the_result_has_what_programs_ask_for(found):
    for result in found.results:
        told = result.as_json()
        assert told.keys() >= KEYS
        assert told["n_videos"] == 6
        assert told["tp"] + told["fn"] == told["n_reference"]
        assert told["f1"] > 0.5
        assert told["ccf"]["after"]["recall"] <= told["ccf"]["before"]["recall"]
        json.dumps(told, allow_nan=True)


def test_what_was_measured_with_fields_serves_without_them(study, out):
    """Nothing is decoded a second time."""
    store = Store(out / "store")
    before = sum(1 for _ in store.root.glob("*/*/done.json"))
    read_spotting_study(open_study(study), settings=PassSettings(), missing_offset="leave-out", store=store)
    assert sum(1 for _ in store.root.glob("*/*/done.json")) == before


def test_seconds_are_the_cameras_not_the_files(study, found):
    """The files say 30 frames a second; the cameras ran at 28 to 30."""
    for recording in found.source.task.recordings:
        video = found.source.videos[recording.name]
        times = read_truth(study, recording.subject).frames_s[f"run-{video.run:02d}"]
        length = float(times[-1] - times[0])
        assert recording.duration_s == pytest.approx(length * len(times) / (len(times) - 1), rel=1e-3)


def test_references_are_where_the_truth_has_them(study, found):
    n = 0
    for recording in found.source.task.recordings:
        video = found.source.videos[recording.name]
        truth = read_truth(study, recording.subject)
        times = truth.frames_s[f"run-{video.run:02d}"]
        moved = list(truth.movements[video.run])
        for one in recording.references:
            apexes = [m.apex_s for m in moved]
            start = float(times[0])
            near = min(abs(one.apex_s + start - at) for at in apexes) if apexes else np.inf
            near_relative = min(abs(one.apex_s - at) for at in apexes) if apexes else np.inf
            assert min(near, near_relative) < 0.15
            n += 1
    assert n >= 10


def test_moments_reach_the_heart_through_both_clocks(study, found):
    """Against the true clocks; two trials' triggers and a camera at 30 Hz fix them to a frame or so."""
    for name, heart in found.hearts.items():
        video = found.source.videos[name]
        truth = read_truth(study, video.participant)
        true_s = truth.frames_s[f"run-{video.run:02d}"]  # seconds of the world
        expected = np.array([truth.clocks["polygraph"].to_device(float(at)) for at in true_s])
        assert np.abs(heart.at(video.since_first_s) - expected).max() < 0.05
        assert heart.trial.heart.source == "ecg"


def test_hearts_beat_as_they_were_made(study, found):
    """The slope's mean size within a trial is of the size that the simulation's beats have."""
    for heart in found.hearts.values():
        slope, rate = (heart.trace(signal) for signal in (heart.trial.heart.slope, heart.trial.heart.rate))
        assert slope is not None
        assert rate is not None
        assert (slope.unit, rate.unit) == ("bpm/s", "bpm")
        assert 40 < np.nanmean(rate.values) < 110
        assert 0.2 < np.nanmean(np.abs(slope.values)) < 8.0
        assert -0.3 <= rate.start_s <= 0.01
        assert rate.start_s + len(rate.values) / rate.rate_hz == pytest.approx(heart.video_s[-1], abs=0.6)


def test_records_hold_verdicts_and_derive_every_score(found):
    for result in found.results:
        record = read_record(result.path)
        told = score_spotting(record)
        assert told["micro"].counts == result.scores["micro"].counts
        verdicts = set(record.samples["verdict"])
        assert verdicts <= {"pass", "fail", "undecidable", None}
        kept = [
            v != "fail"
            for v, r in zip(record.samples["verdict"], record.samples["role"], strict=True)
            if r == "estimate"
        ]
        after = result.filtered.after["overall"].counts
        assert after.n_estimate == sum(kept)
        assert set(record.participants) == {"sub-001", "sub-002", "sub-003"}


def test_emotions_are_named_by_who_has_not_seen_the_person(found):
    record = found.results[0].record
    columns = (record.samples[name] for name in ("emotion", "role", "kind"))
    rows = list(zip(*columns, strict=True))
    named = [emotion for emotion, role, kind in rows if role == "estimate" and kind == "micro"]
    assert named
    assert set(named) <= {"negative", "positive", "surprise", "not measured"}
    strs = found.results[0].as_json()["strs"]
    assert strs["spotting"]["tp"] == found.results[0].scores["micro"].counts.tp
    assert record.method["recogniser"]["name"] == "majority"


def test_a_video_without_its_table_is_told_and_counted(study, out, tmp_path):
    broken = tmp_path / "study"
    shutil.copytree(study, broken)
    next(broken.glob("sub-002/beh/*run-01_frametimes.tsv")).unlink()
    (next(broken.glob("sub-003/beh/*run-02_video.mp4"))).write_bytes(b"")
    told = spot_study(SpotStudyRequest(broken, out=out)).results[0]
    record = told.record
    assert record.dataset["n_recordings"] == 4
    reasons = {one["name"]: one["reason"] for one in record.dataset["unsearched"]}
    assert "no table of frame times" in reasons["sub-002_run-01"]
    assert set(reasons) == {"sub-002_run-01", "sub-003_run-02"}
    score = told.scores["overall"]
    assert score.with_unsearched.fn > score.counts.fn


def test_every_export_says_the_same(study, out, tmp_path):
    told = run(study, "--out", out, "--workers", 1)
    files = told["files"]
    record = read_record(Path(told["record"]))
    names = [one["name"] for one in record.dataset["recordings"]]
    n = {name: len(proposals_of(record, name)) for name in names}
    boris = from_boris(Path(files["boris"]).read_text())
    label_studio = from_label_studio(Path(files["label-studio"]).read_text())
    assert sorted(map(len, boris.values())) == sorted(map(len, label_studio.values())) == sorted(n.values())
    for name in names:
        assert len(from_elan((Path(files["elan"]) / f"{name}.eaf").read_text())) == n[name]
    rows = [tables.read_coding(path) for path in Path(files["suggestions"]).rglob("*_expressions.tsv")]
    assert sum(map(len, rows)) == sum(n.values())
    pages = sorted(path.name for path in Path(files["pages"]).glob("*.html"))
    assert pages == ["sub-001.html", "sub-002.html", "sub-003.html"]
    for page in Path(files["pages"]).glob("*.html"):
        assert "data:image" not in page.read_text()


def run(*arguments):
    answer = CliRunner().invoke(program(), ["spot", *map(str, arguments), "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_exported_times_are_the_files_own(study, out):
    """ELAN shows a file's seconds: an apex lies on the frame that the suggestion names."""
    told = run(study, "--out", out, "--workers", 1)
    table = next(Path(told["files"]["suggestions"]).glob("sub-001/*.tsv"))
    rows = tables.rows(tables.read_coding(table))
    by_run: dict[int, list[int]] = {}
    for row in rows:
        by_run.setdefault(int(row["run"]), []).append(int(row["apex_frame"]))
    for number, frames in by_run.items():
        marks = from_elan((Path(told["files"]["elan"]) / f"sub-001_run-{number:02d}.eaf").read_text())
        seconds = sorted(mark.expression.apex_s for mark in marks)
        assert seconds == pytest.approx([frame / 30.0 for frame in sorted(frames)], abs=0.02)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"methods": ("nothing",)}, "spotting method"),
        ({"kind": "tiny"}, "--kind"),
        ({"changes": {"speed": 3}}, "--set speed"),
        ({"protocol": "best"}, "protocol"),
        ({"workers": 0}, "workers"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(study, options, wanted):
    with pytest.raises(OptionError, match=wanted):
        SpotStudyRequest(study, **options)


def test_one_person_is_refused_with_what_to_do(study, tmp_path):
    alone = tmp_path / "study"
    shutil.copytree(study, alone)
    path = alone / "participants.tsv"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    with pytest.raises(DataError, match="two or more subjects"):
        spot_study(SpotStudyRequest(alone, out=tmp_path / "out"))


def test_no_heart_means_undecided_and_kept(study, out, tmp_path):
    bare = tmp_path / "study"
    shutil.copytree(study, bare)
    for path in bare.glob("sub-*/beh/*physio*"):
        path.unlink()
    told = spot_study(SpotStudyRequest(bare, out=out, ccf=FilterSettings())).results[0]
    report = told.as_json()["ccf"]
    assert report["before"] == report["after"]
    assert set(told.record.samples["verdict"]) <= {"undecidable", None}
    videos = read_spotting_study(
        open_study(bare), settings=PassSettings(), missing_offset="leave-out", store=Store(out / "store")
    ).videos
    hearts = read_hearts(open_study(bare), videos, store=Store(out / "store"))
    assert all(one.trial.heart.slope is None and one.trial.heart.reason for one in hearts.values())


def test_the_digest_does_not_depend_on_what_else_was_measured(study, out, tmp_path):
    """A store that has fields, and one that has not, are the same data."""
    told = []
    for folder in (out, tmp_path / "fresh"):
        source = read_spotting_study(
            open_study(study),
            settings=PassSettings(),
            missing_offset="leave-out",
            store=Store(folder / "store"),
        )
        told.append(source.task.digest)
    assert told[0] == told[1]
    apex = read_spotting_study(
        open_study(study), settings=PassSettings(), missing_offset="apex", store=Store(out / "store")
    )
    assert apex.task.digest != told[0]


def test_what_was_coded_of_a_lost_video_counts_as_missed(study, out, tmp_path):
    broken = tmp_path / "study"
    shutil.copytree(study, broken)
    next(broken.glob("sub-002/beh/*run-01_frametimes.tsv")).unlink()
    whole = spot_study(SpotStudyRequest(study, out=out)).results[0].scores["overall"]
    told = spot_study(SpotStudyRequest(broken, out=out)).results[0]
    lost = told.record.dataset["unsearched"][0]["n_references"]
    n = lost["micro"] + lost["macro"]
    assert n >= 1
    score = told.scores["overall"]
    assert score.with_unsearched.fn == score.counts.fn + n
    assert score.with_unsearched.n_reference == pytest.approx(whole.counts.n_reference, abs=1)


def test_rows_that_cannot_be_used_are_told(study, out, tmp_path):
    moved = tmp_path / "study"
    shutil.copytree(study, moved)
    for path in moved.glob("derivatives/coding/sub-001/*_expressions.tsv"):
        table = tables.read_coding(path)
        table.loc[0, ["onset_frame", "apex_frame", "offset_frame"]] = [9000, 9005, 9010]
        tables.write_table(path, table, columns=list(table.columns))
    record = spot_study(SpotStudyRequest(moved, out=out)).results[0].record
    assert any("lies outside the video" in line for line in record.warnings)


def test_nobody_coded_means_nothing_is_scored(study, out, tmp_path):
    """Proposals are there to be looked at; none of them is called wrong."""
    bare = tmp_path / "study"
    shutil.copytree(study, bare)
    shutil.rmtree(bare / "derivatives" / "coding")
    told = spot_study(SpotStudyRequest(bare, out=out, ccf=FilterSettings())).results[0]
    assert told.record.samples["role"].count("estimate") > 5
    counts = told.scores["overall"].counts
    assert (counts.tp, counts.fp, counts.fn) == (0, 0, 0)
    assert np.isnan(told.scores["overall"].f1.value)
    assert any("coded by nobody" in line for line in told.record.warnings)


def test_one_person_without_coding_is_not_scored(study, out, tmp_path):
    part = tmp_path / "study"
    shutil.copytree(study, part)
    shutil.rmtree(part / "derivatives" / "coding" / "sub-002")
    told = spot_study(SpotStudyRequest(part, out=out)).results[0]
    assert "sub-002" in told.record.samples["subject_id"]
    assert "sub-002" not in told.scores["overall"].by_subject


@pytest.mark.parametrize(
    "change",
    [
        {"mdmd.micro_lengths_s": 3},
        {"mdmd.micro_k_s": "x"},
        {"mdmd.k_from_labels": "maybe"},
        {"optical-flow.micro_threshold": None},
        {"abpn.top": "x"},
        {"softnet.epochs": -1},
    ],
)
def test_values_of_another_kind_are_refused_before_any_work(study, change):
    name = next(iter(change)).split(".")[0]
    with pytest.raises(OptionError):
        SpotStudyRequest(study, (name,), changes=change)


def test_wrong_recognisers_are_refused_before_any_work(study):
    for wrong in (RecogniserRequest("nope"), RecogniserRequest("majority", 5)):
        with pytest.raises(OptionError):
            SpotStudyRequest(study, recogniser=wrong)


def test_a_duplicate_finds_what_the_other_found():
    """The hit fails, the duplicate passes: the expression is still found, in both counts."""
    from mien.experiments.spotting_filter import best_references

    reference = np.array([[0.0, 10.0]])
    assert best_references(reference, np.array([[0.0, 6.0], [4.0, 10.0], [8.0, 20.0]])) == [(0, 0), (0, 1)]


def test_the_filters_counts_are_those_of_the_rows(found):
    for result in found.results:
        for kind, report in result.filtered.reports.items():
            assert report.after == result.filtered.after[kind].counts
            assert report.before == result.filtered.before[kind].counts
