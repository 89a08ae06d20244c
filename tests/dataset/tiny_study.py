"""A tiny study of random numbers: 2 participants, 8 EEG channels for 10 s, one video of 1 s."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mien.core.signal import Signal
from mien.dataset import ParticipantWriter, StudyWriter

NAMES = tuple(f"C{i}" for i in range(1, 9))
N_FRAMES = 30


def eeg(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((8, 2500)) * 20.0


def physio(seed: int) -> list[Signal]:
    values = np.random.default_rng(seed).standard_normal((2, 1000))
    return [Signal(v, 100.0, u, n) for v, u, n in zip(values, ("mV", "uS"), ("ecg", "eda"), strict=True)]


def stamps(seed: int) -> np.ndarray:
    return np.round(5.0 + np.arange(N_FRAMES) / 30 + seed, 3)


def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": [1],
            "code": [101],
            "stimulus": ["clip-01"],
            "emotion": ["disgust"],
            "self_report": [None],
            "valence": [2.5],
            "arousal": [np.nan],
        }
    )


def coding() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": [1, 1],
            "run": [1, 1],
            "onset_frame": [3, 10],
            "apex_frame": pd.array([6, None], dtype="Int64"),
            "offset_frame": [9, 28],
            "kind": ["micro", "macro"],
            "action_units": ["AU4, LAU7B", None],
            "emotion": ["disgust", None],
        }
    )


def events() -> pd.DataFrame:
    return pd.DataFrame(
        {"onset": [1.0, 9.0], "duration": [8.0, np.nan], "trial_type": ["clip", "rest"], "value": [101, 100]}
    )


def fill(writer: ParticipantWriter, seed: int) -> None:
    writer.write_eeg(eeg(seed), rate_hz=250.0, channel_names=NAMES, events=[(250, 101), (2250, 100)])
    codes = np.zeros(1000, dtype=np.int64)
    codes[100:103] = 101
    writer.write_physio(physio(seed), start_time_s=-0.5, trigger=codes)
    rng = np.random.default_rng(seed)
    with writer.write_video(1, width=32, height=32, rate_hz=30) as video:
        for _ in range(N_FRAMES):
            video.write(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    writer.write_frame_times(1, stamps(seed), counter=np.arange(N_FRAMES) + 100)
    writer.write_audio(1, Signal(rng.uniform(-1, 1, 800), 800.0, "n/a", "voice"))
    writer.write_trials(trials())
    writer.write_events(events())
    for coder in "AB":
        writer.write_coding(coder, coding())


def participants() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": ["sub-001", "sub-002"],
            "age": [23, 31],
            "sex": ["F", "M"],
            "consent_level": [1, 2],
            "hand": ["right", None],
        }
    )


def write_tiny_study(folder: Path) -> Path:
    writer = StudyWriter(folder)
    writer.write_description("Tiny", authors=["A. Nobody"])
    writer.write_stimuli(pd.DataFrame({"stimulus": ["clip-01"], "emotion": ["disgust"]}))
    for seed in (1, 2):
        with writer.participant(f"sub-00{seed}") as person:
            fill(person, seed)
    writer.finish(participants())
    return folder
