"""Electroencephalograms of simulated brains, with every source known, so that cleaning can be scored.

The recording is a mixture: cortical sources (1/f background, alpha, and the bands that carry a weak effect
of emotion) seen through a spherical head, eye blinks and movements, heart and mains, and amplifier noise.
Conventions: microvolts, reference at infinity, channels of a 64-channel cap in upper case as Neuroscan
writes them, then HEO, VEO, EKG, EMG.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.simulate.acting import BLINK_SHUT, gaze, lid
from mien.simulate.script import Interlude, Participant
from mien.simulate.settings import StudySettings

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]

_NAMES = (
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 "
    "T7 C5 C3 C1 CZ C2 C4 C6 T8 M1 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 M2 "
    "P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2"
)
CAP = _NAMES.split()
FACE_CHANNELS = ("HEO", "VEO", "EKG", "EMG")

BACKGROUND_SOURCES = 24
_SOURCE_UV = 7.0  # standard deviation of one background source at its strongest channel
_NOISE_UV = 0.8
_MAINS_HZ = 50.0

# Band sources: name, low and high Hz, dipole position (x right, y front, z up; share of the head's radius),
# standard deviation in uV, and the change of log power with valence, arousal and threat in d units. Signs
# follow reviews of EEG and emotion (Alarcao & Fonseca 2019, doi:10.1109/TAFFC.2017.2714671; Davidson 1992
# for frontal asymmetry); sizes are ours, and scale with the brain's effect size.
_BANDS: tuple[
    tuple[str, float, float, tuple[float, float, float], float, tuple[float, float, float]], ...
] = (
    ("alpha-left-occipital", 8.5, 11.5, (-0.30, -0.62, 0.25), 9.0, (0.0, -0.6, 0.0)),
    ("alpha-right-occipital", 8.5, 11.5, (0.30, -0.62, 0.25), 9.0, (0.0, -0.6, 0.0)),
    ("alpha-left-frontal", 8.5, 12.5, (-0.38, 0.50, 0.32), 4.0, (-0.9, 0.0, 0.0)),
    ("alpha-right-frontal", 8.5, 12.5, (0.38, 0.50, 0.32), 4.0, (0.9, 0.0, 0.0)),
    ("theta-midline", 4.5, 7.5, (0.0, 0.42, 0.58), 5.0, (-0.4, 0.3, 0.6)),
    ("beta-left-temporal", 16.0, 28.0, (-0.70, 0.05, 0.05), 2.5, (0.4, 0.6, -0.3)),
    ("beta-right-temporal", 16.0, 28.0, (0.70, 0.05, 0.05), 2.5, (-0.4, 0.6, 0.4)),
    ("gamma-parietal", 31.0, 45.0, (0.15, -0.40, 0.55), 1.6, (0.2, 0.7, 0.4)),
)
# Valence, arousal and threat of each emotion, -1 to 1.
_FEELING = {
    "happiness": (1.0, 0.4, -0.6), "surprise": (0.1, 0.9, 0.2), "sadness": (-0.8, -0.6, -0.2),
    "anger": (-0.7, 0.8, 0.5), "disgust": (-0.9, 0.2, 0.3), "fear": (-0.6, 0.9, 1.0),
    "contempt": (-0.4, -0.3, -0.3),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Brain:
    """A simulated EEG and what it is made of.

    Parameters
    ----------
    data_uv
        Shape (68, n_samples), float32: the cap's 64 channels, HEO, VEO, EKG, EMG.
    channels
        Their names.
    artefact_names, artefact_maps, artefacts_uv
        Blinks, horizontal and vertical eye movements, heart, mains, muscle (EMG channel) and a bad channel
        where there is one: maps (68, n_artefacts) with the strongest cap channel at 1 (muscle: EMG), time
        courses (n_artefacts, n_samples) in uV there. Data minus maps @ time courses is the clean recording.
    source_names, source_maps
        Cortical sources and their maps (68, n_sources).
    band_power
        Power factor of each band source in each trial, (n_trials, n_bands).
    bad_channel
        The channel with poor contact, if there is one.
    """

    data_uv: Float32
    channels: tuple[str, ...]
    artefact_names: tuple[str, ...]
    artefact_maps: FloatArray
    artefacts_uv: Float32
    source_names: tuple[str, ...]
    source_maps: FloatArray
    band_names: tuple[str, ...]
    band_power: FloatArray
    bad_channel: str | None


def simulate_brain(
    participant: Participant,
    settings: StudySettings,
    rng: np.random.Generator,
    *,
    n_samples: int,
    beats_s: Sequence[float] | FloatArray = (),
) -> Brain:
    """The EEG of a session from its first sample on; `beats_s` are R peaks at the amplifier's clock."""
    rate = settings.sampling_hz
    maps, names = _cortex(rng)
    power = _band_power(rng, participant, settings)
    courses = _courses(rng, participant, power, n_samples, rate)
    artefact_names, artefact_maps, artefacts = _artefacts(rng, participant, settings, beats_s, n_samples)
    bad = str(rng.choice(CAP)) if rng.random() < 0.3 else None
    if bad is not None:
        artefact_names = (*artefact_names, "bad-channel")
        artefact_maps = np.hstack([artefact_maps, _one_channel(bad)])
        artefacts = np.vstack([artefacts, np.float32(40.0) * _noise_1_over_f(rng, 1, n_samples, rate)])
    data = np.empty((len(CAP) + len(FACE_CHANNELS), n_samples), dtype=np.float32)
    mix = np.hstack([maps, artefact_maps]).astype(np.float32)
    for part in _chunks(n_samples):
        np.matmul(mix, np.vstack([courses[:, part], artefacts[:, part]]), out=data[:, part])
        data[:, part] += np.float32(_NOISE_UV) * rng.standard_normal(
            (data.shape[0], part.stop - part.start), dtype=np.float32
        )
    return Brain(
        data_uv=data,
        channels=(*CAP, *FACE_CHANNELS),
        artefact_names=artefact_names,
        artefact_maps=artefact_maps,
        artefacts_uv=artefacts,
        source_names=names,
        source_maps=maps,
        band_names=tuple(band[0] for band in _BANDS),
        band_power=power,
        bad_channel=bad,
    )


def _chunks(n_samples: int, size: int = 65536) -> Iterator[slice]:
    return (slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size))


# --- topographies


@lru_cache(maxsize=1)
def _positions() -> FloatArray:
    """Directions of the cap's electrodes from the head's centre, (64, 3), unit length, from MNE's 10-05."""
    import mne

    known = mne.channels.get_builtin_montages()
    montage = "colin27_1005" if "colin27_1005" in known else "standard_1005"
    places = mne.channels.make_standard_montage(montage).get_positions()["ch_pos"]
    upper = {name.upper(): np.asarray(place) for name, place in places.items()}
    upper.update(M1=upper["TP9"], M2=upper["TP10"], CB1=upper["I1"], CB2=upper["I2"])
    points = np.stack([upper[name] for name in CAP])
    centre = np.array([0.0, np.median(points[:, 1]), 0.0])
    return np.asarray((points - centre) / np.linalg.norm(points - centre, axis=1, keepdims=True))


def _dipole_maps(places: FloatArray, moments: FloatArray) -> FloatArray:
    """Potentials of dipoles in MNE's four-shell spherical head at the cap, (64, n), each strongest at 1.

    `places` (n, 3) are shares of the head's radius, `moments` (n, 3) directions.
    """
    import mne

    radius = 0.09
    info = mne.create_info(CAP, 1000.0, "eeg")
    places_m = {name: radius * place for name, place in zip(CAP, _positions(), strict=True)}
    info.set_montage(mne.channels.make_dig_montage(places_m, coord_frame="head"))
    head = mne.make_sphere_model((0.0, 0.0, 0.0), radius, verbose="error")
    n = len(places)
    unit = moments / np.linalg.norm(moments, axis=1, keepdims=True)
    # One dipole after another in "time": the forward solution then has one column per dipole.
    dipoles = mne.Dipole(np.arange(n) * 1e-3, radius * places, np.full(n, 1e-8), unit, np.full(n, 100.0))
    forward, _ = mne.make_forward_dipole(dipoles, head, info, verbose="error")
    field = (
        np.hstack([f["sol"]["data"] for f in forward])
        if isinstance(forward, list)
        else forward["sol"]["data"]
    )
    return np.asarray(field / np.abs(field).max(axis=0, keepdims=True))


def _cortex(rng: np.random.Generator) -> tuple[FloatArray, tuple[str, ...]]:
    """Maps of background sources at random places and of the band sources at theirs, (68, n_sources)."""
    places, moments, names = [], [], []
    for number in range(BACKGROUND_SOURCES):
        direction = rng.standard_normal(3)
        direction[2] = abs(direction[2])
        places.append(direction / np.linalg.norm(direction) * rng.uniform(0.45, 0.75))
        moments.append(rng.standard_normal(3))
        names.append(f"background-{number + 1:02d}")
    for name, _, _, where, _, _ in _BANDS:
        place = np.array(where) * rng.normal(1.0, 0.04)
        places.append(place)
        moments.append(place / np.linalg.norm(place) + rng.normal(0.0, 0.15, size=3))
        names.append(name)
    cap = _dipole_maps(np.stack(places), np.stack(moments))
    # The face's electrodes see a tenth of what the forehead's see; EKG and EMG nothing.
    face = np.stack([0.1 * cap[CAP.index("FP1")], 0.1 * cap[CAP.index("FP2")], 0 * cap[0], 0 * cap[0]])
    return np.vstack([cap, face]), tuple(names)


# --- cortical time courses


def _band_power(rng: np.random.Generator, participant: Participant, settings: StudySettings) -> FloatArray:
    """Power factors (n_trials, n_bands): spread between trials, plus the emotion's share of it."""
    spread = 0.25  # standard deviation of log power between trials of one person
    weights = np.array([band[5] for band in _BANDS])
    log = spread * rng.standard_normal((len(participant.trials), len(_BANDS)))
    for row, trial in enumerate(participant.trials):
        log[row] += settings.effects.brain * spread * (weights @ np.array(_FEELING[trial.emotion]))
    return np.asarray(np.exp(log))


def _courses(
    rng: np.random.Generator, participant: Participant, power: FloatArray, n: int, rate: float
) -> Float32:
    """Time courses of all cortical sources at their strongest channel, (n_sources, n), uV."""
    background = _noise_1_over_f(rng, BACKGROUND_SOURCES, n, rate)
    background *= (_SOURCE_UV * rng.uniform(0.4, 1.0, size=(BACKGROUND_SOURCES, 1))).astype(np.float32)
    bands = np.empty((len(_BANDS), n), dtype=np.float32)
    for row, (name, low, high, _, size, _) in enumerate(_BANDS):
        bands[row] = np.float32(size) * _band_noise(rng, n, rate, low, high)
        if name.startswith("alpha"):  # waxes and wanes
            bands[row] *= 1 + 0.5 * _slow(rng, n, rate)
    bands *= np.sqrt(_per_sample(participant, power, n, rate))
    return np.vstack([background, bands])


def _per_sample(participant: Participant, power: FloatArray, n: int, rate: float) -> Float32:
    """The power factors over time: those of the trial while its clip runs, 1 outside."""
    factors = np.ones((power.shape[1], n), dtype=np.float32)
    for row, trial in enumerate(participant.trials):
        factors[:, round(trial.clip_start_s * rate) : round(trial.clip_end_s * rate)] = power[row][:, None]
    return factors


def _noise_1_over_f(rng: np.random.Generator, rows: int, n: int, rate: float) -> Float32:
    """Noise whose power falls with frequency above 0.3 Hz, unit variance, (rows, n)."""
    return _shaped(rng, rows, n, rate, lambda hz: 1.0 / np.sqrt(np.maximum(hz, 0.3)) * (hz > 0.05))


def _band_noise(rng: np.random.Generator, n: int, rate: float, low: float, high: float) -> Float32:
    """Noise within a band with soft edges, unit variance, (n,)."""
    centre, width = (low + high) / 2, (high - low) / 2
    return _shaped(rng, 1, n, rate, lambda hz: np.exp(-0.5 * ((hz - centre) / width) ** 4))[0]


def _slow(rng: np.random.Generator, n: int, rate: float) -> Float32:
    return np.tanh(_shaped(rng, 1, n, rate, lambda hz: (hz > 0.02) / (1 + (hz / 0.3) ** 4)))[0]


def _shaped(rng: np.random.Generator, rows: int, n: int, rate: float, gain: object) -> Float32:
    """Gaussian noise with the amplitude spectrum `gain(hz)`, each row of unit variance."""
    from scipy import fft

    size = fft.next_fast_len(n, real=True)
    hz = np.fft.rfftfreq(size, 1 / rate).astype(np.float32)
    amplitude = np.asarray(gain(hz), dtype=np.float32)  # type: ignore[operator]
    found = np.empty((rows, n), dtype=np.float32)
    used = int(np.flatnonzero(amplitude > 1e-6 * amplitude.max())[-1]) + 1
    for row in range(rows):
        spectrum = np.zeros(hz.size, dtype=np.complex64)
        parts = rng.standard_normal((2, used), dtype=np.float32)
        spectrum[:used] = (parts[0] + 1j * parts[1]) * amplitude[:used]
        wave = fft.irfft(spectrum, size)[:n]
        found[row] = wave / wave.std()
    return found


# --- artefacts


def _artefacts(
    rng: np.random.Generator,
    participant: Participant,
    settings: StudySettings,
    beats_s: Sequence[float] | FloatArray,
    n: int,
) -> tuple[tuple[str, ...], FloatArray, Float32]:
    rate = settings.sampling_hz
    courses = np.stack(
        [
            _blink_course(rng, participant.blinks, n, rate),
            *_gaze_courses(participant, n, rate),
            _heart_course(beats_s, n, rate),
            _mains_course(rng, n, rate),
            settings.effects.muscle * _muscle_course(rng, participant, n, rate),
        ]
    ).astype(np.float32)
    names = ("blink", "horizontal-eye-movement", "vertical-eye-movement", "heart", "mains", "muscle")
    return names, np.hstack([_artefact_maps(rng), _one_channel("EMG")]), courses


def _one_channel(name: str) -> FloatArray:
    """The map of what a single channel sees, (68, 1)."""
    return np.array([[float(channel == name)] for channel in (*CAP, *FACE_CHANNELS)])


def _artefact_maps(rng: np.random.Generator) -> FloatArray:
    """Maps (68, 5): eyes fall off with distance from them, heart and mains spread over the head."""
    at = _positions()
    right, left = np.array([0.30, 0.92, -0.25]), np.array([-0.30, 0.92, -0.25])
    near_right, near_left = (1 / (0.15 + np.linalg.norm(at - eye, axis=1) ** 2) for eye in (right, left))
    both, across = near_right + near_left, near_right - near_left
    heart = 0.5 + 0.5 * (at @ np.array([-0.6, 0.2, -0.6]))
    mains = rng.uniform(0.2, 1.0, size=len(CAP))
    vertical = both * (0.4 + at[:, 2])
    # HEO, VEO, EKG, EMG see blinks and eye movements most, the heart in EKG.
    faces = ([0.0, 1.5, 0.0, 0.1], [1.6, 0.0, 0.0, 0.0], [0.0, 1.4, 0.0, 0.0], [0.0, 0.0, 60.0, 0.5],
             [0.5, 0.5, 0.3, 0.8])  # fmt: skip
    columns = []
    for cap, face in zip((both, across, vertical, heart, mains), faces, strict=True):
        columns.append(np.concatenate([cap / np.abs(cap).max(), face]))
    return np.stack(columns, axis=1)


def _blink_course(rng: np.random.Generator, blinks: Sequence[Interlude], n: int, rate: float) -> Float32:
    """One bump of 80 to 160 uV per blink, highest when the eye is shut, with 0.1 s more to come to rest."""
    course = np.zeros(n, dtype=np.float32)
    for blink in blinks:
        first, last = round(blink.start_s * rate), min(round((blink.end_s + 0.1) * rate), n)
        since = np.arange(first, last) / rate - blink.start_s
        shut = BLINK_SHUT * (blink.end_s - blink.start_s)
        rest = blink.end_s - blink.start_s + 0.1 - shut
        opening = BLINK_SHUT + (1 - BLINK_SHUT) * (since - shut) / rest
        phase = np.where(since < shut, BLINK_SHUT * since / shut, opening)
        course[first:last] += (rng.uniform(80.0, 160.0) * lid(phase)).astype(np.float32)
    return course


def _gaze_courses(participant: Participant, n: int, rate: float) -> Float32:
    """About 18 uV per pixel that the eyes are turned (a 128 px face), (2, n): as the video shows them."""
    courses = np.zeros((2, n), dtype=np.float32)
    for trial in participant.trials:
        first, last = round(trial.clip_start_s * rate), round(trial.clip_end_s * rate)
        courses[:, first:last] = 18.0 * gaze(trial, np.arange(first, last) / rate)
    return courses


def _heart_course(beats_s: Sequence[float] | FloatArray, n: int, rate: float) -> Float32:
    course = np.zeros(n, dtype=np.float32)
    at = np.rint(np.asarray(beats_s, dtype=np.float64) * rate).astype(int)
    at = at[(at >= 0) & (at < n)]
    course[at] = 1.0
    time = np.arange(-round(0.06 * rate), round(0.06 * rate) + 1) / rate
    beat = 12.0 * np.exp(-0.5 * (time / 0.010) ** 2) - 4.0 * np.exp(-0.5 * ((time - 0.025) / 0.010) ** 2)
    return np.convolve(course, beat.astype(np.float32), mode="same").astype(np.float32)


def _mains_course(rng: np.random.Generator, n: int, rate: float) -> Float32:
    time = np.arange(n) / rate
    swing = 1.5 + 0.3 * np.sin(2 * np.pi * 0.05 * time + rng.uniform(0, 6))
    return (swing * np.sin(2 * np.pi * _MAINS_HZ * time + rng.uniform(0, 6))).astype(np.float32)


def _muscle_course(rng: np.random.Generator, participant: Participant, n: int, rate: float) -> Float32:
    """EMG during every expression and word, (n,)."""
    course = np.zeros(n, dtype=np.float32)
    for trial in participant.trials:
        spans = [(m.onset_s, m.offset_s, max(u.peak_px for u in m.units)) for m in trial.movements]
        spans += [(i.start_s, i.end_s, 2.0) for i in trial.interludes if i.what == "talk"]
        for start, end, strength in spans:
            part = course[round(start * rate) : round(end * rate)]
            window = np.sin(np.linspace(0, np.pi, part.size)).astype(np.float32)
            part += np.float32(8.0 * strength) * window * rng.standard_normal(part.size, dtype=np.float32)
    return course


def channel_types(channels: Sequence[str]) -> Mapping[str, str]:
    """BIDS channel types by name; CB1 and CB2, which have no 10-05 position, are MISC."""
    special = {"HEO": "EOG", "VEO": "EOG", "EKG": "ECG", "EMG": "EMG", "CB1": "MISC", "CB2": "MISC"}
    return {name: special.get(name, "EEG") for name in channels}
