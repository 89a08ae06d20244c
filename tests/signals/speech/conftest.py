"""Simulated voices between pauses, with the truth about every sample."""

from __future__ import annotations

import numpy as np
import pytest

from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings
from mien.simulate.voices import VOICE_HZ, Speaker, simulate_voice, spoken, syllables

SETTINGS = StudySettings(speech=True, clip_s=10.0)


def conversations(n, *, pause_s=4.0):
    """Sounds with one talk between two pauses, and where syllables are: lists of (samples, truth)."""
    found = []
    rng = np.random.default_rng(0)
    for number in range(1, n + 1):
        participant = write_part(SETTINGS, number)
        trial = participant.trials[0]
        voice = simulate_voice(participant, trial, SETTINGS)
        way = spoken(participant, trial, SETTINGS)
        truth = np.zeros(len(voice), bool)
        for talk in (i for i in trial.interludes if i.what == "talk"):
            onsets = syllables(Speaker.of(participant), talk, way, participant.stream(10, trial.number))
            onsets = onsets - trial.clip_start_s
            lengths = np.minimum(np.diff(onsets, append=onsets[-1] + 0.25), 0.30 / way.pace)
            for onset, length in zip(onsets, lengths, strict=True):
                truth[max(0, round(onset * VOICE_HZ)) : round((onset + length) * VOICE_HZ)] = True
        if truth.any():
            room = 0.0008 * rng.standard_normal((2, round(pause_s * VOICE_HZ)))
            silent = np.zeros(room.shape[1], bool)
            found.append(
                (np.concatenate([room[0], voice.values, room[1]]), np.concatenate([silent, truth, silent]))
            )
    return found


@pytest.fixture(scope="session")
def talks():
    """Sounds with one talk between two pauses, and where syllables are."""
    found = conversations(8)
    assert len(found) >= 5
    return found
