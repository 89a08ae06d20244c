"""The finished jobs of a reproduction as kinds of work, with how many units of what each was.

Read by `docs/measure_costs.py`; jobs that it timed have their processor time and memory in `measured.jsonl`, of
others there is the wall time that the store keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.dataset.manifest import ManifestRow, read_manifest

MEASURED = "measured.jsonl"
INNER_FITS = {"evaluation.member": 5.0}
"""Trainings of a job in units of one on all training samples: whole, and five times four fifths."""


@dataclass(frozen=True)
class Done:
    """A finished job: its kind, how many units of what, seconds, bytes in the store, peak memory."""

    kind: str
    unit: str
    n: float
    seconds: float
    disk: int
    memory: int


def finished(study: Path, out: Path) -> Iterator[Done]:
    """Every job in the store below `out`."""
    rows = read_manifest(study)
    log = out / MEASURED
    told = {one["key"]: one for one in map(json.loads, log.open())} if log.is_file() else {}
    for marker in sorted((out / "store").glob("*/*/done.json")):
        address = json.loads((marker.parent / "address.json").read_bytes())
        found = _work(address, rows)
        if found is None:
            continue
        own = told.get(marker.parent.name, {})
        seconds = own.get("cpu_s", json.loads(marker.read_bytes())["wall_s"])
        disk = sum(path.stat().st_size for path in marker.parent.iterdir())
        yield Done(*found, seconds, disk, own.get("peak", 0))


def _work(address: dict[str, Any], rows: dict[str, ManifestRow]) -> tuple[str, str, float] | None:
    """Kind of work, its unit, and how many of them a job was."""
    function, method = str(address.get("function")), str(address.get("method"))
    if "function" not in address:  # a participant of the concordance
        return "concordance", "minute of signals", _minutes(rows, _owner(address["files"]), "_physio.tsv")
    if function == "features.measure_run":
        return "faces", "expression", len(address["clips"])
    if function == "features.face_motion":
        fields = " with fields" if "fields_version" in address else ""
        return f"face pass{fields}", "s of video", _part_s(address, rows)
    if function == "experiments.heart_slope":
        return "heart", "minute of signals", _minutes(rows, address["participant"], "_physio.tsv")
    if function == "features.around_apexes":
        where = {"brain": "_eeg.", "body": "_physio.tsv"}.get(address["recorder"])
        if where is None:
            return "voice", "expression", len(address["moments"])
        return address["recorder"], "minute of signals", _minutes(rows, address["participant"], where)
    epochs = sum(int(n) for name, n in address["parameters"].items() if name.endswith("epochs"))
    if function == "evaluation.spotting":
        name = f"spotting, {method}" + (f", {epochs} epochs" if epochs else "")
        return name, "s of video", sum(_video_s(rows, one) for one in address["test"])
    if function in ("evaluation.fold", "evaluation.member"):
        fits = INNER_FITS.get(function, 1.0)
        unit = "training sample, epoch" if epochs else "training sample"
        return method, unit, len(address["train"]) * fits * max(1, epochs)
    return None


def _owner(files: dict[str, str]) -> str:
    return next(iter(files)).split("_")[0]


def _minutes(rows: dict[str, ManifestRow], who: str, word: str) -> float:
    counted = [
        r for place, r in rows.items() if place.startswith(f"{who}/") and word in place and r.n_samples
    ]
    return sum(float(r.n_samples or 0) / float(r.rate_hz or 1000) / 60 for r in counted)


def _video_s(rows: dict[str, ManifestRow], name: str) -> float:
    who, _, run = name.rpartition("_run-")
    films = (r for place, r in rows.items() if place.startswith(f"{who}/") and f"_run-{run}_video" in place)
    return sum(float(r.n_frames or 0) / float(r.rate_hz or 150) for r in films)


def _part_s(address: dict[str, Any], rows: dict[str, ManifestRow]) -> float:
    row = next(row for row in rows.values() if row.sha256 == address["video"])
    begun, end = address["part_s"]
    return float(min(end, float(row.n_frames or 0) / float(row.rate_hz or 150)) - begun)
