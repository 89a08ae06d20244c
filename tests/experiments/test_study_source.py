"""Recognition from a study: samples, what cannot be measured, models and their answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from filmed import N_FRAMES, ONSETS, film, write_study

from mien.core import DataError, MienError, OptionError, read_record
from mien.dataset import open_study
from mien.evaluation.chance import unanswered_as_wrong
from mien.experiments import RecogniseRequest, recognise
from mien.experiments.models import load_trained
from mien.experiments.predict import Moments, predict
from mien.experiments.study_source import read_study_source
from mien.features.measuring import ClipSpan, MeasureSettings, measure_clips
from mien.jobs import Store
from mien.recording.formats.video import VideoWriter
from mien.signals.face import FaceSettings


def source_of(study: Path, store: Path, **options):
    given = {"n_classes": 3, "kinds": ("micro",), "settings": MeasureSettings(), **options}
    return read_study_source(open_study(study), store=Store(store / "store"), **given)


class TestSamples:
    def test_every_expression_becomes_a_sample_of_its_class(self, filmed, measured):
        source = source_of(filmed, measured)
        task = source.task("motion-map")
        assert task.classes == ("negative", "positive", "surprise")
        assert np.bincount(task.y).tolist() == [3, 3, 3]
        assert task.X.shape == (9, 28, 28, 3)
        assert task.subject_names == ("sub-001", "sub-002", "sub-003")
        assert dict(task.consent) == {"sub-001": 1, "sub-002": 2, "sub-003": 1}
        assert not task.unmeasured
        # All tasks of a source have the same samples in the same order, so that methods can be paired.
        for needs in source.gives:
            other = source.task(needs)
            assert other.sample_ids == task.sample_ids
            assert (other.y == task.y).all()

    def test_seven_classes_leave_out_those_that_nobody_shows(self, filmed, measured):
        source = source_of(filmed, measured, n_classes=7)
        assert source.classes == ("happiness", "surprise", "disgust")
        assert source.about["absent_classes"] == ["sadness", "anger", "fear", "contempt"]

    def test_a_second_analysis_measures_nothing(self, filmed, measured, monkeypatch):
        source_of(filmed, measured)
        monkeypatch.setattr("mien.features.measuring.read_frames", None)
        assert len(source_of(filmed, measured).samples) == 9

    def test_emotions_outside_the_scheme_are_counted(self, tmp_path):
        def change(who, table):
            table.loc[0, "emotion"] = "others" if who == "sub-001" else "bemused"
            table.loc[1, "kind"] = "macro"
            return table

        source = source_of(write_study(tmp_path / "s", people=2, change=change), tmp_path)
        assert source.about["left_out"] == {"bemused": 1, "macro": 2, "others": 1}
        assert [sample.label for sample in source.samples] == ["surprise"] * 2

    def test_no_coding_at_all(self, tmp_path):
        study = write_study(tmp_path / "s", people=2, change=lambda who, table: table[:0])
        with pytest.raises(DataError, match=r"micro-expressions of negative.*none|no coding table"):
            source_of(study, tmp_path)


class TestUnmeasured:
    """Whatever cannot be measured is named with its reason and stands beside the scores."""

    def test_each_is_told_and_counts_as_missed_in_the_lower_score(self, tmp_path):
        def change(who, table):
            if who == "sub-002":
                table.loc[0, ["apex_frame", "offset_frame"]] = [ONSETS["happiness"]] * 2  # one frame
                table.loc[1, "apex_frame"] = ONSETS["disgust"] + 12  # after the offset
                table.loc[2, ["onset_frame", "apex_frame", "offset_frame"]] = [36, 38, N_FRAMES + 3]
            return table

        study = write_study(tmp_path / "s", people=4, change=change)
        done = recognise(RecogniseRequest(study, ("majority",), tmp_path / "out"))
        record = done.records[0]
        told = {one["reference"]: one["reason"] for one in record.dataset["unmeasured"]}
        assert set(told) == {"positive", "negative", "surprise"}
        assert "two frames or more" in told["positive"]
        assert "apex lies outside" in told["negative"]
        assert "outside the video" in told["surprise"]
        assert {one["subject_id"] for one in record.dataset["unmeasured"]} == {"sub-002"}
        assert any("3 of 12 expressions could not be measured" in word for word in record.warnings)
        result = done.as_json()
        assert result["n_samples"] == 9
        assert result["n_unmeasured"] == 3
        lower = unanswered_as_wrong(record)
        assert lower["accuracy"] == pytest.approx(result["scores"]["accuracy"]["value"] * 9 / 12)
        assert lower["uar"] == pytest.approx(result["scores"]["uar"]["value"] * 3 / 4)
        assert lower["uf1"] < result["scores"]["uf1"]["value"]
        assert read_record(done.paths[0]).dataset["unmeasured"] == record.dataset["unmeasured"]

    def test_a_class_of_which_nothing_is_measured_is_named_and_counts(self, tmp_path):
        def change(who, table):
            table.loc[2, "apex_frame"] = table.loc[
                2, "onset_frame"
            ]  # no surprise has an apex after its onset
            return table

        study = write_study(tmp_path / "s", people=3, change=change)
        done = recognise(RecogniseRequest(study, ("majority",), tmp_path / "out"))
        result = done.as_json()
        assert result["n_unmeasured"] == 3
        assert result["absent_classes"] == ["surprise"]
        assert {one["reference"] for one in result["unmeasured"]} == {"surprise"}
        assert any("nothing of surprise could be measured" in word for word in result["warnings"])
        lower = result["scores_if_unmeasured_are_missed"]
        assert lower["uar"] == pytest.approx(result["scores"]["uar"]["value"] * 2 / 3)
        assert lower["uf1"] == pytest.approx(result["scores"]["uf1"]["value"] * 2 / 3)
        assert lower["accuracy"] == pytest.approx(result["scores"]["accuracy"]["value"] * 6 / 9)

    def test_a_mended_video_is_measured_again(self, tmp_path):
        study = write_study(tmp_path / "s", people=2)
        video = next((study / "sub-002" / "beh").glob("*.mp4"))
        whole = video.read_bytes()
        video.write_bytes(whole[:4000] + bytes(len(whole) - 4000))  # as long as before
        assert len(source_of(study, tmp_path).samples) == 3
        video.write_bytes(whole)
        assert len(source_of(study, tmp_path).samples) == 6

    def test_no_face(self, tmp_path):
        def pictures(who, frames):
            return np.full_like(frames, 90) if who == "sub-001" else frames

        source = source_of(write_study(tmp_path / "s", people=3, pictures=pictures), tmp_path)
        assert len(source.samples) == 6
        assert [one.subject_id for one in source.unmeasured] == ["sub-001"] * 3
        assert all("no face" in one.reason for one in source.unmeasured)

    def test_no_face_with_the_template(self, tmp_path):
        def pictures(who, frames):
            return np.full_like(frames, 90) if who == "sub-001" else frames

        study = write_study(tmp_path / "s", people=2, pictures=pictures)
        settings = MeasureSettings(FaceSettings(on_no_face="template"))
        source = source_of(study, tmp_path, settings=settings)
        assert len(source.samples) == 6
        assert source.about["notes"]["template"] == 3

    def test_two_faces_are_said(self, tmp_path):
        def pictures(who, frames):
            return np.concatenate([frames, film(7)], axis=2) if who == "sub-001" else frames

        study = write_study(tmp_path / "s", people=2, pictures=pictures)
        source = source_of(study, tmp_path)
        assert source.about["notes"].get("several-faces") == 3

    def test_a_damaged_video_is_named(self, tmp_path):
        study = write_study(tmp_path / "s", people=3)
        video = next((study / "sub-003" / "beh").glob("*.mp4"))
        content = video.read_bytes()
        video.write_bytes(content[: len(content) // 2])
        source = source_of(study, tmp_path)
        assert len(source.samples) == 6
        assert {one.subject_id for one in source.unmeasured} == {"sub-003"}

    def test_nothing_can_be_measured(self, tmp_path):
        study = write_study(tmp_path / "s", people=2, pictures=lambda who, frames: np.full_like(frames, 9))
        with pytest.raises(DataError, match=r"6 that cannot, the first: .*no face"):
            source_of(study, tmp_path)


class TestClips:
    def test_overlapping_clips_are_measured_as_if_alone(self, tmp_path):
        video = tmp_path / "v.mp4"
        with VideoWriter(video, width=160, height=160, rate_hz=30) as writer:
            for frame in film(1):
                writer.write(frame)
        spans = [ClipSpan("a", 2, 7, 12), ClipSpan("b", 5, 8, 20), ClipSpan("c", 14, 19, 24)]
        together = measure_clips(video, spans, ["motion-map"], MeasureSettings())
        for span in spans:
            alone = measure_clips(video, [span], ["motion-map"], MeasureSettings())[span.name]
            assert (alone.features["motion-map"] == together[span.name].features["motion-map"]).all()

    def test_an_apex_that_nobody_coded_is_found_and_said(self, tmp_path):
        video = tmp_path / "v.mp4"
        with VideoWriter(video, width=160, height=160, rate_hz=30) as writer:
            for frame in film(1):
                writer.write(frame)
        found = measure_clips(video, [ClipSpan("a", 2, None, 12)], ["motion-map"], MeasureSettings())["a"]
        assert abs(found.apex - 5) <= 1
        assert "apex-found" in found.notes

    def test_openface_tables_tell_where_the_face_is(self, tmp_path):
        from mien.signals.face.regions import landmarks_from_eyes
        from mien.simulate.faces import FaceRenderer
        from mien.simulate.identities import Identity

        person = FaceRenderer(Identity.draw(np.random.default_rng(1)), frame_px=160, face_px=112)
        points = landmarks_from_eyes(np.array(person.eyes))
        video = tmp_path / "v.mp4"
        with VideoWriter(video, width=160, height=160, rate_hz=30) as writer:
            for frame in film(1):
                writer.write(frame)
        names = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
        cells = ",".join(f"{value:.3f}" for value in points.T.ravel())
        rows = [f"{i + 1},{i / 30:.4f},{0.95 if i != 14 else 0.1},{int(i != 14)},{cells}" for i in range(40)]
        header = ",".join(["frame", "timestamp", "confidence", "success", *names])
        settings = MeasureSettings(FaceSettings(finder="openface"))
        spans = [ClipSpan("a", 2, 7, 12), ClipSpan("b", 14, 19, 24)]
        nothing = measure_clips(video, spans, ["mdmo"], settings)
        assert "v.csv" in nothing["a"].refused
        (tmp_path / "v.csv").write_text("\n".join([header, *rows]) + "\n")
        found = measure_clips(video, spans, ["motion-map", "mdmo"], settings)
        assert "no face found in the first frame by openface" in found["b"].refused
        by_haar = measure_clips(video, spans, ["motion-map"], MeasureSettings())["a"]
        maps = [one.features["motion-map"][..., 1].ravel() for one in (found["a"], by_haar)]
        assert np.corrcoef(*maps)[0, 1] > 0.8


class TestModels:
    @pytest.mark.parametrize("name", ["linear-svm", "bi-woof", "mdmo", "ststnet", "moext"])
    def test_a_saved_model_answers_a_video_and_a_study(self, filmed, measured, tmp_path, name):
        model = tmp_path / "model.safetensors"
        small = {"moext": {"width": 4, "pretrain_epochs": 1}}
        request = RecogniseRequest(
            filmed, (name,), measured, epochs=2, save=model, changes=small.get(name, {})
        )
        assert recognise(request).as_json()["model"] == str(model)
        video = next((filmed / "sub-001" / "beh").glob("*.mp4"))
        onset = ONSETS["happiness"] / 30
        moments = Moments(onset, onset + 5 / 30, onset + 10 / 30)
        trained, (answer,) = predict(model, video, moments=moments, out=measured)
        assert trained.classes == ("negative", "positive", "surprise")
        assert sum(answer.probabilities.values()) == pytest.approx(1.0)
        assert answer.estimate == max(answer.probabilities, key=answer.probabilities.get)
        assert answer.apex_s == pytest.approx(onset + 5 / 30, abs=1e-3)
        _, answers = predict(model, filmed, out=measured)
        assert answers[0].name == "sub-001_run-01_frame-000002"
        assert answers[0].probabilities == pytest.approx(answer.probabilities, abs=1e-6)
        assert all(one.seen is True for one in answers)  # it was trained on all of them
        assert (answer.participant, answer.consent_level, answer.seen) == ("sub-001", 1, True)
        assert {one.coded for one in answers} == set(trained.classes)

    def test_what_a_model_says_of_itself(self, filmed, measured, tmp_path):
        model = tmp_path / "model"
        recognise(RecogniseRequest(filmed, ("linear-svm",), measured, save=model, n_classes=7))
        trained = load_trained(model)
        assert trained.participants == ("sub-001", "sub-002", "sub-003")
        assert trained.classes == ("happiness", "surprise", "disgust")
        assert trained.measure == MeasureSettings()

    def test_mistakes(self, filmed, measured, tmp_path):
        model, video = tmp_path / "model", next((filmed / "sub-001" / "beh").glob("*.mp4"))
        with pytest.raises(DataError, match="model: wanted a whole model file"):
            predict(model, video)
        recognise(RecogniseRequest(filmed, ("linear-svm",), measured, save=model))
        with pytest.raises(OptionError, match=r"seconds from 0\.000 to 1\.300"):
            predict(model, video, moments=Moments(0.0, 0.2, 7.0))
        with pytest.raises(DataError, match="an apex after frame 2"):
            predict(model, video, moments=Moments(2 / 30, 0.0, 1.0))
        with pytest.raises(OptionError, match="leave moments out"):
            predict(model, filmed, moments=Moments(0.1))
        with pytest.raises(DataError, match="a whole video file"):
            predict(model, filmed / "participants.tsv")
        two = RecogniseRequest(filmed, ("linear-svm", "majority"), measured, save=model)
        with pytest.raises(OptionError, match="--save: wanted one method"):
            recognise(two)

    @pytest.mark.parametrize(
        "change",
        [
            lambda card: card["about"].update(classes=["negative"]),
            lambda card: card["about"].update(classes=["a", "b", "c", "d"]),
            lambda card: card["about"].update(needs="mdmo"),
            lambda card: card["about"].update(table_name="ststnet"),
            lambda card: card.update(classes=[0, 1, 99]),
            lambda card: card.update(bins="a"),
            lambda card: card["parameters"].update(kernel="foo"),
            lambda card: card["about"].pop("participants"),
        ],
    )
    def test_a_card_that_was_changed_is_refused_in_one_sentence(self, filmed, measured, tmp_path, change):
        from mien.learning.model_file import load_model, save_model

        model = tmp_path / "model"
        recognise(RecogniseRequest(filmed, ("bi-woof",), measured, save=model))
        arrays, card = load_model(model)
        change(card)
        save_model(model, arrays, card=card)
        video = next((filmed / "sub-001" / "beh").glob("*.mp4"))
        with pytest.raises(MienError, match=r"a whole model file|input of bi-woof|a model of ststnet"):
            predict(model, video, moments=Moments(0.07, 0.23, 0.4))

    def test_whose_face_it_is(self, filmed, measured, tmp_path):
        """A film of a study takes its participant's level, whatever is said; elsewhere nobody knows."""
        model = tmp_path / "model"
        recognise(RecogniseRequest(filmed, ("bi-woof",), measured, save=model))
        film_of_second = next((filmed / "sub-002" / "beh").glob("*.mp4"))
        moments = Moments(0.07, 0.23, 0.4)
        _, (inside,) = predict(model, film_of_second, moments=moments)
        assert (inside.participant, inside.consent_level, inside.seen) == ("sub-002", 2, True)
        copy = tmp_path / "copy.mp4"
        copy.write_bytes(film_of_second.read_bytes())
        _, (outside,) = predict(model, copy, moments=moments)
        assert (outside.participant, outside.consent_level, outside.seen) == (None, None, None)
        other = write_study(tmp_path / "other", people=1)
        _, answers = predict(model, other, out=tmp_path)
        assert all(one.seen is False for one in answers)  # another study's sub-001

    def test_maps_that_someone_else_measured_cannot_be_asked_about_a_video(self, tmp_path, filmed):
        from mien.dataset.motion_maps import write_motion_maps
        from mien.simulate import MapSettings, simulate_maps

        write_motion_maps(simulate_maps(MapSettings(participants=3, seed=1)), tmp_path / "maps")
        model = tmp_path / "model"
        recognise(RecogniseRequest(tmp_path / "maps", ("linear-svm",), tmp_path / "o", save=model))
        video = next((filmed / "sub-001" / "beh").glob("*.mp4"))
        with pytest.raises(DataError, match="trained on motion maps"):
            predict(model, video)


class TestCommand:
    def test_recognise_and_predict(self, mien, filmed, measured, tmp_path):
        model = tmp_path / "m"
        status, out, _ = mien(
            "recognise", filmed, "-m", "bi-woof", "--classes", 3, "--out", measured, "--save", model, "--json"
        )
        assert status == 0
        result = json.loads(out)
        assert result["n_samples"] == 9
        assert 0 < result["p_chance"]["uf1"] <= 1
        assert result["parameters"]["C"] == 1e4
        video = next((filmed / "sub-001" / "beh").glob("*.mp4"))
        status, out, _ = mien("predict", model, video, "--onset", 0.4, "--offset", 0.8, "--json")
        assert status == 0
        (answer,) = json.loads(out)["answers"]
        assert set(answer["probabilities"]) == {"negative", "positive", "surprise"}
        assert "apex-found" in answer["notes"]

    def test_plan_and_changes(self, mien, filmed, measured):
        arguments = ("recognise", filmed, "-m", "ststnet", "-m", "bi-woof", "--out", measured)
        status, out, _ = mien(*arguments, "--set", "ststnet.epochs=3", "--plan", "--json")
        assert status == 0
        plan = json.loads(out)["plan"]
        assert [(one["method"], one["n_folds"], one["n_done"]) for one in plan] == [
            ("ststnet", 3, 0), ("bi-woof", 3, plan[1]["n_done"]),
        ]  # fmt: skip
        assert plan[0]["core_s"] > 0

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--classes", 5], "--classes: wanted one of 3, 7, got 5"),
            (["--kind", "nano"], "--kind: wanted one of micro, macro"),
            (["--set", "depth=3"], "a parameter of bi-woof"),
            (["--set", "htnet.epochs=3"], "wanted"),
            (["--set", "C"], "name=value"),
            (["--set", "C=-1"], "a number from 0, as 10000.0"),
            (["--set", "kernel=3"], "a word, as linear"),
            (["--save", "/"], "a file that can be written"),
            (["--imbalance", "focal"], "--imbalance for bi-woof: wanted one of plain, weighted"),
            (["--augment"], "a network that is given motion"),
            (["--finder", "eyes"], "finder"),
            (["--flow", "lucas"], "one of dis, tv-l1, farneback"),
            (["--head-motion", "maybe"], "remove or keep"),
        ],
    )
    def test_wrong_use(self, mien, filmed, measured, arguments, words):
        status, _, err = mien("recognise", filmed, "-m", "bi-woof", "--out", measured, *arguments)
        assert status == (1 if "--save" in arguments else 2)
        assert words in err
        assert "Traceback" not in err


def test_grey_and_sixteen_bit_films_are_measured(tmp_path):
    """A lossless grey film gives the same map as its colour twin, nearly: chroma has no part in flow."""
    frames = film(2)
    videos = {}
    for kind in ("colour", "grey"):
        videos[kind] = tmp_path / f"{kind}.mp4"
        grey = frames.mean(axis=-1, keepdims=True).astype(np.uint8).repeat(3, axis=-1)
        with VideoWriter(videos[kind], width=160, height=160, rate_hz=30, exact=True) as writer:
            for frame in grey if kind == "grey" else frames:
                writer.write(frame)
    span = ClipSpan("a", 2, 7, 12)
    maps = [
        measure_clips(video, [span], ["motion-map"], MeasureSettings())["a"].features["motion-map"]
        for video in videos.values()
    ]
    corner = np.corrcoef(maps[0][..., 1].ravel(), maps[1][..., 1].ravel())[0, 1]
    assert corner > 0.8


def test_a_film_on_its_side_is_said(tmp_path):
    video = tmp_path / "v.mp4"
    with VideoWriter(video, width=160, height=160, rate_hz=30) as writer:
        for frame in film(1):
            writer.write(np.ascontiguousarray(np.rot90(frame)))
    found = measure_clips(video, [ClipSpan("a", 2, 7, 12)], ["motion-map"], MeasureSettings())["a"]
    assert "rotated" in found.refused or "turned" in found.refused or "90" in found.refused
