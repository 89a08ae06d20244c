"""What the work of a study costs: counts from its tables times what was measured on one core.

Constants come from `python docs/measure_costs.py`, which runs every kind of work on a simulated study and
divides; another machine shifts all alike, and progress corrects them as items finish. Pictures larger than
192 x 192 pixels add what is spent on every pixel: `LARGE_S`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mien.experiments import find_method
from mien.experiments.spotting_methods import find_spotter
from mien.reproduce.counts import Counts
from mien.reproduce.item import Cost

FACE_S, FACE_BYTES = 0.54, 4.4e5
"""One coded expression, 192 x 192 pixels: its face found and followed, every feature of it."""
PASS_S, PASS_BYTES = 0.18, 9.2e5
"""A second of video searched: the face followed at 50 Hz, fields of all places at 30 Hz."""
LARGE_S = 0.0064
"""A frame's megapixel, decoded: 14 ms a frame of 2040 x 1080 with grain (luma_decoding in
docs/results/benchmarks.md); a still background takes a fifth of it (measure_costs.py)."""
FRAMES_BEFORE = 200
"""Frames decoded for one coded expression: itself, and those since the last whole picture."""
CONCORDANCE_S, CONCORDANCE_BYTES = 0.17, 1.7e5
BODY_S, BODY_BYTES = 0.15, 1.9e3
HEART_S, HEART_BYTES = 0.027, 4.3e3
"""A minute of a participant's peripheral signals."""
BRAIN_S, BRAIN_LATER_S, BRAIN_FIRST_MIN = 2.7, 0.65, 20.0
"""A minute of 64 channels of EEG, cleaned in five bands: of the first twenty, and of all after them, since in
a long session a part of the samples shows the components (eeg_cleaning in docs/results/benchmarks.md)."""
EPOCH_BYTES = 4.0 * 64 * 10 * 128
"""The EEG of one expression: 64 channels, 10 s, 128 Hz, 4 bytes."""
VOICE_S, VOICE_BYTES = 0.05, 1e5
"""The voice around one expression."""
TRAINING_S: Mapping[str, float] = {
    "majority": 0.0007, "lbp-top": 0.0011, "mdmo": 0.001, "bi-woof": 0.0008, "peripheral-svm": 0.00045,
    "rcn-a": 0.0012, "csarnet-style": 0.0025, "featref-style": 0.012, "mersiamc3d-style": 0.0157,
    "moext": 0.82, "htnet": 0.03, "ststnet": 0.00024, "eegnet": 0.003, "av-visual": 0.0008,
    "av-audio": 0.0036, "av-concatenation": 0.0037, "av-symmetric": 0.0042, "amf-style": 0.004,
}  # fmt: skip
"""A training sample, in each of the epochs where there are any (htnet, ststnet: what further epochs add)."""
_UNKNOWN_S = 0.01  # of a method that was not measured
MEMBER_FITS = 5.0
"""Trainings of a member of a fusion in each fold: on all, and five times on four fifths."""
FOLD_BYTES = 1500.0
"""Answers of one fold of one method."""
SEARCH_S: Mapping[str, float] = {
    "optical-flow": 0.0042, "msof-style": 0.0058, "mdmd": 0.0067, "dma-lbp": 0.0068,
}  # fmt: skip
"""A second of video, searched once by a method without a network."""
NETWORK_S: Mapping[str, float] = {"mesnet-style": 0.019, "abpn": 0.0005, "sl-swin": 1.4, "softnet": 0.09}
"""A training expression of a network that spots, in each epoch: it learns from windows around them."""
NETWORK_SEARCH_S: Mapping[str, float] = {
    "mesnet-style": 0.035, "abpn": 0.006, "sl-swin": 0.2, "softnet": 0.027,
}  # fmt: skip
"""A second of video, searched by such a network."""
NETWORK_FITS = 3.0
"""Trainings of a spotting network in each fold: on all, and for thresholds three times on two thirds."""
SEARCH_BYTES, NETWORK_SEARCH_BYTES = 1.6e3, 1.2e3
"""Curves of a second of video, for each time that it is searched."""
SCORE_S = 0.06
"""A video's proposals by one method, read, chosen among and scored by the process that gave the command."""
MEMORY_BYTES: Mapping[str, float] = {
    "tables": 3e8, "faces": 5e8, "signals": 6e8, "brain": 1.4e9, "training": 1.2e9, "moext": 7e9, "pass": 1e9,
}  # fmt: skip
"""The most that one process holds. Training grows with the batch: of moext 2.7 GB were measured with 10
pictures in one, and 32 are its batch."""


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds on one core, bytes in the store, jobs; works add up."""

    seconds: float = 0.0
    disk_bytes: float = 0.0
    n_jobs: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.seconds + other.seconds, self.disk_bytes + other.disk_bytes, self.n_jobs + other.n_jobs
        )

    def cost(self, *memory: str, again_s: float = 5.0, own: Work | None = None) -> Cost:
        """With the largest memory of these kinds of work, and a report's pages.

        Of `own` disk and jobs are the item's, even where another one has done what they share.
        """
        alone = own or Work()
        most = max(MEMORY_BYTES[name] for name in ("tables", *memory))
        return Cost(
            self.seconds + 1.0,
            self.disk_bytes + 1e6,
            most,
            self.n_jobs,
            again_s,
            alone.n_jobs,
            alone.disk_bytes,
        )


def reading(seconds: float) -> Cost:
    """Of an item that reads tables and plans no job."""
    return Cost(seconds, 1e5, MEMORY_BYTES["tables"], 0, seconds)


def total(works: Iterable[Work]) -> Work:
    """All of them together."""
    return sum(works, Work())


def faces(held: Counts, n_classes: int) -> Work:
    """Every micro-expression of the classes found, followed and measured."""
    n = held.samples[n_classes]
    large = LARGE_S * FRAMES_BEFORE * max(0.0, held.megapixels - 0.04)
    return Work(n * (FACE_S + large), n * FACE_BYTES, held.runs[n_classes])


def face_pass(held: Counts) -> Work:
    """Every frame of every video decoded, every face followed."""
    large = LARGE_S * held.frames * max(0.0, held.megapixels - 0.04)
    return Work(PASS_S * held.video_s + large, PASS_BYTES * held.video_s, held.parts)


def concordance(held: Counts) -> Work:
    """Every participant's signals before and after apexes, beside those of shifted ones."""
    minutes = sum(held.body.values())
    return Work(CONCORDANCE_S * minutes, CONCORDANCE_BYTES * minutes, held.participants)


def hearts(held: Counts) -> Work:
    """The slope of everybody's heart rate."""
    minutes = sum(held.body.values())
    return Work(HEART_S * minutes, HEART_BYTES * minutes, held.searched)


def around_apexes(held: Counts, n_classes: int, recorders: Iterable[str]) -> Work:
    """Brain, body and voice around every micro-expression: one job a participant and recorder."""
    n, jobs, found = held.samples[n_classes], held.subjects[n_classes], Work()
    if "brain" in recorders:
        first = sum(min(one, BRAIN_FIRST_MIN) for one in held.brain.values())
        later = sum(held.brain.values()) - first
        found += Work(BRAIN_S * first + BRAIN_LATER_S * later, EPOCH_BYTES * n, jobs)
    if "body" in recorders:
        minutes = sum(held.body.values())
        found += Work(BODY_S * minutes, BODY_BYTES * minutes, jobs)
    if "voice" in recorders:
        found += Work(VOICE_S * n, VOICE_BYTES * n, jobs)
    return found


def epochs_of(name: str, epochs: int | None) -> int:
    """Epochs of a method that recognises, pretraining too; 1 for one that has none."""
    told = find_method(name, epochs=epochs).parameters
    return max(1, sum(int(str(value)) for key, value in told.items() if key.endswith("epochs")))


def training(held: Counts, n_classes: int, name: str, epochs: int | None, *, fits: float = 1.0) -> Work:
    """A method that recognises, trained in every fold on everybody else."""
    folds = held.subjects[n_classes]
    samples = held.samples[n_classes] * max(0, folds - 1)
    each = TRAINING_S.get(name, _UNKNOWN_S)
    return Work(each * samples * fits * epochs_of(name, epochs), FOLD_BYTES * folds, folds)


def searching(held: Counts, name: str, epochs: int | None) -> Work:
    """A method that spots, in every fold; the folds of methods without networks share most searches."""
    method = find_spotter(name, epochs=epochs)
    if method.learns == "network":
        folds, n = held.searched, int(str(method.parameters["epochs"]))
        others = max(0, folds - 1)
        # Each fold searches its test participant's videos, and for thresholds those of all the others.
        seconds = NETWORK_S.get(name, _UNKNOWN_S) * held.expressions * others * NETWORK_FITS * n
        seconds += NETWORK_SEARCH_S.get(name, _UNKNOWN_S) * held.video_s * (1 + others)
        inner = 0 if folds < 3 else min(3, folds - 1)
        return Work(seconds, NETWORK_SEARCH_BYTES * held.video_s * folds, folds * (1 + inner))
    times = held.lags if method.learns == "lengths" else 1
    return Work(
        SEARCH_S.get(name, _UNKNOWN_S) * held.video_s * times,
        SEARCH_BYTES * held.video_s * times,
        held.videos * times,
    )


def scoring(held: Counts, methods: int) -> float:
    """Seconds that the searches of so many methods take to be read and scored: not jobs, not divided."""
    return SCORE_S * held.videos * methods
