"""The linear SVM on the real motion maps: the figures that a plain scikit-learn script gives."""

from __future__ import annotations

import json
import sys

import pytest

from mien.cli import main


def test_linear_svm(shared_data, tmp_path, monkeypatch, capsys):
    source = str(shared_data / "me_flow_megc2019")
    options = ["--format", "megc2019-flow", "--method", "linear-svm", "--json", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["mien", "recognise", source, *options])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert not leaving.value.code
    found = json.loads(capsys.readouterr().out)
    assert (found["n_samples"], found["n_subjects"]) == (309, 40)
    expected = {"SMIC": (0.643, 0.669), "CASME2": (0.835, 0.874)}
    assert found["scores"]["uf1"]["value"] == pytest.approx(0.736, abs=0.005)
    assert found["scores"]["uar"]["value"] == pytest.approx(0.767, abs=0.005)
    for name, (uf1, uar) in expected.items():
        assert found["per_dataset"][name]["uf1"]["value"] == pytest.approx(uf1, abs=0.005)
        assert found["per_dataset"][name]["uar"]["value"] == pytest.approx(uar, abs=0.005)
    majority = found["baselines"]["majority"]
    assert (round(majority["uf1"]["value"], 3), round(majority["uar"]["value"], 3)) == (0.226, 0.333)
