"""The program as a user meets it: output, exit status, and one sentence for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.dataset.motion_maps import write_motion_maps
from mien.simulate import MapSettings, simulate_maps

SCORE_KEYS = {"accuracy", "weighted_f1", "uf1", "uar"}


@pytest.fixture(scope="module")
def five_people():
    return simulate_maps(MapSettings(participants=5, maps_per_participant=5))


@pytest.fixture
def folder(tmp_path, five_people):
    write_motion_maps(five_people, tmp_path / "maps")
    return tmp_path / "maps"


def predictions(path, text):
    path.write_text(text)
    return path


class TestRecognise:
    def test_json_alone_on_stdout(self, mien, folder, tmp_path):
        status, out, _ = mien(
            "recognise", folder, "--method", "linear-svm", "--json", "--out", tmp_path / "out"
        )
        found = json.loads(out)
        assert status == 0
        assert (found["method"], found["protocol"], found["n_subjects"]) == ("linear-svm", "fixed", 5)
        assert set(found["scores"]) == SCORE_KEYS
        assert all(set(value) == {"value", "low", "high"} for value in found["scores"].values())
        assert set(found["baselines"]) == {"majority", "chance"}
        assert sum(map(sum, found["confusion"]["counts"])) == found["n_samples"]
        assert (tmp_path / "out").joinpath("records", found["record"].rsplit("/")[-1]).is_file()

    def test_several_methods_make_a_table_with_tests(self, mien, folder, tmp_path):
        names = ["-m", "majority", "-m", "linear-svm", "-p", "fixed", "-p", "test-selected"]
        status, out, _ = mien("recognise", folder, *names, "--json", "--out", tmp_path)
        found = json.loads(out)
        assert status == 0
        assert len(found["results"]) == 4
        assert len(found["comparisons"]) == 6
        status, out, _ = mien("recognise", folder, *names, "--out", tmp_path)
        assert status == 0
        assert "linear-svm (test-selected, LEAK)" in out
        assert "chance" in out

    def test_second_run_computes_nothing_and_says_the_same(self, mien, folder, tmp_path):
        first, second = (
            json.loads(mien("recognise", folder, "-m", "linear-svm", "--json", "--out", tmp_path)[1])
            for _ in range(2)
        )
        assert first["record"] == second["record"]
        assert json.loads(Path(second["record"]).read_text())["run"]["n_folds_cached"] == 5

    def test_two_workers_give_the_same_record(self, mien, folder, tmp_path):
        records = [
            json.loads(
                mien(
                    "recognise",
                    folder,
                    "-m",
                    "ststnet",
                    "--epochs",
                    3,
                    "--workers",
                    n,
                    "--json",
                    "--out",
                    tmp_path / str(n),
                )[1]
            )["record"].rsplit("/")[-1]
            for n in (1, 2)
        ]
        assert records[0] == records[1]

    def test_methods_are_listed(self, mien):
        assert json.loads(mien("recognise", "--list-methods", "--json")[1])["methods"][:3] == [
            "majority",
            "linear-svm",
            "ststnet",
        ]

    @pytest.mark.parametrize(
        ("arguments", "status", "words"),
        [
            (["recognise", "nowhere", "-m", "linear-svm"], 1, "wanted a dataset, got no such file or folder"),
            (
                ["recognise", ".", "-m", "linear-svm", "--format", "x"],
                2,
                "--format: wanted one of megc2019-flow",
            ),
            (["recognise", "."], 2, "name a SOURCE and at least one --method"),
            (["recognise", ".", "-m", "resnet"], 2, "method: wanted one of majority"),
            (["recognise", ".", "-m", "majority", "-p", "best"], 2, "protocol: wanted one of fixed"),
            (["recognise", ".", "-m", "majority", "--workers", "0"], 2, "--workers: wanted 1 or more, got 0"),
            (["recognise", ".", "-m", "ststnet", "--epochs", "0"], 2, "--epochs: wanted 1 or more"),
            (["recognise", "--colour"], 2, "No such option"),
            (["paint"], 2, "No such command"),
        ],
    )
    def test_mistakes(self, mien, tmp_path, monkeypatch, arguments, status, words):
        monkeypatch.chdir(tmp_path)
        code, out, err = mien(*arguments)
        assert (code, out) == (status, "")
        assert words in " ".join(err.split())
        assert "Traceback" not in err
        assert list(tmp_path.iterdir()) == []  # nothing half-written

    def test_empty_folder(self, mien, tmp_path):
        code, _, err = mien(
            "recognise", tmp_path, "-m", "majority", "--format", "megc2019-flow", "--out", tmp_path / "o"
        )
        assert code == 1
        assert "wanted one labels*.csv beside the maps, got none" in err
        assert not (tmp_path / "o").exists()

    def test_one_subject_only(self, mien, folder, tmp_path):
        lines = (folder / "labels.csv").read_text().splitlines()
        header, rows = lines[0], [line.split(",") for line in lines[1:]]
        for row in rows:
            row[2] = "001"
        (folder / "labels.csv").write_text("\n".join([header, *map(",".join, rows)]) + "\n")
        code, _, err = mien("recognise", folder, "-m", "majority", "--out", tmp_path / "o")
        assert code == 1
        assert "wanted two or more subjects, got only simulated/001" in err
        assert not (tmp_path / "o").exists()

    def test_class_without_samples(self, mien, folder, tmp_path):
        text = (folder / "labels.csv").read_text().replace("1,positive", "0,negative")
        (folder / "labels.csv").write_text(text)
        code, _, err = mien("recognise", folder, "-m", "majority", "--out", tmp_path / "o")
        assert (code, err.count("\n")) == (1, 1)
        assert "samples of every class, got none of positive" in err

    def test_map_of_another_size(self, mien, folder, tmp_path):
        cv2.imwrite(str(sorted((folder / "maps").iterdir())[0]), np.zeros((32, 28, 3), np.uint8))
        code, _, err = mien("recognise", folder, "-m", "majority", "--out", tmp_path / "o")
        assert code == 1
        assert "28 x 28 pixels of three 8-bit channels, got 32 x 28 x 3" in err

    def test_debug_shows_where(self, folder):
        command = [
            sys.executable,
            "-c",
            "from mien.cli import main; main()",
            "--debug",
            "recognise",
            "x",
            "-m",
            "majority",
        ]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 1
        assert "Traceback" in result.stderr


class TestScore:
    def test_recognition(self, mien, tmp_path):
        rows = "\n".join(
            f"s{i},p{i % 4},{r},{e},{'AB'[i % 2]}"
            for i, (r, e) in enumerate([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")] * 3)
        )
        file = predictions(tmp_path / "p.csv", f"sample_id,subject_id,reference,estimate,dataset\n{rows}\n")
        status, out, _ = mien("score", "recognition", file, "--json")
        found = json.loads(out)
        assert status == 0
        assert found["n_samples"] == 12
        assert found["uar"] == pytest.approx(0.75)
        assert found["uf1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
        assert found["confusion"] == {"classes": ["a", "b"], "counts": [[3, 3], [0, 6]]}
        assert set(found["per_dataset"]) == {"A", "B"}
        assert found["per_class"]["a"]["n_estimate"] == 3
        assert {"accuracy", "weighted_f1", "macro_precision"} <= set(found)
        assert "UF1" in mien("score", "recognition", file)[1]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("sample_id,subject_id,reference\n1,a,x\n", "got no estimate"),
            ("sample_id,subject_id,reference,estimate\n", "at least one row"),
            ("sample_id,subject_id,reference,estimate\n1,a,x,\n", "row 2: wanted a value in 'estimate'"),
            (
                "sample_id,subject_id,reference,estimate\n1,a,x,x\n2,a,NaN,x\n",
                "row 3: wanted a value in 'reference'",
            ),
            ("sample_id,subject_id,reference,estimate\n1,a,x,x\n1,a,y,x\n", "each sample once"),
            ("sample_id,subject_id,reference,estimate\n1,a,x,x\n2,a,y,z\n", "wanted one of x, y, got 'z'"),
            ("sample_id,subject_id,reference,estimate\n1,a,x,x\n", "two or more classes"),
            ("", "an empty file"),
            (
                "sample_id,subject_id,reference,estimate\n1,a,x,x,9\n",
                "row 2: wanted 4 cells, as in the header, got 5",
            ),
            ("sample_id;subject_id;reference;estimate\n1;a;x;x\n", "separate the columns by commas"),
        ],
    )
    def test_recognition_mistakes(self, mien, tmp_path, text, words):
        status, out, err = mien("score", "recognition", predictions(tmp_path / "p.csv", text), "--json")
        assert (status, out) == (1, "")
        assert words in err

    def test_spotting(self, mien, tmp_path):
        header = "recording_id,kind,onset,offset,apex\n"
        truth = predictions(tmp_path / "r.csv", header + "a,micro,10,19,15\na,macro,100,199,\n")
        found = predictions(
            tmp_path / "e.csv", header + "a,micro,12,19,14\na,micro,10,20,15\nb,macro,1,50,\n"
        )
        options = ["--unit", "frame", "--json", "--total-duration-s", "60"]
        status, out, _ = mien("score", "spotting", truth, found, *options)
        scores = json.loads(out)
        assert status == 0
        assert (scores["micro"]["tp"], scores["micro"]["fp"], scores["micro"]["fn"]) == (1, 1, 0)
        assert (scores["macro"]["fp"], scores["macro"]["fn"], scores["macro"]["precision"]) == (1, 1, 0.0)
        assert scores["overall"]["f1"] == pytest.approx(2 / 5)
        assert scores["fp_per_minute"] == 2.0
        assert scores["apex_error"]["mean_absolute"] == 0.0
        assert (
            "micro"
            in mien("score", "spotting", truth, found, "--unit", "frame", "--matching", "label-hit")[1]
        )

    def test_nothing_found_is_a_result(self, mien, tmp_path):
        header = "recording_id,kind,onset,offset\n"
        truth = predictions(tmp_path / "r.csv", header + "a,micro,10,19\n")
        status, out, _ = mien(
            "score", "spotting", truth, predictions(tmp_path / "e.csv", header), "--unit", "s", "--json"
        )
        assert status == 0
        micro = json.loads(out)["micro"]
        assert (micro["tp"], micro["fp"], micro["fn"]) == (0, 0, 1)
        assert (micro["precision"], micro["recall"]) == (None, 0.0)

    @pytest.mark.parametrize(
        ("row", "options", "words"),
        [
            ("a,micro,10,5", ["--unit", "frame"], "an offset at or after the onset"),
            ("a,micro,x,5", ["--unit", "frame"], "row 2: wanted a number in 'onset', got 'x'"),
            ("a,tiny,1,5", ["--unit", "frame"], "kind micro or macro"),
            ("a,micro,0.5,5", ["--unit", "frame"], "wanted whole frames"),
            ("a,micro,,5", ["--unit", "frame"], "a value in 'onset'"),
            ("a,micro,1,5", ["--unit", "ms"], "--unit: wanted s or frame"),
            ("a,micro,1,5", ["--unit", "s", "--matching", "best"], "--matching: wanted one of one-to-one"),
            ("a,micro,1,5", ["--unit", "s", "--threshold", "2"], "above 0 and at most 1"),
        ],
    )
    def test_spotting_mistakes(self, mien, tmp_path, row, options, words):
        file = predictions(tmp_path / "r.csv", f"recording_id,kind,onset,offset\n{row}\n")
        status, out, err = mien("score", "spotting", file, file, *options)
        wrong_use = words.startswith(("--", "above"))
        assert (status, out) == (2 if wrong_use else 1, "")
        assert words in err


def test_simulate_then_report(mien, tmp_path):
    status, out, _ = mien("simulate", tmp_path / "study", "--only", "maps", "--participants", 6, "--json")
    assert status == 0
    assert json.loads(out)["n_subjects"] == 6
    code, _, err = mien("simulate", tmp_path / "study")
    assert code == 1
    assert "an empty or absent folder" in err
    record = json.loads(
        mien("recognise", tmp_path / "study", "-m", "linear-svm", "--json", "--out", tmp_path / "o")[1]
    )["record"]
    status, out, _ = mien("report", record, "--out", tmp_path / "r.html")
    assert status == 0
    assert "r.html" in out
    assert "<svg" in (tmp_path / "r.html").read_text()


class TestSimulate:
    SMALL = ("--participants", 1, "--trials", 1, "--workers", 1)

    def test_a_study_of_signals_is_written_valid_and_said_as_json(self, mien, tmp_path):
        status, out, err = mien("simulate", tmp_path / "s", *self.SMALL, "--only", "physio", "--json")
        assert status == 0
        found = json.loads(out)
        assert (found["n_participants"], found["n_trials"]) == (1, 1)
        assert found["size_bytes"] > 100_000
        assert "1 participants x 1 trials: about" in err  # said before it starts
        assert mien("validate", tmp_path / "s")[0] == 0

    def test_validate_names_what_was_damaged_and_exits_with_1(self, mien, tmp_path):
        mien("simulate", tmp_path / "s", *self.SMALL, "--only", "physio")
        table = next((tmp_path / "s" / "sub-001" / "beh").glob("*_frametimes.tsv"))
        table.write_text(table.read_text().replace("\n5\t", "\n7\t", 1))
        status, out, _ = mien("validate", tmp_path / "s", "--json")
        assert status == 1
        assert {"frames-numbers", "manifest-changed"} <= {f["code"] for f in json.loads(out)["findings"]}

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--participants", 0], "participants: wanted 1 to 999, got 0"),
            (["--trials", 0], "trials per participant: wanted 1 to 999, got 0"),
            (["--coupling", 1.5], "coupling: wanted 0 (none) to 1 (the calibrated default), got 1.5"),
            (["--duration", 0.01], "mean duration of expressions: wanted more than two frames"),
            (["--emotions", "joy"], "emotions: wanted different ones among happiness"),
            (["--emotions", 9], "emotions: wanted 1 to 7, or names with commas, got 9"),
            (["--rate", 0], "camera rate in Hz: wanted 10 to 1000, got 0"),
            (["--clip", 2], "clip length: wanted at least 8.7 s"),
            (["--duration", 4], "clip length: wanted at least"),
            (["--emotions", "²"], "emotions: wanted different ones among"),
            (["--trials", 900, "--clip", 600], "a session of at most 20 h"),
            (["--layout", "mmme", "--speech"], "speech: wanted mien's own layout"),
            (["--only", "maps", "--coupling", 0.5], "--only maps: wanted maps alone"),
        ],
    )
    def test_impossible_knobs(self, mien, tmp_path, options, sentence):
        status, out, err = mien("simulate", tmp_path / "s", *options)
        assert (status, out) == (2, "")
        assert sentence in err
        assert err.strip().splitlines()[-1].startswith("error: ")
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_that_is_too_small(self, mien, tmp_path):
        status, _, err = mien(
            "simulate", tmp_path / "s", "--participants", 999, "--trials", 300, "--clip", 120, "--rate", 150
        )
        assert status == 1
        assert "GB of free disk, got" in err
        assert list(tmp_path.iterdir()) == []

    def test_no_workers_is_wrong_use(self, mien, tmp_path):
        assert mien("simulate", tmp_path / "s", "--workers", 0)[0] == 2

    def test_a_folder_that_holds_something(self, mien, tmp_path):
        (tmp_path / "mine").write_text("mine")
        status, _, err = mien("simulate", tmp_path, *self.SMALL, "--only", "physio")
        assert status == 1
        assert "wanted an empty or absent folder, got one that holds something" in err
        assert [p.name for p in tmp_path.iterdir()] == ["mine"]

    def test_a_folder_that_is_no_study(self, mien, tmp_path):
        status, _, err = mien("validate", tmp_path / "nothing")
        assert status == 1
        assert err.count("\n") == 1


def test_demo_quick_is_resumable(mien, tmp_path):
    page = tmp_path / "demo" / "report-study-quick" / "reproduction.html"
    for computed in (True, False):
        status, out, _ = mien("demo", "--quick", "--out", tmp_path / "demo", "--workers", 2)
        assert status == 0
        *_, put_in, counted, report = out.strip().splitlines()
        assert put_in.startswith("Put in: 90 % of expressions")
        assert (" 0 jobs computed" not in counted) == computed
        assert report == f"report: {page}"
    assert "Does the face tell the emotion" in page.read_text()


def test_version(mien):
    assert mien("--version")[1].startswith("mien 0.")


def test_help_imports_nothing_heavy():
    """What keeps `mien --help` fast: no numeric library is imported before a command runs."""
    code = (
        "import sys; sys.argv = ['mien', '--help']\n"
        "from mien.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'cv2', 'numba')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"
    assert "recognise" in result.stdout
