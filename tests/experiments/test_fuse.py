"""`mien fuse` as a library: what is fused, from whose answers, and what every row says."""

from __future__ import annotations

import json
import re
import shutil
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from mien.core import DataError, OptionError, read_record
from mien.core.records import to_json
from mien.evaluation import Task
from mien.evaluation.members import FoldAnswers, Member, MemberAnswers
from mien.evaluation.run import run_block
from mien.evaluation.split import leave_one_subject_out
from mien.experiments.fuse import attended, estimate, fuse, fuse_answers, ways_of_fusing
from mien.experiments.fusion_request import FuseRequest
from mien.experiments.methods import find_method
from mien.experiments.study_members import StudyMembers
from mien.features.around_apexes import ApexSettings
from mien.recognition.fusion import DecisionFusion
from mien.report.document import make_report, read_records
from mien.simulate import StudySettings, simulate_study, study_parts

CLASSES = ("negative", "positive", "surprise")
SVM = find_method("peripheral-svm")


def answered(n_subjects=6, each=9, *, seed=0, missing=(), accuracies=(0.7, 0.5, 0.4)):
    """Answers of members of known accuracy, independent of each other, without any training."""
    rng = np.random.default_rng(seed)
    n = n_subjects * each
    y = np.arange(n) % 3
    subjects = tuple(f"sub-{i // each + 1:03d}" for i in range(n))
    task = Task("t", "d", np.arange(n), y, CLASSES, tuple(f"x{i}" for i in range(n)), subjects, ("t",) * n)
    names = ("me", "ecg", "eda")[: len(accuracies)]
    members, whole = [], []
    for name, accuracy in zip(names, accuracies, strict=True):
        vote = np.where(rng.random(n) < accuracy, y, (y + rng.integers(1, 3, n)) % 3)
        scores = 0.1 + 0.8 * np.eye(3)[vote]
        rows = np.arange(n)
        if name in missing:
            rows = rows[rows % 4 > 0]
            scores[np.arange(n) % 4 == 0] = np.nan
        members.append(Member(name, SVM, np.zeros((len(rows), 2)), rows, name))
        whole.append(scores)
    scores = np.stack(whole)
    folds = tuple(
        FoldAnswers(fold, scores[:, fold.train], scores[:, fold.test], {})
        for fold in leave_one_subject_out(subjects)
    )
    settings = FuseRequest(None, names, None).settings()
    source = StudyMembers(task, tuple(members), {name: {} for name in names}, {})
    run = run_block(datetime.now(UTC), time.perf_counter(), [0.1], n_cached=0, executor=None)
    return source, MemberAnswers(task, tuple(members), settings, folds, run)


def request(tmp_path, **options):
    return FuseRequest(tmp_path, ("me", "ecg", "eda"), tmp_path, **options)


class TestFusingAnswers:
    def test_rows_are_the_members_the_body_and_all(self, tmp_path):
        found = fuse_answers(*answered(), request(tmp_path))
        assert [row.name for row in found.members] == ["me", "ecg", "eda"]
        assert found.peripheral.record.method["members"][0]["modality"] == "ecg"
        assert len(found.peripheral.record.method["members"]) == 2
        assert found.others[-1].record.protocol["leaks"] is True
        assert {row.name for row in found.others} == {
            *set(ways_of_fusing()) - {"vote, recall"},
            "test-weighted",
        }

    def test_every_fold_is_fused_by_its_own_training_answers(self, tmp_path):
        source, answers = answered()
        found = fuse_answers(source, answers, request(tmp_path))
        one = answers.folds[2]
        fitted = DecisionFusion().fit(one.out_of_fold, answers.task.y[one.fold.train], 3)
        expected = [CLASSES[code] for code in fitted.fuse(one.test).estimate]
        samples = found.fused.record.samples
        assert [
            e for e, f in zip(samples["estimate"], samples["fold"], strict=True) if f == "sub-003"
        ] == expected
        assert found.weights["sub-003"]["me"]["surprise"] == pytest.approx(float(fitted.weights_[0][2]))

    def test_the_test_subjects_labels_do_not_move_an_honest_weight_but_a_leaking_one(self, tmp_path):
        source, answers = answered()
        y = answers.task.y.copy()
        y[:9] = (y[:9] + 1) % 3  # the first fold's test subject
        task = Task(
            "t", "d", np.arange(54), y, CLASSES, answers.task.sample_ids, answers.task.subjects, ("t",) * 54
        )
        changed = MemberAnswers(task, answers.members, answers.settings, answers.folds, answers.run)
        first = fuse_answers(source, answers, request(tmp_path / "a"))
        second = fuse_answers(
            StudyMembers(task, source.members, source.missing, {}), changed, request(tmp_path / "b")
        )
        assert first.weights["sub-001"] == second.weights["sub-001"]
        assert first.weights["sub-002"] != second.weights["sub-002"]
        leaks = [one.others[-1].record.method["weights"]["sub-001"] for one in (first, second)]
        assert leaks[0] != leaks[1]

    def test_a_missing_modality_is_masked_and_reported(self, tmp_path):
        found = fuse_answers(*answered(missing=("ecg",)), request(tmp_path))
        chosen = found.fused.record.samples["chosen"]
        assert chosen[0]["members"] == ["me", "eda"]
        assert chosen[1]["members"] == ["me", "ecg", "eda"]
        assert len(found.members[1].record.samples["sample_id"]) == 40
        told = found.as_json()
        assert told["coverage"]["ecg"]["n_samples"] == 40
        assert told["members"][1]["n_unmeasured"] == 14

    def test_nobody_answers_a_sample(self, tmp_path):
        found = fuse_answers(*answered(missing=("me", "ecg", "eda")), request(tmp_path))
        assert len(found.fused.record.samples["sample_id"]) == 40
        assert found.fused.record.dataset["unmeasured"][0]["reason"] == "no member has an answer"

    def test_a_member_that_never_says_a_class_is_no_trouble(self, tmp_path):
        source, answers = answered()
        for one in answers.folds:
            for scores in (one.out_of_fold, one.test):
                scores[1] = [0.6, 0.4, 0.0]
        found = fuse_answers(source, answers, request(tmp_path))
        told = json.dumps(to_json(found.as_json()))
        assert "NaN" not in told
        assert found.weights["sub-001"]["ecg"]["surprise"] > 0

    def test_one_member_alone_has_no_rival(self, tmp_path):
        found = fuse_answers(*answered(accuracies=(0.7,)), FuseRequest(tmp_path, ("me",), tmp_path))
        assert found.comparison is None
        assert found.gain == {}
        assert found.fused.record.samples["estimate"] == found.members[0].record.samples["estimate"]

    def test_json_has_the_stated_keys_and_the_record_is_whole(self, tmp_path):
        found = fuse_answers(*answered(), request(tmp_path))
        told = found.as_json()
        assert {"members", "fused", "weights", "coverage", "paired_test", "record"} <= set(told)
        assert told["paired_test"]["best_member"] == "me"
        assert told["fused"]["over_folds"]["accuracy"]["n_folds"] == 6
        assert read_record(found.fused.path).identity == found.fused.record.identity

    def test_gain_of_a_class_is_the_difference_of_recalls(self, tmp_path):
        found = fuse_answers(*answered(), request(tmp_path))
        for name in CLASSES:
            recalls = []
            for row in (found.fused, found.members[0]):
                samples = row.record.samples
                hits = [
                    e == r
                    for r, e in zip(samples["reference"], samples["estimate"], strict=True)
                    if r == name
                ]
                recalls.append(np.mean(hits))
            assert found.gain[name].value == pytest.approx(recalls[0] - recalls[1])
            assert found.gain[name].low <= found.gain[name].value <= found.gain[name].high

    def test_a_report_leads_with_the_rule_that_was_asked_for(self, tmp_path):
        found = fuse_answers(*answered(), request(tmp_path, rule="vote", weight="equal"))
        page = make_report(read_records([tmp_path / "records"]))
        lead = re.search(r"On \d+ samples of \d+ subjects[^<]*", page)[0]
        names = [row.record.method["label"] for row in (*found.members, found.peripheral, found.fused)]
        assert any(f"{name} (fixed)" in lead for name in names)
        assert "me+ecg+eda: stacking, uniform prior" in page
        assert page.count("me+ecg+eda: vote, recall (test-weighted)") == 0  # equal weights learn nothing

    def test_answers_that_nobody_can_weigh_are_refused(self, tmp_path):
        source, answers = answered()
        for one in answers.folds:
            one.out_of_fold[:] = np.nan
        with pytest.raises(DataError, match="enough for members to answer out of fold"):
            fuse_answers(source, answers, request(tmp_path))

    def test_few_right_answers_make_no_best_member(self, tmp_path):
        source, answers = answered()
        for one in answers.folds:
            one.test[2] = np.nan
        first = answers.folds[0]
        first.test[2][0] = np.eye(3)[answers.task.y[first.fold.test[0]]]
        found = fuse_answers(source, answers, request(tmp_path))
        assert found.best == "me"
        assert found.as_json()["paired_test"]["n_samples"] == 54


class TestRequest:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"modalities": ("me", "smell")}, "--modalities: wanted one of me, eeg"),
            ({"modalities": ()}, "--modalities: wanted one or more"),
            ({"modalities": ("me", "me")}, "each once"),
            ({"modalities": ("me",), "n_classes": 5}, "--classes: wanted one of 3, 7"),
            ({"modalities": ("me",), "rule": "amf-style"}, "--rule: wanted one of vote"),
            ({"modalities": ("me",), "weight": "gut"}, "--weight: wanted one of equal"),
            ({"modalities": ("me",), "methods": {"eeg": "eegnet"}}, "--method: wanted one of me"),
            ({"modalities": ("me",), "n_workers": 0}, "--workers"),
            (
                {"modalities": ("me",), "rule": "stacking", "weight": "recall"},
                "--weight: wanted the rule vote",
            ),
        ],
    )
    def test_refuses(self, tmp_path, options, words):
        with pytest.raises(OptionError, match=words):
            FuseRequest(tmp_path, out=tmp_path, **options)

    @pytest.mark.parametrize(
        ("modality", "method"), [("me", "eegnet"), ("eeg", "ststnet"), ("ecg", "eegnet"), ("me", "av-audio")]
    )
    def test_a_method_must_be_able_to_read_its_modality(self, tmp_path, modality, method):
        one = FuseRequest(tmp_path, (modality,), tmp_path, methods={modality: method})
        with pytest.raises(OptionError, match=f"--method {modality}={method}"):
            one.chosen_methods()

    def test_parameters_belong_to_modalities(self, tmp_path):
        one = FuseRequest(tmp_path, ("me", "eeg"), tmp_path, methods={"me": "ststnet"}, epochs=7,
                          changes={"eeg.epochs": 3, "me.learning_rate": 0.5})  # fmt: skip
        with pytest.raises(OptionError, match="--set"):
            FuseRequest(tmp_path, ("me",), tmp_path, changes={"eeg.epochs": 3})
        methods = one.chosen_methods()
        assert methods["me"].parameters["learning_rate"] == 0.5
        assert methods["me"].parameters["epochs"] == 7
        assert methods["eeg"].parameters["epochs"] == 3  # the more specific wins

    def test_one_network_for_both_takes_no_other_method_for_one(self, tmp_path):
        for modality, method in (("me", "bi-woof"), ("speech", "av-visual")):
            one = FuseRequest(tmp_path, ("me", "speech"), tmp_path, methods={modality: method})
            with pytest.raises(OptionError, match=f"--method {modality}={method}: wanted av-"):
                one.chosen_methods()
        voted = FuseRequest(tmp_path, ("me", "speech"), tmp_path, rule="vote", methods={"me": "av-visual"})
        with pytest.raises(OptionError, match="--method me=av-visual: wanted a method for faces"):
            voted.chosen_methods()

    def test_face_and_voice_are_read_at_once_unless_asked_otherwise(self, tmp_path):
        joint = FuseRequest(tmp_path, ("speech", "me"), tmp_path)
        assert joint.is_joint
        assert joint.chosen_methods()["me"].name == "av-visual"
        voted = FuseRequest(tmp_path, ("me", "speech"), tmp_path, rule="vote")
        assert not voted.is_joint
        assert voted.chosen_methods()["me"].name == "bi-woof"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Brains and bodies without a video: what a lab may keep where faces must not be kept."""
    folder = tmp_path_factory.mktemp("fuse") / "study"
    settings = StudySettings(
        participants=4, trials=3, clip_s=9.0, emotions=("happiness", "fear", "surprise"), seed=2
    )
    simulate_study(settings, folder, parts=frozenset({"physio", "eeg"}))
    return folder


class TestStudy:
    def test_brain_and_body_without_a_face(self, recorded, tmp_path):
        asked = FuseRequest(
            recorded, ("eeg", "skt", "ecg"), tmp_path, split="grouped-k-fold", n_folds=2, epochs=1,
            around=ApexSettings(artefacts="none", window_s=4.0),
        )  # fmt: skip
        found = fuse(asked)
        assert found.task.classes == CLASSES
        assert [row.record.method["name"] for row in found.members] == [
            "eegnet",
            "peripheral-svm",
            "peripheral-svm",
        ]
        told = found.as_json()
        assert told["coverage"]["eeg"]["n_samples"] > 5
        assert told["sessions"]["eeg"]["sub-001"]["broadband"]["settings"]["method"] == "none"
        again = fuse(asked)
        assert again.fused.record.identity == found.fused.record.identity

    def test_a_modality_that_nobody_has_is_told(self, recorded, tmp_path):
        with pytest.raises(DataError, match="wanted me of one expression or more, got none of"):
            fuse(FuseRequest(recorded, ("me",), tmp_path))
        found = fuse(FuseRequest(recorded, ("me", "skt"), tmp_path, split="grouped-k-fold", n_folds=2))
        assert found.as_json()["coverage"]["me"]["missing"] == {"the run has no video": len(found.task)}

    def test_a_plan_when_the_first_fold_cannot_learn(self, recorded, tmp_path):
        shutil.copytree(recorded, tmp_path / "study")
        for who in ("sub-002", "sub-003", "sub-004"):
            for path in (tmp_path / "study" / who).glob("beh/*_physio.*"):
                path.unlink()
        asked = FuseRequest(
            tmp_path / "study",
            ("skt", "eeg"),
            tmp_path,
            epochs=1,
            around=ApexSettings(artefacts="none", window_s=4.0),
        )
        found = {one.member: one for one in estimate(asked)}
        assert found["skt"].core_s == 0.0
        assert found["eeg"].core_s > 0.0

    def test_face_and_voice_need_both(self, recorded, tmp_path):
        with pytest.raises(DataError, match="wanted me, speech of one expression or more"):
            fuse(FuseRequest(recorded, ("me", "speech"), tmp_path))


@pytest.fixture(scope="module")
def speakers(tmp_path_factory):
    """Faces that talk, and their voices: the shape of an MMED-like study."""
    folder = tmp_path_factory.mktemp("fuse") / "speakers"
    emotions = ("happiness", "fear", "surprise")
    settings = StudySettings(
        participants=3,
        trials=3,
        clip_s=9.0,
        emotions=emotions,
        rate_hz=60.0,
        frame_px=160,
        speech=True,
        seed=4,
    )
    simulate_study(settings, folder, parts=study_parts("audiovisual"))
    return folder


@pytest.fixture(scope="module")
def heard(speakers, tmp_path_factory):
    """One run on them, and what was asked."""
    asked = FuseRequest(speakers, ("me", "speech"), tmp_path_factory.mktemp("av"), epochs=1)
    return asked, fuse(asked)


class TestFaceAndVoice:
    def test_one_network_reads_both_beside_each_alone(self, heard):
        _, fusion = heard
        assert [row.record.method["name"] for row in fusion.members] == ["av-visual", "av-audio"]
        assert fusion.fused.record.method["name"] == "amf-style"
        assert [row.name for row in fusion.others] == ["av-concatenation", "av-symmetric"]
        told = fusion.as_json()
        assert {"members", "fused", "weights", "coverage", "paired_test", "record"} <= set(told)
        assert told["coverage"]["speech"]["n_samples"] > 3

    def test_everyone_answers_the_same_samples(self, heard):
        _, fusion = heard
        rows = [*fusion.members, fusion.fused, *fusion.others]
        assert len({tuple(row.record.samples["sample_id"]) for row in rows}) == 1

    def test_attention_lies_on_speech(self, heard):
        asked, _ = heard
        one = attended(asked)
        assert one.attention.sum() == pytest.approx(1.0, abs=1e-4)
        assert (one.attention[~one.voiced] == 0).all()
        assert one.times_s[0] == pytest.approx(-1.995)

    def test_voice_as_a_member_of_a_vote(self, speakers, tmp_path):
        asked = FuseRequest(speakers, ("me", "speech"), tmp_path, rule="vote", epochs=1,
                            split="grouped-k-fold", n_folds=3)  # fmt: skip
        assert [row.record.method["name"] for row in fuse(asked).members] == ["bi-woof", "av-audio"]
