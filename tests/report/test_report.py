"""Reports: self-contained, derived from predictions, and nothing of a person without consent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mien.core import DataError, read_record
from mien.dataset.motion_maps import write_motion_maps
from mien.experiments import RecogniseRequest, recognise
from mien.report import make_report, read_records, write_report
from mien.simulate import MapSettings, simulate_maps


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Records of two methods on simulated maps whose participants differ in consent."""
    root = tmp_path_factory.mktemp("report")
    maps = simulate_maps(MapSettings(participants=8, seed=4))
    levels = dict(zip(maps.consent, (1, 2, None, 1, 2, 2, None, 1), strict=True))
    write_motion_maps(replace(maps, consent=levels), root / "maps")
    request = RecogniseRequest(
        root / "maps", ("majority", "linear-svm"), root / "out", protocols=("fixed", "test-selected")
    )
    return recognise(request)


def page_of(study):
    return make_report(read_records(list(study.paths)))


def test_self_contained(study):
    page = page_of(study)
    assert not re.search(r'(?:src|href)="(?!data:|#)[^"]', page)
    assert "http:" not in re.sub(r'xmlns(:\w+)?="[^"]*"|<!DOCTYPE[^>]*>', "", page)
    assert "<script" not in page
    assert page.count("<svg") == 1 + 2 * 4  # intervals, then a matrix and a strip for each of four runs


def test_every_number_is_there(study):
    page = page_of(study)
    for record in study.records:
        for estimate in record.scores["scores"].values():
            assert f"{estimate['value']:.3f}" in page
    assert "majority" in page
    assert "chance" in page


def test_protocols_in_words_and_leak_marked(study):
    page = page_of(study)
    assert page.count("LEAK: in each fold") == 2
    assert "no subject in training and test at once" in page
    assert "Choosing on the test subject would have moved linear-svm by" in page


def test_pictures_only_of_those_who_allow_it(study):
    record = study.records[0]
    allowed = [a for a in record.artefacts if record.participants[a.participants[0]] == 1]
    refused = [a for a in record.artefacts if record.participants[a.participants[0]] != 1]
    assert allowed
    assert refused
    page = page_of(study)
    assert page.count("data:image/png") == len(allowed)
    assert f"{len(refused)} pictures are left out" in page


@pytest.mark.parametrize("level", [2, None])
def test_no_picture_without_consent(study, level):
    path = study.paths[0]
    record = read_record(path)
    strict = replace(record, participants=dict.fromkeys(record.participants, level))
    page = make_report([(strict, path)])
    assert "data:image" not in page
    assert "left out" in page


def test_participant_absent_from_the_record_is_the_strictest(study):
    record = replace(read_record(study.paths[0]), participants={})
    assert "data:image" not in make_report([(record, study.paths[0])])


def test_artefact_outside_the_results_is_not_read(study, tmp_path):
    record = read_record(study.paths[0])
    person = next(who for who, level in record.participants.items() if level == 1)
    (tmp_path / "secret.png").write_bytes(b"secret")
    for path in (str(tmp_path / "secret.png"), "../../../../../../etc/hostname"):
        stray = replace(record, artefacts=(replace(record.artefacts[0], path=path, participants=(person,)),))
        assert "data:image" not in make_report([(stray, study.paths[0])])


def test_markup_in_names_stays_text(study):
    record = read_record(study.paths[0])
    hostile = replace(record, dataset={**record.dataset, "name": "<script>alert(1)</script>"})
    page = make_report([(hostile, study.paths[0])])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_at_chance_says_so(tmp_path):
    write_motion_maps(simulate_maps(MapSettings(participants=6, effect=0.0, seed=1)), tmp_path / "null")
    result = recognise(RecogniseRequest(tmp_path / "null", ("linear-svm",), tmp_path / "out"))
    page = make_report([(result.records[0], result.paths[0])])
    assert "this result does not show recognition" in page


def test_same_records_same_bytes(study, tmp_path):
    first, second = (
        write_report(list(study.paths), tmp_path / name).read_bytes() for name in ("a.html", "b.html")
    )
    assert first == second


def test_folder_of_records(study, tmp_path):
    assert len(read_records([study.paths[0].parent])) == 4
    with pytest.raises(DataError, match="got none in it"):
        read_records([tmp_path])
    with pytest.raises(DataError, match="at least one record"):
        make_report([])
