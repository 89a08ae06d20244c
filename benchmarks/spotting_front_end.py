"""The spotting front end without decoding: speed beside published front ends, and the error of flow engines.

Speed: pictures of a rendered face, 112 px in 192 x 192 with camera noise, against the first one. The toolkit
cuts the aligned face to 128 x 128, measures dense inverse search, takes the head's motion out and averages u,
v, magnitude and strain over 39 regions. Beside it, written from the published descriptions: Farneback on
parts of a face of 320 x 320 with the nose's motion taken off (the MEGC 2021 and 2022 winners), and TV-L1 at
128 x 128 with strain (SOFTNet, SL-Swin). One thread, same process, by turns; seconds are the processor's.
Two processes at once, and the same steps in NumPy: `mien speed --only spotting-front-end`.

Error: means over the regions of the measured flow without the head's motion against those of the renderer's
field, on neutral and posed pictures with camera noise of 1.5 grey levels: 21 action units by four strengths,
two people. "share" is how much of the true displacement is seen where it exceeds .3 px.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.features.region_motion import SIZE, Aligner, ReferenceFace, region_flow_engine, region_means
from mien.signals.face import FLOW_ENGINES, optical_strain, tv_l1_flow
from mien.signals.face.finding import Face
from mien.signals.face.head_motion import template_fit
from mien.signals.face.regions import template_landmarks
from mien.simulate.action_units import BUMPS
from mien.simulate.faces import Pose, UnitPose, camera_noise
from mien.speed.spotting_front_end import FRAMES, by_mien, person, pictures

Row = dict[str, str | int | float | None]
Picture = NDArray[np.uint8]

SLOW_FRAMES = 3  # TV-L1 takes a hundred times as long
REPEATS = 5
STRENGTHS_PX = (0.25, 0.5, 1.0, 1.5)
NOISE = 1.5
MOVED_PX, STILL_PX = 0.3, 0.02
CROP = 320


# --- speed


class FarnebackRegions:
    """Farneback on parts of a face, as in the MEGC 2021 and 2022 winners' pipelines.

    A face of 320 x 320, nine half distances of the inner eye corners wide; flow of the crops around brows,
    mouth and nose; the nose's mean of the 70 % longest vectors is the head's motion: where it is longer than
    a pixel the crops are moved and measured again, at most three times; each of 16 places gives the mean of
    its 25 % longest vectors.
    """

    CROPS = ((52, 60, 112, 64), (160, 60, 112, 64), (96, 190, 130, 80), (128, 110, 66, 84))
    NOSE = (146, 130, 30, 30)

    def __init__(self, face: Face) -> None:
        assert face.eyes is not None
        middle, apart = face.eyes.mean(axis=0), float(np.hypot(*(face.eyes[1] - face.eyes[0])))
        unit = 0.29 * apart  # half the distance of the inner corners, of the eyes' centres'
        self.box = [round(v) for v in (*(middle - (4.5 * unit, 3.5 * unit)), 9 * unit)]
        self.places = [
            (crop, left, top)
            for crop, n in enumerate((4, 4, 6, 2))
            for left, top in ((8 + 15 * k, 20) for k in range(n))
        ]
        self.first: Picture | None = None

    def crop(self, picture: Picture) -> Picture:
        left, top, size = self.box
        part = cv2.copyMakeBorder(picture, 40, 40, 40, 40, cv2.BORDER_REPLICATE)
        return np.asarray(
            cv2.resize(part[top + 40 : top + 40 + size, left + 40 : left + 40 + size], (CROP, CROP))
        )

    def flow(self, face: Picture, box: tuple[int, int, int, int], shift: NDArray[np.int64]) -> NDArray[Any]:
        left, top, width, height = box
        x, y = np.clip(np.array([left, top]) + shift, 0, CROP - np.array([width, height]))
        assert self.first is not None
        return np.asarray(
            cv2.calcOpticalFlowFarneback(
                self.first[top : top + height, left : left + width],
                face[y : y + height, x : x + width],
                np.zeros((height, width, 2), np.float32), 0.5, 3, 15, 5, 7, 1.5, 0,
            )
        )  # fmt: skip

    @staticmethod
    def longest(flow: NDArray[Any], share: float) -> NDArray[Any]:
        vectors = flow.reshape(-1, 2)
        n = max(1, round(share * len(vectors)))
        squares = (vectors * vectors).sum(axis=1)
        return np.asarray(vectors[np.argpartition(squares, -n)[-n:]].mean(axis=0))

    def measure(self, picture: Picture) -> NDArray[Any] | None:
        """The 16 places' vectors; None for the first picture."""
        face = self.crop(picture)
        if self.first is None:
            self.first = face
            return None
        shift, left = np.zeros(2, np.int64), np.zeros(2)
        for _ in range(3):
            left = self.longest(self.flow(face, self.NOSE, shift), 0.7)
            if left @ left <= 1:
                break
            shift = shift + np.rint(left).astype(np.int64)
        flows = [self.flow(face, crop, shift) for crop in self.CROPS]
        vectors = [self.longest(flows[c][top : top + 20, x : x + 20], 0.25) for c, x, top in self.places]
        return np.asarray(vectors) - left


def farneback_front_end(shown: list[Picture], face: Face) -> None:
    """The winners' flow of every frame."""
    measuring = FarnebackRegions(face)
    for picture in shown:
        measuring.measure(picture)


def tv_l1_front_end(shown: list[Picture], face: Face) -> None:
    """TV-L1 of every frame at 128 x 128, the nose's mean taken off, and strain."""
    reference = ReferenceFace(shown[0], face)
    x, y = template_landmarks(SIZE)[28].astype(int)
    for picture in shown[1:]:
        u, v = tv_l1_flow(reference.grey, reference.aligner.cut(picture, np.zeros(2))).astype(np.float64)
        u, v = (part - part[y - 5 : y + 6, x - 5 : x + 6].mean() for part in (u, v))
        optical_strain(u, v)


def cpu_ms(work: Callable[[list[Picture], Face], object], shown: list[Picture], face: Face) -> float:
    """Processor milliseconds a frame."""
    start = time.process_time()
    work(shown, face)
    return (time.process_time() - start) / (len(shown) - 1) * 1e3


def speed() -> list[Row]:
    """Rows of the speed."""
    renderer, face = person()
    shown = pictures(renderer)
    taken = []
    for repeat in range(REPEATS + 1):
        own = cpu_ms(by_mien, shown, face)
        farneback = cpu_ms(farneback_front_end, shown, face)
        slow = cpu_ms(tv_l1_front_end, shown[:: FRAMES // SLOW_FRAMES], face)
        if repeat:  # the first one compiles
            taken.append((own, farneback, slow, dis_alone(shown, face)))
    own, farneback, slow, dis = (statistics.median(values) for values in zip(*taken, strict=True))
    best = [min(values) for values in zip(*taken, strict=True)]
    print(f"best of {REPEATS}: mien {best[0]:.2f} ms a frame, flow alone {best[3]:.2f}, "
          f"Farneback {best[1]:.2f}, TV-L1 {best[2]:.0f}")  # fmt: skip
    name = f"front end of a frame at {SIZE} x {SIZE}: {1e3 / own:.0f} measured frames/s"
    rows: list[Row] = [
        {"name": name, "n": FRAMES, "median_s": own / 1e3, "peer": f"Farneback, parts of {CROP} x {CROP}",
         "peer_median_s": farneback / 1e3, "ratio": farneback / own},
        {"name": "the same", "n": FRAMES, "median_s": own / 1e3, "peer": "TV-L1 and strain at 128 x 128",
         "peer_median_s": slow / 1e3, "ratio": slow / own},
        {"name": f"its flow alone, {100 * dis / own:.0f} % of it", "n": FRAMES, "median_s": dis / 1e3},
    ]  # fmt: skip
    return rows


def dis_alone(shown: list[Picture], face: Face) -> float:
    """Processor milliseconds of the flow of one frame."""
    reference = ReferenceFace(shown[0], face)
    cut = [reference.aligner.cut(picture, np.zeros(2)) for picture in shown[1:]]
    engine, still = region_flow_engine(), np.zeros((SIZE, SIZE, 2), np.float32)
    start = time.process_time()
    for picture in cut:
        engine.calc(reference.grey, picture, still.copy())
    return (time.process_time() - start) / len(cut) * 1e3


# --- error


def engines() -> dict[str, Callable[[Picture, Picture], NDArray[np.float32]]]:
    """Flows (SIZE, SIZE, 2) by name."""

    def of_preset(preset: int) -> Callable[[Picture, Picture], NDArray[np.float32]]:
        made = cv2.DISOpticalFlow.create(preset)
        return lambda a, b: np.asarray(made.calc(a, b, np.zeros((SIZE, SIZE, 2), np.float32)))

    def turned(name: str) -> Callable[[Picture, Picture], NDArray[np.float32]]:
        return lambda a, b: np.ascontiguousarray(FLOW_ENGINES[name](a, b).transpose(1, 2, 0))

    still = np.zeros((SIZE, SIZE, 2), np.float32)
    return {
        "DIS, ours for regions": lambda a, b: np.asarray(region_flow_engine().calc(a, b, still.copy())),
        "DIS, ours for pairs": turned("dis"),
        "DIS medium as it is": of_preset(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
        "DIS fast as it is": of_preset(cv2.DISOPTICAL_FLOW_PRESET_FAST),
        "Farneback": turned("farneback"),
        "TV-L1": turned("tv-l1"),
    }


def true_means(field: NDArray[np.floating], aligner: Aligner) -> NDArray[np.float32]:
    """Means over regions of the renderer's field, in pixels of the aligned face."""
    linear = aligner.to_face[:, :2]
    turned = np.einsum("ij,jkl->ikl", linear, field).astype(np.float32)
    cut = [cv2.warpAffine(part, aligner.to_face, (SIZE, SIZE), flags=cv2.INTER_LINEAR) for part in turned]
    return region_means(np.ascontiguousarray(np.stack(cut, axis=-1)), np.zeros((2, 3)))[:, :2]


def pairs(units: list[int]) -> Iterator[tuple[float, Picture, Picture, NDArray[np.float32]]]:
    """Strength, aligned neutral and posed picture, and the true means."""
    for seed in (1, 2):
        renderer, face = person(seed)
        for unit in units:
            for px in STRENGTHS_PX:
                rng = np.random.default_rng([seed, unit, round(100 * px)])
                pose = Pose(units=(UnitPose(unit, px),))
                neutral, posed = (
                    camera_noise(renderer.frame(one), rng, sd=NOISE)[..., 1] for one in (Pose(), pose)
                )
                reference = ReferenceFace(neutral, face)
                later = reference.aligner.cut(posed, np.zeros(2))
                yield px, reference.grey, later, true_means(renderer.displacement(pose), reference.aligner)


def errors(units: list[int]) -> dict[str, dict[str, float]]:
    """For each engine: median error in px at each strength, where nothing moves, share seen, and ms."""
    everything = list(pairs(units))
    fit = template_fit((SIZE, SIZE))
    found: dict[str, dict[str, float]] = {}
    for name, flow in engines().items():
        moved: dict[float, list[float]] = {px: [] for px in STRENGTHS_PX}
        still: list[float] = []
        above: list[float] = []
        seen = wanted = 0.0
        start = time.process_time()
        for px, first, second, true in everything:
            field = flow(first, second)
            means = region_means(field, fit(*field[fit.at].T).affine)[:, :2]
            error, size = np.hypot(*(means - true).T), np.hypot(*true.T)
            moved[px] += error[size > 0.5 * size.max()].tolist()
            still += error[size < STILL_PX].tolist()
            strong = size > MOVED_PX
            above += error[strong].tolist()
            seen += float((means[strong] * true[strong]).sum())
            wanted += float((true[strong] ** 2).sum())
        spent = (time.process_time() - start) / len(everything)
        found[name] = {f"{px:g} px": statistics.median(moved[px]) for px in STRENGTHS_PX} | {
            "still": statistics.median(still), "above .3 px": statistics.median(above),
            "share": seen / wanted, "ms": 1e3 * spent,
        }  # fmt: skip
    return found


def main(*, units: list[int] | None = None) -> list[Row]:
    """Measure, print, and return the rows."""
    cv2.setNumThreads(1)
    rows = speed()
    told = errors(list(BUMPS) if units is None else units)
    for name, one in told.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in one.items()))
        steps = " / ".join(f"{one[f'{px:g} px']:.2f}" for px in STRENGTHS_PX)
        words = (
            f"flow of {name}: error of regions {steps} px at .25 / .5 / 1 / 1.5 px, "
            f"{one['still']:.3f} px where nothing moves; {one['share']:.2f} of the movement is seen"
        )
        rows.append({"name": words, "n": 1, "median_s": one["ms"] / 1e3})
    for row in rows:
        beside = "" if row.get("ratio") is None else f", beside {row['peer']}: {row['ratio']:.1f}x"
        print(f"{row['name']}: {1e3 * float(row['median_s'] or 0):.2f} ms{beside}")
    return rows


if __name__ == "__main__":
    main()
