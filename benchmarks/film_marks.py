"""Marks on simulated films against what is true of them: cuts, and who speaks. Run it by itself:

    python -m benchmarks.film_marks

Each film has eight scenes of 3.5 to 6 s with five people: the one in view speaks (35 %), another does unseen
(25 %), both do (15 %), nobody (10 %), or another does while the mouth in view moves by itself (15 %); scenes
hold flashes, pans, nods or nothing, and are joined by hard cuts (60 %) or dissolves. Thresholds were chosen
on films of seeds 101 to 105; those reported had no part in it. With music: a chord of -28 dB that comes and
goes and noise of -40 dB. Real clips are those of the folder MIEN_TEST_DATA, where there is one.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from mien.core.signal import Signal
from mien.recording.formats import read_audio, read_frames
from mien.signals.face.mouth_motion import measure_mouth
from mien.signals.face.shot_cuts import find_cuts
from mien.signals.speech.active_speaker import active_speaker
from mien.simulate.films import Film, Heard, Scene

REPORTED = (301, 302, 303, 304, 305, 306)
HEARD: tuple[Heard, ...] = ("own", "other", "both", "nobody", "chewing")
GRID_S = 0.04
Counts = dict[str, float]


def scenes(seed: int) -> tuple[Scene, ...]:
    """Eight scenes at random."""
    rng = np.random.default_rng([seed, 1])
    return tuple(
        Scene(
            float(rng.uniform(3.5, 6)),
            int(rng.integers(0, 5)),
            HEARD[int(rng.choice(5, p=[0.35, 0.25, 0.15, 0.1, 0.15]))],
            ("nothing", "flash", "pan", "nod")[int(rng.integers(0, 4))],
            "cut" if rng.random() < 0.6 else "dissolve",
        )
        for _ in range(8)
    )


def judge(seed: int) -> Counts:
    """Counts of one film: cuts found and missed, seconds of voice by truth and verdict."""
    made = scenes(seed)
    film = Film(made, seed=seed)
    frames = list(film.frames())
    times = np.arange(len(frames)) / film.rate_hz
    cuts = find_cuts(frames, times)
    counts: Counts = {"minutes": len(frames) / film.rate_hz / 60}
    hard, truth = [cut.frame for cut in cuts if cut.kind == "cut"], list(film.truth.cuts)
    counts |= {"cuts": len(truth), "cuts found": len(set(hard) & set(truth)), "cuts stated": len(hard)}
    soft = [cut.at_s for cut in cuts if cut.kind == "dissolve"]
    mixed = film.truth.dissolves_s
    met = [any(span.start_s <= at < span.end_s for at in soft) for span in mixed]
    counts |= {"dissolves": len(mixed), "dissolves found": sum(met), "dissolves stated": len(soft)}
    for what in ("flash", "pan", "nod"):
        counts[what] = sum(scene.happens == what for scene in made)
    edges = sorted({frame for cut in cuts for frame in (cut.first_frame, cut.last_frame)})
    mouth = measure_mouth(frames, times, cuts=edges)
    for name, music, noise in (("quiet", 0.0, 0.002), ("music", 0.04, 0.01)):
        sound = Film(made, seed=seed, music=music, noise=noise).sound()
        spans = active_speaker(
            sound, times, mouth.opening_px_s, mouth.reasons, cuts_s=[float(times[f]) for f in edges]
        )
        grid = np.arange(0, times[-1], GRID_S)
        true = _mask(grid, ((s.start_s, s.end_s) for s in film.truth.speaking_s))
        voice = _mask(grid, ((s.start_s, s.end_s) for s in film.truth.voice_s))
        said = {
            kind: _mask(grid, ((s.start_s, s.end_s) for s in spans if s.speaks == kind))
            for kind in ("in-view", "off-screen", "not-judged")
        }
        judged = said["in-view"] | said["off-screen"]
        add = {
            "said": said["in-view"], "said rightly": said["in-view"] & true, "true": true,
            "true and judged": true & judged, "not judged": voice & said["not-judged"], "voice": voice,
            "silence called voice": ~voice & (judged | said["not-judged"]),
        }  # fmt: skip
        scene = np.searchsorted(film._ends / film.rate_hz, grid, side="right")
        for heard in HEARD:
            here = voice & np.isin(scene, [i for i, one in enumerate(made) if one.heard == heard])
            add |= {f"{heard}: {kind}": here & mask for kind, mask in said.items()}
        counts |= {f"{name}: {what}": float(mask.sum() * GRID_S) for what, mask in add.items()}
    return counts


def _mask(grid: np.ndarray, spans: Iterable[tuple[float, float]]) -> np.ndarray:
    mask = np.zeros(grid.size, dtype=bool)
    for start, end in spans:
        mask |= (grid >= start) & (grid < end)
    return mask


def real(folder: Path) -> None:
    """What is found in the real clips."""
    for path in sorted([*folder.glob("video/grid_lipnet/GRID/*.mpg"), *folder.glob("video/pyfeat/*.mp4")]):
        found = list(read_frames(path))
        times = np.array([at for _, at, _ in found])
        cuts = find_cuts([picture for _, _, picture in found], times)
        try:
            sound = read_audio(path, channel=0)
        except Exception as error:
            print(f"{path.name}: {len(cuts)} cuts; {error}")
            continue
        mouth = measure_mouth([picture for _, _, picture in found], times)
        for shift_s in (0.0, 1.0):  # a second later: somebody else's voice, as it were
            moved = np.roll(sound.values, round(shift_s * sound.rate_hz))
            late = Signal(moved, sound.rate_hz, "n/a", "sound", sound.start_s)
            spans = active_speaker(late, times, mouth.opening_px_s, mouth.reasons)
            words = ", ".join(
                f"{one.speaks} {one.end_s - one.start_s:.2f} s "
                f"({one.reason or f'{one.score:.2f}, lag {one.lag_s:.2f} s'})"
                for one in spans
            )
            print(f"{path.name}: {len(cuts)} cuts; sound moved by {shift_s:g} s: {words or 'no voice'}")


def main(seeds: Iterable[int] = REPORTED) -> None:
    """Judge all films and print what was found."""
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(judge, seeds))
    total = {key: sum(row.get(key, 0.0) for row in rows) for key in dict.fromkeys(k for r in rows for k in r)}
    for key, value in total.items():
        print(f"{key}: {value:.4g}")
    for name in ("quiet", "music"):
        right = total[f"{name}: said rightly"]
        print(f"{name}: precision {right / total[f'{name}: said']:.3f}, recall of what was judged "
              f"{right / total[f'{name}: true and judged']:.3f}, of all "
              f"{right / total[f'{name}: true']:.3f}")  # fmt: skip
    data = os.environ.get("MIEN_TEST_DATA")
    if data:
        real(Path(data))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or REPORTED)
