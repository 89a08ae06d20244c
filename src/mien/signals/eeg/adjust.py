"""ADJUST: which independent components are blinks, eye movements or discontinuities, and by which numbers.

Mognon, Jovicich, Bruzzone & Buiatti (2011), Psychophysiology 48, 229-240,
doi:10.1111/j.1469-8986.2010.01061.x. Written from the formulas as the released implementations have them:
maps are scaled to unit norm; channels are placed in EEGLAB's polar coordinates (theta 0 at the nose, right
positive, degrees; r 0.5 at the equator); distances are taken on the unit sphere. Features were made for
broad-band data in epochs, with the average reference. Every feature, threshold and decision is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray
from mien.signals.eeg.montage import standard_positions
from mien.signals.eeg.muscle import MuscleLike, face_channels, muscle_like
from mien.signals.eeg.thresholds import Threshold, em_threshold

if TYPE_CHECKING:
    import mne
    import pandas as pd

Flags = NDArray[np.bool_]

NEIGHBOURS = 10
KINDS = ("blink", "vertical", "horizontal", "discontinuity")
_WITH_THRESHOLD = ("sad", "sed", "gdsf", "tk", "mev")
# Above so many epochs, the largest hundredth is left out of means and maxima.
_TRIMMED_ABOVE = 100
_FEWEST_COMPONENTS = 10
EPOCH_S = 5.0
FRONT_FROM_R, FRONT_RELAXED_R = 0.40, 0.30


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Rows of the channels in ADJUST's four regions, and where their front begins (r 0.40, or 0.30)."""

    frontal: IntArray
    posterior: IntArray
    left_eye: IntArray
    right_eye: IntArray
    frontal_from_r: float


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """ADJUST's numbers, each of shape (n_components,); NaN where a component has no answer.

    Parameters
    ----------
    sad, svd
        Spatial average difference |mean front| - |mean back| and variance difference of the unit map.
    sed, left_eye, right_eye
        Spatial eye difference |left - right| and the two means.
    gdsf
        Generic discontinuity: the largest difference of a channel from its ten nearest, weighted by
        exp(-distance) and divided by ten.
    tk
        Temporal kurtosis: excess kurtosis averaged over epochs.
    mev
        Maximum epoch variance over the mean one.
    """

    sad: FloatArray
    svd: FloatArray
    sed: FloatArray
    left_eye: FloatArray
    right_eye: FloatArray
    gdsf: FloatArray
    tk: FloatArray
    mev: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Adjust:
    """What ADJUST found, with everything it decided by; component arrays have shape (n_components,).

    Parameters
    ----------
    regions, features, thresholds
        Channels used, numbers, and the EM threshold of "sad", "sed", "gdsf", "tk" and "mev".
    blink, vertical, horizontal, discontinuity
        The four decisions; a component may be several.
    muscle
        Which components look like muscle, and why.
    remove_muscle
        Whether removal of those was asked for.
    cautions
        Sentences on what makes the result weaker than it looks.
    """

    regions: Regions
    features: Features
    thresholds: Mapping[str, Threshold]
    blink: Flags
    vertical: Flags
    horizontal: Flags
    discontinuity: Flags
    muscle: MuscleLike
    remove_muscle: bool
    cautions: tuple[str, ...]

    @property
    def artefact(self) -> Flags:
        """One of the four decisions or more."""
        return np.asarray(self.blink | self.vertical | self.horizontal | self.discontinuity)

    @property
    def removed(self) -> IntArray:
        """Components to take out, ascending: artefacts but for the muscle-like, or with those if asked."""
        muscle = self.muscle.flagged
        chosen = self.artefact | muscle if self.remove_muscle else self.artefact & ~muscle
        return np.flatnonzero(chosen).astype(np.int64)

    def kinds(self, component: int) -> tuple[str, ...]:
        """The decisions on one component, with "muscle-like" where it is."""
        found = [kind for kind in KINDS if getattr(self, kind)[component]]
        return (*found, "muscle-like") if self.muscle.flagged[component] else tuple(found)

    def explain(self, component: int) -> str:
        """One line on why a component goes or stays, with every number that decided."""
        f, t = self.features, self.thresholds

        def at_least(name: str) -> str:
            return f"{name.upper()} {getattr(f, name)[component]:.3g} >= {t[name].value:.3g}"

        left, right = f.left_eye[component], f.right_eye[component]
        eyes = f"eyes {left:+.2g} and {right:+.2g}"
        svd = f"SVD {f.svd[component]:.2g} > 0"
        reasons = {
            "blink": (at_least("sad"), at_least("tk"), eyes, svd),
            "vertical": (at_least("sad"), at_least("mev"), eyes, svd),
            "horizontal": (at_least("sed"), at_least("mev"), eyes),
            "discontinuity": (at_least("gdsf"), at_least("mev")),
            "muscle-like": (
                f"{self.muscle.high_share[component]:.2f} of the power above 30 Hz "
                f"(white noise: {self.muscle.white_share:.2f})",
                f"{self.muscle.face_share[component]:.2f} of the map at forehead and temples",
            ),
        }
        found = [f"{kind}: {', '.join(reasons[kind])}" for kind in self.kinds(component)]
        what = "removed" if component in self.removed else "kept"
        return f"component {component} {what}: {'; '.join(found) or 'no decision applies'}"

    def table(self) -> pd.DataFrame:
        """One row per component: features, thresholds, decisions, and whether it is removed."""
        import pandas as pd

        columns: dict[str, object] = {
            field.name: getattr(self.features, field.name) for field in fields(Features)
        }
        columns |= {f"{name}_threshold": self.thresholds[name].value for name in _WITH_THRESHOLD}
        columns |= {kind: getattr(self, kind) for kind in KINDS}
        columns |= {
            "high_share": self.muscle.high_share,
            "face_share": self.muscle.face_share,
            "muscle_like": self.muscle.flagged,
            "removed": np.isin(np.arange(self.blink.size), self.removed),
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(self.blink.size, name="component"))


def adjust(
    mixing: ArrayLike,
    activations: ArrayLike,
    positions: ArrayLike,
    *,
    rate_hz: float,
    top_hz: float | None = None,
    mains_hz: float = 50.0,
    front_from_r: float = FRONT_FROM_R,
    remove_muscle: bool = False,
) -> Adjust:
    """Decide on every component.

    Parameters
    ----------
    mixing
        Maps, (n_channels, n_components), any unit.
    activations
        Time courses, (n_epochs, n_components, n_samples), any unit.
    positions
        (n_channels, 3), from the centre of the head, x right, y front, z up, any unit: as
        `standard_positions` gives them, or `montage.centred` from digitised ones.
    rate_hz, top_hz, mains_hz
        Sampling rate; where a low-pass filter ended the data, if one did; mains. For the muscle flag only.
    front_from_r
        Where the front begins; 0.30 is for caps with one channel on the forehead.
    remove_muscle
        Whether muscle-like components shall go too; otherwise they stay even if they are artefacts.

    Raises
    ------
    DataError
        If shapes do not fit, a number is missing, a map is zero, there are fewer than 11 channels, or one of
        the regions has none.
    OptionError
        If a rate is not positive.
    """
    maps, courses, places = _checked(mixing, activations, positions)
    if not (np.isfinite(rate_hz) and rate_hz > 0 and mains_hz > 0):
        raise OptionError(
            "rate and mains", wanted="above 0 Hz", got=f"{rate_hz} and {mains_hz}", remedy="give both in Hz"
        )
    unit = maps / np.linalg.norm(maps, axis=0)
    theta, radius = polar(places)
    found = regions(theta, radius, front_from_r=front_from_r)
    tk, mev, flat = temporal_features(courses)
    features = Features(**spatial_features(unit, places, found), tk=tk, mev=mev)
    thresholds = {name: em_threshold(getattr(features, name)) for name in _WITH_THRESHOLD}
    high = {name: getattr(features, name) >= thresholds[name].value for name in _WITH_THRESHOLD}
    same_side = features.left_eye * features.right_eye
    upright = high["sad"] & (same_side > 0) & (features.svd > 0)
    return Adjust(
        regions=found,
        features=features,
        thresholds=MappingProxyType(thresholds),
        blink=upright & high["tk"],
        vertical=upright & high["mev"],
        horizontal=high["sed"] & (same_side < 0) & high["mev"],
        discontinuity=high["gdsf"] & high["mev"],
        muscle=muscle_like(
            unit, courses, face_channels(theta, radius), rate_hz, top_hz=top_hz, mains_hz=mains_hz
        ),
        remove_muscle=remove_muscle,
        cautions=_cautions(found, thresholds, maps.shape[1], courses.shape[0], flat),
    )


def adjust_ica(
    ica: mne.preprocessing.ICA,
    raw: mne.io.BaseRaw,
    *,
    epoch_s: float = EPOCH_S,
    positions: ArrayLike | None = None,
    mains_hz: float = 50.0,
    front_from_r: float = FRONT_FROM_R,
    remove_muscle: bool = False,
) -> Adjust:
    """Decide on the components of a fitted ICA, from a continuous recording cut into epochs.

    `raw` should be broad-band (about 1 Hz on) and have the reference of the fit. Epochs that touch a span
    annotated as bad are left out. Set `ica.exclude = result.removed.tolist()` to remove what was found.

    Parameters
    ----------
    epoch_s
        Length of the fixed epochs, 1 to 5 s; EEGLAB's ADJUST cuts continuous data at 5 s.
    positions
        (n_channels, 3) in the order of `ica.ch_names`, centred; None for the standard ones of their names.

    Raises
    ------
    DataError
        As `adjust`; and if no whole epoch is left.
    OptionError
        If `epoch_s` is not positive.
    """
    rate_hz = float(raw.info["sfreq"])
    places = (
        standard_positions(ica.ch_names) if positions is None else np.asarray(positions, dtype=np.float64)
    )
    if places.shape != (len(ica.ch_names), 3):
        raise DataError(
            "positions",
            wanted=f"({len(ica.ch_names)}, 3), one for each channel of the ICA",
            got=f"shape {places.shape}",
            remedy="give them in the order of ica.ch_names",
        )
    placed = np.asarray(np.isfinite(places).all(axis=1))
    bad = np.isnan(raw.get_data(picks=[0], reject_by_annotation="NaN", verbose="ERROR")[0])
    sources = ica.get_sources(raw).get_data(verbose="ERROR")
    lowpass = float(raw.info["lowpass"] or rate_hz / 2)
    result = adjust(
        ica.get_components()[placed],
        fixed_epochs(sources, rate_hz, epoch_s, bad=bad),
        places[placed],
        rate_hz=rate_hz,
        top_hz=lowpass,
        mains_hz=mains_hz,
        front_from_r=front_from_r,
        remove_muscle=remove_muscle,
    )
    if placed.all():
        return result
    left_out = ", ".join(name for name, there in zip(ica.ch_names, placed.tolist(), strict=True) if not there)
    values = {field.name: getattr(result, field.name) for field in fields(Adjust)}
    values["cautions"] = (*result.cautions, f"channels without a position were left out: {left_out}")
    return Adjust(**values)


def fixed_epochs(
    sources: ArrayLike, rate_hz: float, epoch_s: float = EPOCH_S, *, bad: ArrayLike | None = None
) -> FloatArray:
    """Continuous time courses (n_components, n_samples) as epochs (n_epochs, n_components, n_samples).

    Epochs follow each other without overlap; the rest at the end is left out, and so is every epoch with a
    sample that `bad` (n_samples,) marks. Raises DataError if none is left, OptionError for a length that is
    not at least four samples.
    """
    courses = np.asarray(sources, dtype=np.float64)
    n = round(rate_hz * epoch_s) if np.isfinite(rate_hz * epoch_s) else 0
    if n < 4:
        raise OptionError(
            "length of epochs", wanted="four samples or more", got=f"{epoch_s} s", remedy="give 1 to 5 s"
        )
    count = courses.shape[1] // n if courses.ndim == 2 else 0
    marked = np.zeros(count * n, bool) if bad is None else np.asarray(bad, dtype=bool)[: count * n]
    whole = ~marked.reshape(count, n).any(axis=1)
    if not whole.any():
        raise DataError(
            "time courses",
            wanted=f"at least one whole epoch of {epoch_s:g} s",
            got=f"shape {courses.shape} at {rate_hz:g} Hz, {count} epochs, all of them touched by bad spans"
            if count
            else f"shape {courses.shape} at {rate_hz:g} Hz",
            remedy="give a longer recording or shorter epochs",
        )
    cut = courses[:, : count * n].reshape(-1, count, n).transpose(1, 0, 2)
    return cut if whole.all() else cut[whole]


# --- places


def polar(positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """EEGLAB's polar places of centred positions (n, 3): theta in degrees and r, each (n,)."""
    x, y, z = np.asarray(positions, dtype=np.float64).T
    theta = np.degrees(np.arctan2(x, y))
    return theta, 0.5 - np.degrees(np.arctan2(z, np.hypot(x, y))) / 180


def regions(theta: FloatArray, radius: FloatArray, *, front_from_r: float = FRONT_FROM_R) -> Regions:
    """ADJUST's regions from polar places; raises DataError if one has no channel.

    Front: |theta| < 60, r > `front_from_r` (0.30 where that holds none); back: |theta| > 110;
    left eye: -61 < theta < -35, r > 0.30; right eye: 34 < theta < 61, r > 0.30.
    """
    ahead = np.abs(theta) < 60
    start = front_from_r if (ahead & (radius > front_from_r)).any() else FRONT_RELAXED_R
    chosen = {
        "frontal": ahead & (radius > start),
        "posterior": np.abs(theta) > 110,
        "left_eye": (theta > -61) & (theta < -35) & (radius > 0.30),
        "right_eye": (theta > 34) & (theta < 61) & (radius > 0.30),
    }
    empty = [name.replace("_", " ") for name, inside in chosen.items() if not inside.any()]
    if empty:
        raise DataError(
            "EEG channels",
            wanted="one or more in each of front, back, left eye (as F7) and right eye (as F8)",
            got=f"none in: {', '.join(empty)}",
            remedy="use a cap that covers them, or find artefacts by EOG channels",
        )
    rows = {name: np.flatnonzero(inside).astype(np.int64) for name, inside in chosen.items()}
    return Regions(**rows, frontal_from_r=start)


# --- features


def spatial_features(unit: FloatArray, positions: FloatArray, where: Regions) -> dict[str, FloatArray]:
    """The spatial features of unit-norm maps (n_channels, n_components), by name, each (n_components,).

    The variance of a region of one channel is 0.
    """
    front, back = unit[where.frontal], unit[where.posterior]
    left, right = unit[where.left_eye].mean(axis=0), unit[where.right_eye].mean(axis=0)
    return {
        "sad": np.abs(front.mean(axis=0)) - np.abs(back.mean(axis=0)),
        "svd": _variance(front) - _variance(back),
        "sed": np.abs(left - right),
        "left_eye": left,
        "right_eye": right,
        "gdsf": discontinuity(unit, positions),
    }


def discontinuity(unit: FloatArray, positions: FloatArray) -> FloatArray:
    """GDSF of unit-norm maps (n_channels, n_components), shape (n_components,); positions as in `adjust`."""
    at = positions / np.linalg.norm(positions, axis=1, keepdims=True)
    distance = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    weights = np.exp(-np.take_along_axis(distance, near, axis=1)) / NEIGHBOURS
    around = np.einsum("nk,nkc->nc", weights, unit[near])
    return np.asarray(np.abs(unit - around).max(axis=0))


def temporal_features(activations: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """TK and MEV of (n_epochs, n_components, n_samples), and how many epochs were flat; each (n_components,).

    Neither depends on the unit. An epoch without variance has no kurtosis and is left out of TK.
    """
    n_components = activations.shape[1]
    tk, mev = np.full(n_components, np.nan), np.full(n_components, np.nan)
    flat = np.zeros(n_components, dtype=np.int64)
    for row in range(n_components):
        epochs = activations[:, row]
        size = np.abs(epochs).max()
        away = (epochs - epochs.mean(axis=1, keepdims=True)) / (size if size > 0 else 1.0)
        variance = (away**2).sum(axis=1) / (epochs.shape[1] - 1)
        moving = variance > 1e-24  # of the largest value squared: rounding is not variance
        flat[row] = np.count_nonzero(~moving)
        if moving.any():
            fourth = (away[moving] ** 4).mean(axis=1)
            tk[row] = _trimmed(fourth / variance[moving] ** 2 - 3).mean()
            kept = _trimmed(variance)
            mev[row] = kept.max() / kept.mean() if kept.max() > 0 else np.nan
    return tk, mev, flat


def _trimmed(values: FloatArray) -> FloatArray:
    """The values without their largest hundredth (rounded half up) where there are more than 100."""
    dropped = int(0.01 * values.size + 0.5) if values.size > _TRIMMED_ABOVE else 0
    return np.sort(values)[: values.size - dropped]


def _variance(rows: FloatArray) -> FloatArray:
    return rows.var(axis=0, ddof=1) if rows.shape[0] > 1 else np.zeros(rows.shape[1])


# --- checks


def _checked(
    mixing: ArrayLike, activations: ArrayLike, positions: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    maps, courses, places = (np.asarray(a, dtype=np.float64) for a in (mixing, activations, positions))
    fit = (
        maps.ndim == 2
        and courses.ndim == 3
        and places.shape == (maps.shape[0], 3)
        and courses.shape[1] == maps.shape[1] > 0
        and courses.shape[0] > 0
        and courses.shape[2] > 1
    )
    if not fit:
        raise DataError(
            "components",
            wanted="maps (channels, components), epochs (n, components, samples), positions (channels, 3)",
            got=f"shapes {maps.shape}, {courses.shape} and {places.shape}",
            remedy="bring them into these shapes; cut a continuous recording with fixed_epochs",
        )
    for name, array in (("maps", maps), ("time courses", courses), ("positions", places)):
        if not np.isfinite(array).all():
            raise DataError(
                name,
                wanted="finite numbers",
                got=f"{int((~np.isfinite(array)).sum())} that are not",
                remedy="leave out channels without a position and epochs with holes",
            )
    if maps.shape[0] <= NEIGHBOURS:
        raise DataError(
            "EEG channels",
            wanted=f"at least {NEIGHBOURS + 1}: the discontinuity feature takes the {NEIGHBOURS} nearest",
            got=maps.shape[0],
            remedy="find artefacts by EOG channels instead",
        )
    silent = np.flatnonzero(~np.any(maps != 0, axis=0)).tolist()
    if silent or not np.linalg.norm(places, axis=1).all():
        raise DataError(
            "components",
            wanted="maps and positions other than zero",
            got=f"zero maps {silent}" if silent else "a channel at the centre of the head",
            remedy="leave them out",
        )
    return maps, courses, places


def _cautions(
    where: Regions, thresholds: Mapping[str, Threshold], n_components: int, n_epochs: int, flat: IntArray
) -> tuple[str, ...]:
    found = []
    if n_components < _FEWEST_COMPONENTS:
        found.append(f"{n_components} components are few to fit two Gaussians to")
    if n_epochs < 2:
        found.append("one epoch only: its variance is the mean of all, so that MEV is 1 for every component")
    if where.frontal_from_r < FRONT_FROM_R:
        found.append(f"the front begins at r {where.frontal_from_r:.2f} instead of {FRONT_FROM_R:.2f}")
    if where.frontal.size == 1:
        found.append(
            "one channel in front: SVD cannot be above 0, so that no blink or vertical movement is found; "
            "front_from_r=0.30 takes in the next row"
        )
    for name, threshold in thresholds.items():
        if threshold.how == "midrange":
            found.append(f"{name.upper()}: the Gaussians do not cross between their means, so the midrange")
        elif threshold.how == "none":
            found.append(f"{name.upper()}: fewer than two different values, so no component passes")
    if flat.any():
        found.append(f"flat epochs in components {np.flatnonzero(flat).tolist()}: left out of their kurtosis")
    return tuple(found)
