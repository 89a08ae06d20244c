"""The truth of a simulated study on disk: written beside it, read by tests and proofs, by no analysis.

Everything is in `derivatives/truth/`: the settings, and per participant the script, the clocks with their
faults, exposure times of every frame, events of the body (in the polygraph's time) and sources of the EEG.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import to_json, write_atomically
from mien.core.time import ClockMap
from mien.dataset import layout
from mien.simulate.brains import Brain
from mien.simulate.clocks import Pulse, Recorder
from mien.simulate.script import Movement, UnitMove
from mien.simulate.session import Session
from mien.simulate.settings import StudySettings

FOLDER = layout.TRUTH
Arrays = Mapping[str, NDArray[np.generic]]


def write_settings(settings: StudySettings, study: Path) -> None:
    """Write the settings of the whole study."""
    write_atomically(study / FOLDER / "settings.json", _json(asdict(settings)))


def write_truth(session: Session, folder: Path, *, parts: frozenset[str]) -> None:
    """Write one participant's truth into `folder` (`.../truth/sub-001`)."""
    write_atomically(folder / "script.json", _json(asdict(session.participant)))
    clocks = {
        "eeg": _recorder(session.amplifier),
        "polygraph": _recorder(session.polygraph),
        "camera": asdict(session.camera),
    }
    write_atomically(folder / "clocks.json", _json(clocks))
    coding = {coder: [asdict(row) for row in rows] for coder, rows in session.coding.items()}
    write_atomically(folder / "coding.json", _json(coding))
    runs = {f"run-{number:02d}": run.true_s for number, run in session.runs.items()}
    _write_arrays(folder / "frames.npz", runs)
    if "speech" in parts:
        write_atomically(folder / "voice.json", _json(session.voices()))
    if "physio" in parts:
        body = session.body
        _write_arrays(
            folder / "body.npz",
            {
                "beats_s": body.beats_s,
                "breaths_s": body.breaths_s,
                "scr_onsets_s": body.scr_onsets_s,
                "scr_peaks_s": body.scr_peaks_s,
                "scr_amplitudes_us": body.scr_amplitudes_us,
                "scr_apex": np.asarray(body.scr_apex),
                "responding": np.asarray(body.responding),
            },
        )


def write_brain_truth(brain: Brain, folder: Path) -> None:
    """Write what an EEG is made of into `folder`: names, maps and time courses of artefacts, band powers."""
    words = {
        name: list(getattr(brain, name))
        for name in ("channels", "artefact_names", "source_names", "band_names")
    }
    write_atomically(folder / "brain.json", _json({**words, "bad_channel": brain.bad_channel}))
    arrays = {
        name: getattr(brain, name) for name in ("artefact_maps", "artefacts_uv", "source_maps", "band_power")
    }
    _write_arrays(folder / "brain.npz", arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One participant's truth: movements by trial, clocks, pulses, and arrays as they were written."""

    movements: Mapping[int, tuple[Movement, ...]]
    trials: list[dict[str, object]]
    clocks: Mapping[str, ClockMap]
    pulses: Mapping[str, tuple[Pulse, ...]]
    missing: Mapping[str, tuple[Pulse, ...]]
    frames_s: Arrays
    body: Arrays


def read_truth(study: Path, participant: str) -> Truth:
    """The truth of participant `participant` ("001") of a simulated study.

    Raises
    ------
    DataError
        If the study holds no truth, as every real one.
    """
    participant = participant.removeprefix("sub-")
    folder = study / FOLDER / f"sub-{participant}"
    if not (folder / "script.json").is_file():
        raise DataError(
            study,
            wanted=f"the truth of participant {participant}",
            got="none",
            remedy="only simulated studies have one; check the name",
        )
    script = json.loads((folder / "script.json").read_bytes())
    clocks = json.loads((folder / "clocks.json").read_bytes())
    recorders = ("eeg", "polygraph")
    body = folder / "body.npz"
    return Truth(
        movements={trial["number"]: tuple(map(_movement, trial["movements"])) for trial in script["trials"]},
        trials=script["trials"],
        clocks={
            **{name: ClockMap(**clocks[name]["clock"]) for name in recorders},
            "camera": ClockMap(**clocks["camera"]),
        },
        pulses={name: tuple(Pulse(**pulse) for pulse in clocks[name]["pulses"]) for name in recorders},
        missing={name: tuple(Pulse(**pulse) for pulse in clocks[name]["missing"]) for name in recorders},
        frames_s=_read_arrays(folder / "frames.npz"),
        body=_read_arrays(body) if body.is_file() else {},
    )


def _movement(entry: dict[str, object]) -> Movement:
    units = tuple(UnitMove(**unit) for unit in entry.pop("units"))  # type: ignore[attr-defined]
    return Movement(**entry, units=units)  # type: ignore[arg-type]


def _recorder(recorder: Recorder) -> dict[str, object]:
    return asdict(recorder)


def _json(value: object) -> bytes:
    return json.dumps(to_json(value), indent=1, sort_keys=True, allow_nan=False).encode()


def _write_arrays(path: Path, arrays: Arrays) -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def _read_arrays(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
