"""Seconds on one core, bytes of disk and memory that each kind of work of `mien reproduce` takes.

`python docs/measure_costs.py` simulates a small study with voices, makes its quick reproduction and a few epochs of
the networks that the quick plan leaves out, one job after another, and prints the table that
`mien.reproduce.costs` was filled from. `python docs/measure_costs.py STUDY OUT` reads a finished reproduction
instead; with --run, or --networks, it makes what is missing there first.

Jobs that this script runs are timed by their process, so that other work on the machine counts little; of
others there is the wall time that the store keeps. The constant is the median over jobs, which leaves out what
a process loads and compiles once.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from measured_jobs import MEASURED, Done, finished

from mien.dataset import open_study
from mien.jobs import execute
from mien.jobs.plan import Job, Plan
from mien.jobs.store import Store
from mien.reproduce import Setting, find_items, reproduce
from mien.reproduce.counts import count
from mien.simulate import StudySettings, simulate_study, study_parts

EPOCHS = {"ststnet": 50, "htnet": 10, "mersiamc3d-style": 1, "moext": 1}
"""Epochs of the networks that recognise: a few of those whose epoch is short; the last two train before."""
NETWORK_EPOCHS = {"mesnet-style": (1, 21), "abpn": (1, 41), "softnet": (1, 5), "sl-swin": (1, 3)}
"""Of networks that spot: what more epochs take is training, the rest searching."""


def make(study: Path, out: Path) -> None:
    """The quick reproduction; what is finished is not done again."""
    measure_jobs(out / MEASURED)
    reproduce(Setting(study, out, quick=True), find_items(), tell=lambda step: _tell(step.item.name))


def make_networks(study: Path, out: Path) -> None:
    """A few epochs of the networks that the quick plan leaves out."""
    from mien.experiments.recognise import RecogniseRequest, recognise
    from mien.experiments.spot_study import SpotStudyRequest, spot_study

    measure_jobs(out / MEASURED)
    for name, epochs in ((name, n) for name, both in NETWORK_EPOCHS.items() for n in both):
        _tell(f"{name}, {epochs} epochs")
        request = SpotStudyRequest(
            study, (name,), out, epochs=epochs, protocol="fixed", split="grouped-k-fold", n_folds=2
        )
        spot_study(request)
    for name, epochs in EPOCHS.items():
        _tell(f"{name}, {epochs} epochs")
        asked = RecogniseRequest(study, (name,), out, split="grouped-k-fold", n_folds=2, epochs=epochs)
        recognise(asked)


def large_picture(folder: Path) -> float:
    """Seconds that a megapixel of a frame adds to the pass over a video: 2040 x 1080 beside 192 x 192."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks.spotting_whole_pass import write_clip
    from mien.features.face_pass import Film, PassSettings, measure_faces

    took = []
    for width, height, face_px in ((192, 192, 112), (2040, 1080, 450)):
        path = write_clip(
            folder / f"{width}.mp4", width=width, height=height, rate_hz=150, face_px=face_px, quality=18
        )
        for attempt in ("warm", "timed"):
            begun = time.process_time()
            measure_faces(
                {path.name: Film(path)}, Store(folder / f"{width} {attempt}"), PassSettings(fields=True)
            )
        took.append(time.process_time() - begun)
    return (took[1] - took[0]) / 150 / ((2040 * 1080 - 192 * 192) / 1e6)


def _tell(name: str) -> None:
    print(name, file=sys.stderr, flush=True)


def measure_jobs(log: Path) -> None:
    """Let every job that runs in this process note its processor time and the most memory it took."""
    plain = execute.attempt

    def attempt(plan: Plan, job: Job, store: Store) -> execute.Event:
        Path("/proc/self/clear_refs").write_text("5")
        begun = time.process_time()
        event = plain(plan, job, store)
        told = {"key": job.key, "cpu_s": time.process_time() - begun, "peak": _peak()}
        if event.status == "computed":
            with log.open("a") as file:
                file.write(json.dumps(told) + "\n")
        return event

    log.parent.mkdir(parents=True, exist_ok=True)
    execute.attempt = attempt


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def networks(study: Path, done: list[Done]) -> str:
    """Of each network that spots: seconds of training an expression in an epoch, of searching a second."""
    lines = ["\n| network | s per training expression, epoch | s per s of video |", "|---|---|---|"]
    for name, (few, many) in NETWORK_EPOCHS.items():
        of = {n: [one for one in done if one.kind == f"spotting, {name}, {n} epochs"] for n in (few, many)}
        if not of[few] or len(of[few]) != len(of[many]):
            continue
        seconds = {n: sum(one.seconds for one in jobs) for n, jobs in of.items()}
        # In two folds every expression is once learned from, and every video once searched.
        epoch = (seconds[many] - seconds[few]) / (many - few)
        held = count(open_study(study))
        search = (seconds[few] - few * epoch) / sum(one.n for one in of[few])
        lines.append(f"| {name} | {epoch / held.expressions:.3g} | {search:.3g} |")
    return "\n".join(lines)


def table(done: list[Done]) -> str:
    """One row a kind of work."""
    by_kind: dict[tuple[str, str], list[Done]] = defaultdict(list)
    for one in done:
        by_kind[one.kind, one.unit].append(one)
    lines = [
        "| work | per | jobs | s in all | s per unit | bytes per unit | largest memory, GB |",
        "|---|---|---|---|---|---|---|",
    ]
    for (kind, unit), jobs in sorted(by_kind.items()):
        n = sum(one.n for one in jobs)
        each = statistics.median(one.seconds / one.n for one in jobs if one.n) if n else float("nan")
        disk = sum(one.disk for one in jobs) / n if n else float("nan")
        memory = max(one.memory for one in jobs) / 1e9
        lines.append(
            f"| {kind} | {unit} | {len(jobs)} | {sum(one.seconds for one in jobs):.1f} | {each:.3g} "
            f"| {disk:.3g} | {f'{memory:.2f}' if memory else '-'} |"
        )
    total = sum(one.seconds for one in done)
    return "\n".join(
        [*lines, f"\n{len(done)} jobs, {total:.0f} s, {sum(one.disk for one in done) / 1e6:.0f} MB"]
    )


def report(study: Path, out: Path) -> None:
    """Print what was measured."""
    done = list(finished(study, out))
    print(table(done))
    print(networks(study, done))


def main() -> None:
    """Measure, and print the table."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("study", nargs="?", type=Path)
    asked.add_argument("out", nargs="?", type=Path)
    asked.add_argument("--run", action="store_true", help="make what is missing in OUT first")
    asked.add_argument("--networks", action="store_true", help="and a few epochs of the other networks")
    given = asked.parse_args()
    if given.study is not None and given.out is not None:
        if given.run:
            make(given.study, given.out)
        if given.networks:
            make_networks(given.study, given.out)
        report(given.study, given.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        study, out = Path(folder) / "study", Path(folder) / "out"
        settings = StudySettings(participants=4, trials=3, clip_s=12.0)
        simulate_study(settings, study, parts=study_parts(None, speech=True))
        make(study, out)
        make_networks(study, out)
        report(study, out)
        print(f"a frame's megapixel in the pass over a video: {large_picture(Path(folder)):.3g} s")


if __name__ == "__main__":
    main()
