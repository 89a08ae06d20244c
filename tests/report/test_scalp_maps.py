"""The figure of components shows each one once, says what went and why, and is the same each time."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("mne")

import mne

from mien.core.errors import OptionError
from mien.report.scalp_maps import component_figure
from mien.signals.eeg.cleaning import clean_session
from mien.signals.eeg.cleaning_settings import CleaningSettings

NAMES = "Fp1 Fp2 F7 F3 Fz F4 F8 C3 Cz C4 P7 P3 Pz P4 P8 O1 O2".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def raw():
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(17, 6000))
    mixing = rng.standard_normal((17, 17)) + 2
    return mne.io.RawArray(1e-5 * mixing @ sources, mne.create_info(NAMES, 100.0, "eeg"), verbose="ERROR")


def test_every_component_is_there_once(raw) -> None:
    session = clean_session(raw, CleaningSettings(ica="fastica", bad_channels=()))
    text = component_figure(session)
    assert text == component_figure(session)
    rows = session.report["components"]
    titles = re.findall(r">(\d+): [\d.]+%<", text)
    assert [int(title) for title in titles] == list(range(len(rows)))
    removed = [row for row in rows if row["removed"]]
    assert f"{len(removed)} taken out (orange)" in text
    assert text.count("out: ") == len(removed)
    for row in removed:
        assert f"out: {row['kinds'][0]}" in text
    few = component_figure(session, most=5)
    assert "5 components" in few
    assert len(few) < len(text) < 600_000


def test_a_session_without_components_has_no_figure(raw) -> None:
    with pytest.raises(OptionError, match="a session with components"):
        component_figure(clean_session(raw, CleaningSettings(method="none", bad_channels=())))
