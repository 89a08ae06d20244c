"""Which components of a session go, by one method, and everything that was known when it was decided.

What looks like muscle is flagged and stays, whatever a method says of it, unless its removal is asked for:
in a study of expressions it may be the expression.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, to_json
from mien.core.time import FloatArray, IntArray
from mien.signals.eeg.adjust import Adjust, Features, adjust, polar
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.components import BLOCK_S, Components
from mien.signals.eeg.iclabel import IcLabels, label_components
from mien.signals.eeg.montage import standard_positions
from mien.signals.eeg.muscle import MuscleLike, face_channels, muscle_like

# ICLabel's classes that are no brain; muscle goes only if asked, and "other" is no reason.
_ICLABEL_REMOVES = ("eye", "heart", "line noise", "channel noise")


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What is removed and why.

    Parameters
    ----------
    removed
        Component numbers, ascending.
    kinds, why
        Of each component: what it is taken for, and a sentence.
    muscle
        Which look like muscle; None where no channel has a position.
    adjust, iclabel
        Their whole results where they were computed.
    notes
        Sentences on what makes the decisions weaker.
    """

    removed: IntArray
    kinds: tuple[tuple[str, ...], ...]
    why: tuple[str, ...]
    muscle: MuscleLike | None
    adjust: Adjust | None
    iclabel: IcLabels | None
    notes: tuple[str, ...]

    def entries(self, variance_share: FloatArray) -> list[dict[str, Json]]:
        """One row per component for the report, JSON types."""
        rows: list[dict[str, Json]] = []
        for number, (kinds, why) in enumerate(zip(self.kinds, self.why, strict=True)):
            row: dict[str, object] = {
                "component": number,
                "variance_share": variance_share[number],
                "removed": number in self.removed,
                "kinds": kinds,
                "why": why,
                "muscle": _muscle_entry(self.muscle, number),
                "adjust": None if self.adjust is None else _adjust_entry(self.adjust, number),
            }
            if self.iclabel is not None:
                row["iclabel"] = {
                    "decision": self.iclabel.decisions[number],
                    "probabilities": self.iclabel.of(number),
                }
            found = to_json(row)
            assert isinstance(found, dict)
            rows.append(found)
        return rows


Found = tuple[tuple[tuple[str, ...], str], ...]


def judge(components: Components, settings: CleaningSettings) -> Decisions:
    """The decision on every component.

    Raises
    ------
    DataError
        If the method cannot judge these channels: see `adjust.adjust` and `iclabel.label_components`.
    OptionError
        If an EOG or ECG channel is needed and there is none.
    """
    by_adjust, why_not = _by_adjust(components, settings)
    if by_adjust is None and settings.method == "adjust":
        assert why_not is not None
        raise why_not
    labels = None
    if settings.method == "iclabel" or settings.with_iclabel:
        labels = label_components(
            components.ica,
            components.raw,
            threshold=settings.iclabel_threshold,
            low_hz=components.band_hz[0],
            high_hz=components.band_hz[1],
        )
    muscle = by_adjust.muscle if by_adjust is not None else _muscle(components, settings)
    found = _SAYS[settings.method](components, by_adjust, labels)
    hearts = _by_channel(components, "ecg") if settings.ecg else ()
    n = components.maps.shape[1]
    flagged = np.zeros(n, bool) if muscle is None else muscle.flagged
    kinds, why, removed = [], [], []
    for number in range(n):
        named = [part[number] for part in (found, hearts) if part]
        mine = tuple(kind for kinds_, _ in named for kind in kinds_)
        reasons = "; ".join(text for _, text in named if text)
        goes = bool(flagged[number] and settings.remove_muscle) or (bool(mine) and not flagged[number])
        if flagged[number]:
            mine = (*mine, "muscle-like")
            reasons = "; ".join(filter(None, (reasons, _muscle_words(muscle, number))))
        if goes:
            removed.append(number)
        kinds.append(mine)
        why.append(f"{'removed' if goes else 'kept'}: {reasons or 'no decision applies'}")
    notes = list(by_adjust.cautions) if by_adjust is not None and settings.method == "adjust" else []
    notes += labels.notes if labels is not None else ()
    return Decisions(
        removed=np.array(removed, dtype=np.int64),
        kinds=tuple(kinds),
        why=tuple(why),
        muscle=muscle,
        adjust=by_adjust,
        iclabel=labels,
        notes=tuple(notes),
    )


def _by_adjust(components: Components, settings: CleaningSettings) -> tuple[Adjust | None, DataError | None]:
    try:
        return adjust(
            components.maps,
            _epochs(components),
            standard_positions(components.channels),
            rate_hz=float(components.raw.info["sfreq"]),
            top_hz=components.band_hz[1],
            mains_hz=settings.mains_hz or 50.0,
            front_from_r=settings.front_from_r,
            remove_muscle=settings.remove_muscle,
        ), None
    except DataError as error:
        return None, error


def _epochs(components: Components) -> FloatArray:
    """Time courses (n_blocks, n_components, n_samples of a block)."""
    courses = components.unmixing @ components.raw.get_data(picks=components.channels)
    n = round(BLOCK_S * float(components.raw.info["sfreq"]))
    return np.asarray(courses.reshape(len(courses), -1, n).transpose(1, 0, 2))


def _muscle(components: Components, settings: CleaningSettings) -> MuscleLike | None:
    places = standard_positions(components.channels)
    if not np.isfinite(places).all():
        return None
    return muscle_like(
        components.maps,
        _epochs(components),
        face_channels(*polar(places)),
        float(components.raw.info["sfreq"]),
        top_hz=components.band_hz[1],
        mains_hz=settings.mains_hz or 50.0,
    )


# --- methods: what a component is taken for, and the numbers


def _adjust_says(components: Components, found: Adjust | None, labels: IcLabels | None) -> Found:
    assert found is not None
    rows = []
    for number in range(components.maps.shape[1]):
        kinds = tuple(kind for kind in found.kinds(number) if kind != "muscle-like")
        # "component 3 removed: blink: ...; muscle-like: ..." without its beginning and the muscle's part.
        parts = found.explain(number).split(": ", 1)[1].split("; ")
        words = "; ".join(part for part in parts if not part.startswith("muscle-like"))
        rows.append((kinds, words if kinds else ""))
    return tuple(rows)


def _iclabel_says(components: Components, found: Adjust | None, labels: IcLabels | None) -> Found:
    assert labels is not None
    rows = []
    for number, decision in enumerate(labels.decisions):
        best = labels.probabilities[number].max()
        kinds = (decision,) if decision in _ICLABEL_REMOVES else ()
        rows.append((kinds, f"ICLabel: {decision}, largest probability {best:.2f}"))
    return tuple(rows)


def _eog_says(components: Components, found: Adjust | None, labels: IcLabels | None) -> Found:
    return _by_channel(components, "eog")


def _by_channel(components: Components, kind: str) -> Found:
    """Components that MNE's find_bads_eog or find_bads_ecg name."""
    names = [n for n, t in zip(components.raw.ch_names, components.raw.get_channel_types()) if t == kind]  # noqa: B905
    if not names:
        raise OptionError(
            f"components of the {kind.upper()}",
            wanted=f"a usable channel of type {kind}, as {'HEO or VEO' if kind == 'eog' else 'EKG'}",
            got="none",
            remedy="choose the method adjust" if kind == "eog" else "leave that option out",
        )
    n = components.maps.shape[1]
    chosen: dict[int, list[str]] = {}
    ica = components.ica.copy()  # MNE's functions write into the labels of theirs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            find = ica.find_bads_eog if kind == "eog" else ica.find_bads_ecg
            rows, scores = find(components.raw, ch_name=name, verbose="ERROR")
            for row in rows:
                value = float(np.atleast_2d(scores)[0][row])
                word = "correlation" if kind == "eog" else "cross-trial phase statistic"
                chosen.setdefault(int(row), []).append(f"{word} {value:.2f} with {name}")
    what = "eye" if kind == "eog" else "heart"
    return tuple(
        ((what,), f"{what}: {', '.join(chosen[row])}") if row in chosen else ((), "") for row in range(n)
    )


_SAYS: Mapping[str, Callable[[Components, Adjust | None, IcLabels | None], Found]] = MappingProxyType(
    {"adjust": _adjust_says, "iclabel": _iclabel_says, "eog": _eog_says}
)


# --- entries of the report


def _muscle_words(muscle: MuscleLike | None, number: int) -> str:
    assert muscle is not None
    return (
        f"muscle-like: {muscle.high_share[number]:.2f} of the power above 30 Hz (white noise: "
        f"{muscle.white_share:.2f}), {muscle.face_share[number]:.2f} of the map at forehead and temples"
    )


def _muscle_entry(muscle: MuscleLike | None, number: int) -> dict[str, object] | None:
    if muscle is None:
        return None
    return {
        "flagged": muscle.flagged[number],
        "high_share": muscle.high_share[number],
        "white_share": muscle.white_share,
        "face_share": muscle.face_share[number],
        "why": _muscle_words(muscle, number) if muscle.flagged[number] else "",
    }


def _adjust_entry(found: Adjust, number: int) -> dict[str, object]:
    return {
        "features": {field.name: getattr(found.features, field.name)[number] for field in fields(Features)},
        "thresholds": {name: threshold.value for name, threshold in found.thresholds.items()},
        "kinds": found.kinds(number),
    }
