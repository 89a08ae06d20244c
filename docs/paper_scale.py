"""What the papers' whole evaluation would take on recordings of MMME's size: a calculation, nothing is run.

`python docs/paper_scale.py` prints the tables of docs/reproducing.md from the constants of `mien.reproduce.costs`.
Assumed: 75 participants, 42 clips each, 80 hours of video in all at 150 Hz in 2040 x 1080; 70 minutes of
signals each; 634 micro- and 2841 macro-expressions, each micro-expression in a run of its own; cores as fast as
those the constants were measured on; nodes of 32 cores that all read one storage at 1 GB/s together; videos of
20 Mbit/s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mien.experiments.fusion_request import DEFAULT_METHODS
from mien.experiments.spotting_methods import find_spotter
from mien.reproduce import costs
from mien.reproduce.costs import Work
from mien.reproduce.counts import Counts
from mien.reproduce.items.table_4 import LIGHT, NETWORKS
from mien.reproduce.items.table_10 import LIGHT as LIGHT_SPOTTERS
from mien.reproduce.items.table_10 import NETWORKS as SPOTTING_NETWORKS

PEOPLE, CLIPS, HOURS, SESSION_MIN, MICRO, MACRO, LAGS = 75, 42, 80, 70.0, 634, 2841, 10
CORES, NODES, STORAGE_GB_S, VIDEO_MBIT_S = 32, (1, 8, 64), 1.0, 20.0
VIDEO_BYTES = HOURS * 3600 * VIDEO_MBIT_S * 1e6 / 8
MODALITIES = ("me", "eeg", "ecg", "eda", "ppg", "rsp", "skt")
QUICK_EPOCHS = 3

MMME = Counts(
    participants=PEOPLE,
    videos=PEOPLE * CLIPS,
    parts=HOURS * 3600 // 20 + PEOPLE * CLIPS,
    video_s=HOURS * 3600.0,
    frames=HOURS * 3600 * 150,
    searched=PEOPLE,
    megapixels=2040 * 1080 / 1e6,
    body={str(k): SESSION_MIN for k in range(PEOPLE)},
    brain={str(k): SESSION_MIN for k in range(PEOPLE)},
    samples=Counter({3: MICRO, 7: MICRO}),
    runs=Counter({3: MICRO, 7: MICRO}),
    subjects=Counter({3: PEOPLE, 7: PEOPLE}),
    lags=LAGS,
    expressions=MICRO + MACRO,
)


@dataclass(frozen=True)
class Part:
    """One kind of work: what it is divided into, seconds of its longest job, bytes read from the storage."""

    name: str
    jobs: str
    work: Work
    longest_s: float
    read_bytes: float = 0.0


def parts(*, epochs: int | None) -> list[Part]:
    """Everything that runs as jobs, with the epochs of the methods' cards or these."""
    passed, faces = costs.face_pass(MMME), costs.faces(MMME, 7)
    brain, body = (costs.around_apexes(MMME, 7, (one,)) for one in ("brain", "body"))
    body += costs.concordance(MMME) + costs.hearts(MMME)
    found = [
        Part("faces of coded expressions", "run", faces, faces.seconds / faces.n_jobs),
        Part("EEG around expressions", "participant", brain, brain.seconds / PEOPLE),
        Part("signals, heart, concordance", "participant", body, body.seconds / PEOPLE),
        Part(
            "pass over every video", "20 s of video", passed, 20 * passed.seconds / MMME.video_s, VIDEO_BYTES
        ),
    ]
    for name, methods in (("recognition, without networks", LIGHT), ("recognition, networks", NETWORKS)):
        found.append(_trained(name, methods, epochs))
    members = [costs.training(MMME, n, DEFAULT_METHODS[one], epochs, fits=costs.MEMBER_FITS)
               for n in (3, 7) for one in MODALITIES]  # fmt: skip
    found.append(
        Part(
            "fusion's members",
            "fold, member",
            costs.total(members),
            max(one.seconds for one in members) / PEOPLE,
        )
    )
    # Whatever reads a face reads all that was measured of it: light methods once a search, networks in every
    # fold to learn (once from all, three times from two thirds), and to search everybody.
    light = sum(LAGS if find_spotter(one).learns == "lengths" else 1 for one in LIGHT_SPOTTERS)
    heavy = len(SPOTTING_NETWORKS) * PEOPLE * (costs.NETWORK_FITS + 1)
    for name, methods, times in (
        ("spotting, without networks", LIGHT_SPOTTERS, light),
        ("spotting, networks", SPOTTING_NETWORKS, heavy),
    ):
        works = [costs.searching(MMME, one, epochs) for one in methods]
        longest = max(2 * one.seconds / one.n_jobs for one in works)
        jobs = "fold or video, method"
        found.append(Part(name, jobs, costs.total(works), longest, times * passed.disk_bytes))
    return found


def _trained(name: str, methods: tuple[str, ...], epochs: int | None) -> Part:
    works = [costs.training(MMME, n, one, epochs) for n in (3, 7) for one in methods]
    return Part(name, "fold, method", costs.total(works), max(one.seconds for one in works) / PEOPLE)


def clock_s(found: list[Part], nodes: int) -> float:
    """At best: each part spread over all cores, no shorter than its longest job, nor than what it reads."""
    cores = nodes * CORES
    spread = (
        max(one.work.seconds / min(cores, one.work.n_jobs), one.longest_s, reading_s(one)) for one in found
    )
    return sum(spread) + alone_s()


def reading_s(one: Part) -> float:
    """Seconds that the storage needs to give what a part reads."""
    return one.read_bytes / (1e9 * STORAGE_GB_S)


def alone_s() -> float:
    """Scoring by the process that gave the command, which no core of another node can help."""
    return costs.scoring(MMME, len(LIGHT_SPOTTERS) + len(SPOTTING_NETWORKS))


def span(seconds: float) -> str:
    """As in 40 s, 12 min, 3.5 h, 12 days."""
    for size, word in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} s"


def main() -> None:
    """Print both tables."""
    full, quick = parts(epochs=None), parts(epochs=QUICK_EPOCHS)
    print(
        f"| work | a job is | jobs | one core | longest job | one core, {QUICK_EPOCHS} epochs | store | read |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for one, small in zip(full, quick, strict=True):
        print(
            f"| {one.name} | {one.jobs} | {one.work.n_jobs} | {span(one.work.seconds)} | {span(one.longest_s)} "
            f"| {span(small.work.seconds)} | {one.work.disk_bytes / 1e9:.1f} GB | {one.read_bytes / 1e12:.1f} TB |"
        )
    works = [costs.total(one.work for one in found) for found in (full, quick)]
    print(
        f"| all | | {works[0].n_jobs} | {span(works[0].seconds)} | {span(max(p.longest_s for p in full))} "
        f"| {span(works[1].seconds)} | {works[0].disk_bytes / 1e9:.0f} GB | {sum(p.read_bytes for p in full) / 1e12:.0f} TB |\n"
    )
    print(
        f"| nodes of {CORES} cores | as on the cards | {QUICK_EPOCHS} epochs | without networks |\n|---|---|---|---|"
    )
    light = [one for one in full if "networks" not in one.name or "without" in one.name]
    light = [one for one in light if "fusion" not in one.name]
    for nodes in NODES:
        print(
            f"| {nodes} | {span(clock_s(full, nodes))} | {span(clock_s(quick, nodes))} | {span(clock_s(light, nodes))} |"
        )
    memory = {name: value / 1e9 for name, value in costs.MEMORY_BYTES.items()}
    print(
        f"\nScoring, in one process: {span(alone_s())}. Memory of a process: {memory['pass']:.1f} GB for the pass, "
        f"{memory['brain']:.1f} GB for EEG, {memory['training']:.1f} GB for most trainings, {memory['moext']:.0f} GB "
        f"for MoExt; of {CORES} on a node: {CORES * memory['brain']:.0f} GB, with MoExt {CORES * memory['moext']:.0f} GB."
    )


if __name__ == "__main__":
    main()
