"""Reports of spotting: counts from rows, chance beside every score, leaks named, the filter told honestly."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core import DataError, read_record
from mien.core.expression import Expression
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.dataset.motion_maps import write_motion_maps
from mien.evaluation import Estimate, Settings, spotting_score
from mien.evaluation.spotting_run import evaluate_spotting
from mien.evaluation.spotting_score import score_spotting
from mien.evaluation.spotting_task import Recording, SpottingMethod, SpottingTask, UnsearchedRecording
from mien.experiments import RecogniseRequest, recognise, spotting_filter
from mien.experiments.spotting_filter import filter_run
from mien.experiments.spotting_hearts import VideoHeart
from mien.jobs import Store
from mien.report import make_report, read_records
from mien.report.filter_section import filter_effect
from mien.report.number_words import brief, interval, number, p_value, several
from mien.report.spotting_section import spotting_sections
from mien.simulate import MapSettings, simulate_maps
from mien.spotting.heart_rate_filter import FilterSettings
from mien.spotting.trial_heart import Heart, HeartTrial

PEOPLE, RUNS, LENGTH_S = 6, 3, 60.0
ESTIMATE = Estimate(0.5, 0.4, 0.6)


@dataclasses.dataclass(frozen=True)
class Found:
    onset_s: float
    apex_s: float
    offset_s: float
    kind: str
    score: float


class Bumps:
    """Proposes every bump of a video, a list of them, that is as high as the threshold of its kind."""

    def __init__(self, *, shift_s=0.0):
        self.shift_s = shift_s

    def fit(self, videos, references):
        return self

    def score(self, video):
        return {"times_s": np.arange(2.0), "bumps": np.array(video, dtype=np.float64).reshape(-1, 3)}

    def propose(self, scores, thresholds):
        found = []
        for at, height, macro in scores["bumps"].tolist():
            kind = "macro" if macro else "micro"
            length = 1.2 if macro else 0.4
            if height >= thresholds.get(kind, np.inf):
                onset = at + self.shift_s
                found.append(Found(onset, onset + length / 2, onset + length, kind, height))
        return found


def build_bumps(**parameters):
    return Bumps(**parameters)


def expression(at, kind="micro", emotion="fear"):
    length = 0.4 if kind == "micro" else 1.2
    return Expression(at, at + length / 2, at + length, kind, emotion=emotion)


def small_task(**changes):
    """Six people, three videos each; false alarms are lower than expressions, for one person higher."""
    rng = np.random.default_rng(5)
    recordings, videos = [], []
    for person in range(PEOPLE):
        who = f"sub-{person + 1:03d}"
        for run in range(RUNS):
            at = np.sort(rng.choice(np.arange(3, 57, 3), size=6, replace=False)).astype(float)
            coded = [expression(at[0]), expression(at[1], emotion="joy"), expression(at[2], "macro")]
            name = f"{who}_run-{run + 1:02d}"
            recordings.append(Recording(name, who, "toy", 0.0, LENGTH_S, tuple(coded)))
            high = 2.0 if person == 0 else 5.0
            bumps = [(at[0] + 0.05, high, 0), (at[1], high, 0), (at[2], high, 1)]
            bumps += [(at[3], 3.0, 0), (at[4], 3.0 if person else 1.0, 0), (at[5], 3.0, 1)]
            videos.append(bumps)
    consent = {f"sub-{person + 1:03d}": (1, 2, None)[person % 3] for person in range(PEOPLE)}
    return replace(SpottingTask("toy", "a" * 64, tuple(recordings), videos, consent), **changes)


def a_method(name="bumps", kinds=("micro", "macro"), **parameters):
    options = (1.5, 2.5, 4.0)
    return SpottingMethod(
        name,
        1,
        build_bumps,
        "nothing",
        dict.fromkeys(kinds, 4.0),
        dict.fromkeys(kinds, options),
        parameters={"shift_s": 0.0, **parameters},
    )


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """A tenth of the draws and resamples, which pages only print."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spotting_score, "N_DRAWS", 20)
        patch.setattr(spotting_score, "N_RESAMPLES", 200)
        patch.setattr(spotting_filter, "_N_SHIFTS", 100)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("spotting")


@pytest.fixture(scope="module")
def run_of(folder):
    """Runs by what they are asked; each is made once."""
    known = {}

    def make(task=None, method=None, protocol="nested"):
        given, how = task or small_task(), method or a_method()
        key = (given.name, given.digest, len(given.unsearched), how.name, str(how.parameters), protocol)
        if key not in known:
            known[key] = evaluate_spotting(given, how, Settings(protocol=protocol), store=Store(folder / "s"))
        return known[key]

    return make


def heart_of(beats_with_expressions, recording):
    """A heart whose slope is high near expressions, or nowhere near them."""
    grid = np.arange(0.0, LENGTH_S, 0.25)
    slope = 0.4 + 0.2 * np.sin(grid)
    for one in recording.references:
        near = np.abs(grid - one.apex_s) < 0.8
        slope[near] = 3.0 if beats_with_expressions else 0.01
    signal = Signal(slope, 4.0, "bpm/s", "heart rate slope", 0.0)
    moments = np.array([0.0, LENGTH_S])
    return VideoHeart(HeartTrial(Interval(0.0, LENGTH_S), Heart(signal, "ecg", "")), moments, moments)


@pytest.fixture(scope="module")
def filtered_of(run_of):
    def make(helps=True, protocol="test-selected"):
        task, run = small_task(), run_of(protocol=protocol)
        hearts = {one.name: heart_of(helps, one) for one in task.recordings}
        return filter_run(run.record, run.scores, hearts, FilterSettings())

    return make


@pytest.fixture(scope="module")
def with_emotions(run_of):
    """A record as `recognise_spotted` tells it: every proposal of a micro-expression is called fear."""
    record = run_of().record
    rows = zip(record.samples["role"], record.samples["kind"], record.samples["emotion"], strict=True)
    emotions = ["fear" if (role, kind) == ("estimate", "micro") else old for role, kind, old in rows]
    counts = score_spotting(record)["micro"].counts
    strs = {
        "spotting": counts.as_json(),
        "n_matched": counts.tp,
        "analysis_f1": 0.5,
        "uf1": 0.25,
        "uar": 0.75,
        "strs": counts.f1 * 0.5,
    }
    return replace(
        record,
        samples={**record.samples, "emotion": emotions},
        method={**record.method, "recogniser": {"name": "ststnet", "n_classes": 3}},
        scores={**record.scores, "strs": strs},
    )


def page_of(*records):
    return make_report([(record, Path(f"{number}.json")) for number, record in enumerate(records)])


def cells_of(page, start):
    """The cells of the first row that begins so."""
    row = next(row for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL) if start in row)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]


class TestScores:
    def test_every_number_comes_from_rows(self, run_of):
        record = run_of().record
        lying = replace(record, scores={"micro": {}, "macro": {}, "overall": {}})
        page = page_of(lying)
        for kind, score in score_spotting(record).items():
            table = page.split(f"<h4>{ {'micro': 'Micro', 'macro': 'Macro', 'overall': 'Both'}[kind] }", 1)[1]
            cells = cells_of(table, "bumps (nested)")
            counts = score.counts
            assert cells[1:4] == [str(counts.tp), str(counts.fp), str(counts.fn)]
            assert cells[4:6] == [f"{counts.precision:.3f}", f"{counts.recall:.3f}"]
            assert cells[6] == interval(score.f1)
            assert cells[7] == f"{score.fp_per_minute:.2f}"
            assert cells[8] == f"{score.apex_error_ms:.0f}"
            assert cells[9] == interval(score.random)

    def test_answer_stands_beside_chance(self, run_of):
        record = run_of().record
        score = score_spotting(record)["micro"]
        (section,) = spotting_sections([(record, Path("one.json"))])
        answer = section.sentences[0]
        assert answer.startswith(
            "In 18 videos (18.0 min) of 6 subjects with 36 coded micro-expressions (toy)"
        )
        assert f"finds {score.counts.tp} and gives {score.counts.fp} false alarm" in answer
        assert f"F1 {interval(score.f1)}" in answer
        assert f"random times give {interval(score.random)}" in answer
        assert f"even windows of the mean length {score.uniform:.3f}" in answer
        assert len(section.sentences) == 1

    def test_at_chance_says_so(self, run_of):
        record = run_of(method=a_method("late", shift_s=0.35)).record
        assert score_spotting(record)["micro"].counts.tp == 0
        assert "this result does not show spotting" in page_of(record)

    def test_leak_is_named_with_its_size(self, run_of):
        nested, leak = run_of().record, run_of(protocol="test-selected").record
        gain = score_spotting(leak)["micro"].f1.value - score_spotting(nested)["micro"].f1.value
        assert gain > 0
        page = page_of(leak, nested)
        assert f"would have moved bumps by {gain:+.3f} in F1" in page
        assert "bumps (nested) finds" in page
        assert 'bumps (test-selected) <span class="leak">leak</span>' in page
        assert "chosen on the test subjects themselves: this leaks" in page
        assert "a leak, not a result" not in page

    def test_only_leaks(self, run_of):
        page = page_of(run_of(protocol="test-selected").record)
        assert "a leak, not a result" in page
        assert "would have moved" not in page

    def test_leak_of_other_parameters_has_no_partner(self, run_of):
        other = run_of(method=a_method(shift_s=0.01), protocol="test-selected").record
        assert "would have moved" not in page_of(run_of().record, other)

    def test_method_of_one_kind(self, run_of):
        one = run_of(method=a_method("short", ("micro",))).record
        (section,) = spotting_sections([(run_of().record, Path("a")), (one, Path("b"))])
        assert [rows.rows[1][1] is None for rows in section.tables] == [False, True, True]
        assert "best of 2 runs" in " ".join(section.sentences)
        assert page_of(one).count("looks for micro-expressions only") == 2

    def test_nobody_looks(self, run_of):
        (section,) = spotting_sections([(run_of(method=a_method("long", ("macro",))).record, Path("a"))])
        assert section.sentences == ("No method here looks for micro-expressions.",)

    def test_equal_titles_are_told_apart(self, run_of):
        records = [run_of().record, run_of(method=a_method(shift_s=0.01)).record]
        (section,) = spotting_sections([(record, Path("a")) for record in records])
        assert [run.title for run in section.runs] == [
            f"bumps (nested), {record.identity[:6]}" for record in records
        ]


class TestSections:
    def test_same_videos_share_one_whatever_methods_are_given(self, run_of):
        record = run_of().record
        other = replace(record, dataset={**record.dataset, "digest": "b" * 64})
        assert len(spotting_sections([(record, Path("a")), (other, Path("b"))])) == 1

    def test_other_coding_has_its_own(self, run_of):
        record = run_of().record
        later = [None if v is None else v + 0.01 for v in record.samples["offset_s"]]
        other = replace(record, samples={**record.samples, "offset_s": later})
        assert len(spotting_sections([(record, Path("a")), (other, Path("b"))])) == 2

    def test_self_contained_and_shows_nobody(self, run_of, filtered_of):
        page = page_of(run_of().record, filtered_of().record)
        assert not re.search(r'(?:src|href)="(?!#)[^"]', page)
        assert "<script" not in page
        assert "data:image" not in page
        assert page.count("<svg") == 1
        assert "<h1>Micro-expression spotting</h1>" in page

    def test_same_records_same_bytes(self, run_of):
        assert page_of(run_of().record) == page_of(run_of().record)

    def test_markup_in_names_stays_text(self, run_of):
        record = run_of().record
        hostile = replace(record, dataset={**record.dataset, "name": "<script>alert(1)</script>"})
        page = page_of(hostile)
        assert "<script>" not in page
        assert "&lt;script&gt;" in page

    def test_written_record_is_read_again(self, filtered_of, tmp_path):
        record = filtered_of().record
        path = record.write(tmp_path)
        assert make_report(read_records([path])) == make_report([(read_record(path), path)])
        assert path.name in make_report(read_records([path]))


class TestOrigin:
    def test_thresholds_by_fold(self, run_of):
        record = run_of().record
        (section,) = spotting_sections([(record, Path("a"))])
        chosen = [fold["micro"] for fold in record.protocol["thresholds"].values()]
        for value in set(chosen):
            assert f"{value:g} ({several(chosen.count(value), 'fold')})" in section.runs[0].threshold_words
        page = page_of(record)
        for fold, values in record.protocol["thresholds"].items():
            assert f"{fold}: micro {values['micro']:g}, macro {values['macro']:g}" in page

    def test_digest_versions_seed_and_consent(self, run_of):
        record = run_of().record
        page = page_of(record)
        for words in (record.dataset["digest"], record.identity[:16], "seed 0", "shift_s = 0"):
            assert words in page
        for name, version in record.versions.items():
            assert f"{name} {version}" in page
        consent = page.split("Consent: ")[1].split("</p>")[0]
        assert [int(n) for n in re.findall(r"(\d+) participant", consent)] == [2, 2, 2]

    def test_every_subject_s_counts(self, run_of):
        record = run_of().record
        page = page_of(record)
        for kind in ("micro", "macro"):
            table = page.split(f"<summary>{kind}: counts of 6 subjects</summary>")[1]
            for who, one in score_spotting(record)[kind].by_subject.items():
                expected = [who, str(one.n_reference), f"{one.tp} / {one.fp} / {one.fn}"]
                assert cells_of(table, who) == expected

    def test_unsearched_videos_and_unscored_expressions(self, run_of):
        task = small_task(digest="c" * 64)
        lost = UnsearchedRecording("sub-001_run-09", "sub-001", {"micro": 4, "macro": 0}, "no face in it")
        open_end = replace(task.recordings[0], unscored=(Expression(50.0, 50.2, None, "micro"),))
        task = replace(task, unsearched=(lost,), recordings=(open_end, *task.recordings[1:]))
        record = run_of(task=task).record
        page = page_of(record)
        assert "sub-001_run-09: no face in it (4 micro, 0 macro coded)" in page
        missed = score_spotting(record)["micro"].with_unsearched.f1
        assert f"bumps (nested) micro {missed:.3f}" in page
        assert "1 coded expression has no offset or no kind" in page
        for words in record.warnings:
            assert words in page
        plain = page_of(run_of().record)
        assert "Every video was searched." in plain
        assert "Every coded expression is scored." in plain


class TestFilter:
    def test_counts_follow_from_verdicts(self, filtered_of, run_of):
        filtered = filtered_of(helps=False)
        effect = filter_effect(filtered.record, run_of(protocol="test-selected").scores, Path("a"))
        assert [one.kind for one in effect.kinds] == ["micro", "macro", "overall"]
        for one in effect.kinds:
            assert one.before.counts == filtered.before[one.kind].counts
            assert one.after.counts == filtered.after[one.kind].counts
            assert one.tp_removed == filtered.reports[one.kind].tp_removed
            assert one.fp_removed == filtered.reports[one.kind].fp_removed
            assert one.after.counts.recall <= one.before.counts.recall

    def test_heart_that_helps(self, filtered_of):
        micro = page_of(filtered_of().record).split("<summary>macro")[0]
        assert "The filter takes away 0 of 36 (0 %) hits and 3 of 3 (100 %) false alarms" in micro
        assert "a hit passes ∞ times as often as a false alarm [∞, ∞]" in micro
        assert "the heart does not tell" not in micro

    def test_no_false_alarm_no_ratio(self, filtered_of):
        page = page_of(filtered_of(protocol="nested").record)
        assert "and 0 of 0 false alarms" in page
        assert "Likelihood ratio" not in page

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ((2.0, 1.5, 3.0), "2.00 times as often as a false alarm [1.50, 3.00]."),
            ((2.0, 0.5, None), "2.00 times as often as a false alarm [0.50, ∞]."),
            ((2.0, None, None), "2.00 times as often as a false alarm [–, –]."),
            ((None, None, None), None),
        ],
    )
    def test_ratios_with_open_ends(self, filtered_of, run_of, told, expected):
        record = filtered_of(helps=False).record
        ccf = dict(record.scores["ccf"])
        ratio = dict(zip(("value", "low", "high"), told, strict=True))
        never = {**ccf["micro"]["true_positives"], "n_passed": 0}
        ccf["micro"] = {**ccf["micro"], "likelihood_ratio": ratio, "true_positives": never}
        changed = replace(record, scores={"ccf": ccf})
        effect = filter_effect(changed, run_of(protocol="test-selected").scores, Path("a"))
        said = effect.kinds[0].sentences
        assert (said[1].split(" passes ")[1] if len(said) > 1 else None) == expected
        assert (len(said) > 2) == (told == (2.0, 0.5, None))

    def test_paper_s_unchanged_recall_is_named(self, filtered_of):
        page = page_of(filtered_of(helps=False).record)
        assert "Recall can only fall or stay" in page
        assert "26.8 % of the coded expressions fail" in page
        assert "73.19 %" in page
        assert "54.41 %" in page

    def test_pass_rates_and_controls(self, filtered_of):
        filtered = filtered_of()
        page = page_of(filtered.record)
        told = filtered.record.scores["ccf"]["micro"]
        for label, key in (("coded apexes", "references"), ("random instants", "random")):
            cells = cells_of(page, f"<td>{label}")
            assert cells[1:4] == [str(told[key][n]) for n in ("n_passed", "n_decidable", "n_undecidable")]
        assert cells_of(page, "<td>chance, if slopes were Gaussian")[-1] == "0.425"
        for label in ("hearts shifted in time (× 100)", "hearts of the same people", "as many taken away"):
            p = cells_of(page, f"<td>{label}")[-1]
            assert p == "&lt; 0.001" or 0 < float(p) <= 1
        kept = told["score"]
        cells = cells_of(page, f"<td>higher score threshold that keeps {kept['n_kept']}")
        assert cells[1:3] == [str(kept["counts"]["tp"]), str(kept["counts"]["fp"])]
        assert cells_of(page, "<td>soft variant: score alone")[1] == str(told["soft"]["score_only"]["tp"])
        assert cells_of(page, "<td>soft variant: score and heart")[1] == str(told["soft"]["with_heart"]["tp"])

    def test_filter_of_other_rows_is_refused(self, filtered_of):
        record = filtered_of(helps=False).record
        kept = ["pass" if v == "fail" else v for v in record.samples["verdict"]]
        wrong = replace(record, samples={**record.samples, "verdict": kept})
        with pytest.raises(DataError, match="heart-rate filter of the record's own proposals"):
            page_of(wrong)

    def test_without_a_heart(self, run_of):
        run, moments = run_of(), np.array([0.0, LENGTH_S])
        nothing = VideoHeart(
            HeartTrial(Interval(0.0, LENGTH_S), Heart(None, "none", "no ECG")), moments, moments
        )
        hearts = {one.name: nothing for one in small_task().recordings}
        page = page_of(filter_run(run.record, run.scores, hearts, FilterSettings(eta=1.5, lag_s=0.5)).record)
        assert re.search(r"Without a verdict: \d+ no-heart\.", page)
        assert "+0.5 s after the apex" in page
        assert "Likelihood ratio" not in page
        assert "exceeds 1.5 times the mean" in page

    def test_nothing_of_it_without_the_filter(self, run_of):
        assert "Table 10" not in page_of(run_of().record)


class TestEmotions:
    def test_strs(self, with_emotions):
        page = page_of(with_emotions)
        f1 = score_spotting(with_emotions)["micro"].counts.f1
        cells = cells_of(page.split("(STRS)")[1], "bumps (nested)")
        n = with_emotions.scores["strs"]["n_matched"]
        expected = ["micro", "ststnet", "3", str(n), f"{f1:.3f}", "0.500", "0.250", "0.750", f"{f1 / 2:.3f}"]
        assert cells[1:] == expected
        assert "With few hits judged the analysis is noise" in page

    def test_of_other_rows_is_refused(self, with_emotions):
        strs = dict(with_emotions.scores["strs"])
        wrong = replace(with_emotions, scores={"strs": {**strs, "spotting": {"tp": 1, "fp": 1, "fn": 1}}})
        with pytest.raises(DataError, match="emotions named for the proposals"):
            page_of(wrong)

    def test_nothing_matched(self, with_emotions):
        strs = {**with_emotions.scores["strs"], "analysis_f1": None, "uf1": None, "uar": None}
        cells = cells_of(page_of(replace(with_emotions, scores={"strs": strs})).split("(STRS)")[1], "bumps")
        assert cells[-4:] == ["–", "–", "–", "–"]


@pytest.fixture(scope="module")
def recognised(tmp_path_factory):
    root = tmp_path_factory.mktemp("beside")
    write_motion_maps(simulate_maps(MapSettings(participants=4, seed=4)), root / "maps")
    done = recognise(RecogniseRequest(root / "maps", ("majority",), root / "out"))
    return list(zip(done.records, done.paths, strict=True))


class TestBesideRecognition:
    def test_both_sections(self, recognised, run_of):
        alone = make_report(recognised)
        page = make_report([(run_of().record, Path("spot.json")), *recognised])
        assert "<h1>Micro-expression spotting and recognition</h1>" in page
        assert page.count("<section>") == 2
        section = alone[alone.index("<section>") : alone.index("</section>")]
        assert section in page

    def test_recognition_alone_has_nothing_of_spotting(self, recognised):
        page = make_report(recognised)
        assert "<h1>Micro-expression recognition</h1>" in page
        assert "spotting" not in page
        assert "details" not in page.split("</style>")[0]


def test_words():
    assert (
        number(math.nan)
        == interval(dataclasses.replace(ESTIMATE, value=math.nan))
        == p_value(math.nan)
        == "–"
    )
    assert p_value(0.0001) == "< 0.001"
    assert interval(ESTIMATE) == "0.500 [0.400, 0.600]"
    assert several(1, "fold") == "1 fold"
    assert brief([0.56666666666, None]) == "(0.566667, None)"
