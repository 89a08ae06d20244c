"""A session's streams as the study's EEG and peripheral signals, with the codes that were sent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.dataset import ParticipantWriter
from mien.dataset.recorders import PERIPHERAL
from mien.elicitation.recorded_streams import EvenStream
from mien.elicitation.session_work import SessionWork, codes_that_count

PULSE_S = 0.05
"""How long a code stands in the trigger column that is written beside peripheral signals."""
_MICROVOLTS = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "mv": 1e3, "millivolt": 1e3}
_MICROVOLTS |= {"v": 1e6, "volt": 1e6, "n/a": 1.0}


def eeg_of(streams: Sequence[EvenStream], work: SessionWork) -> EvenStream | None:
    found = [stream for stream in streams if stream.kind.upper() == "EEG"]
    work.left_out += [f"stream {s.name}: another EEG is the master clock" for s in found[1:]]
    return found[0] if found else None


def write_eeg(work: SessionWork, files: ParticipantWriter, eeg: EvenStream) -> None:
    factors = np.array([_MICROVOLTS.get(unit.strip().lower().rstrip("s"), np.nan) for unit in eeg.units])
    known = np.isfinite(factors)
    names = [name for name, is_known in zip(eeg.channel_names, known, strict=True) if is_known]
    work.left_out += [
        f"channel {name} of stream {eeg.name}: wanted V, mV or uV, got {unit}; it stays in the XDF file"
        for name, unit, is_known in zip(eeg.channel_names, eeg.units, known, strict=True)
        if not is_known
    ]
    if "n/a" in eeg.units:
        work.left_out.append(
            f"units of stream {eeg.name}: it states none for some channels, which are taken as microvolts"
        )
    if not names:
        raise DataError(
            f"stream {eeg.name}",
            wanted="channels in V, mV or uV",
            got=eeg.units[0],
            remedy="correct its description",
        )
    data = np.nan_to_num(eeg.values[known] * factors[known, None])  # gaps are named among the events
    codes = [(round(work.eeg_s(r["at_s"]) * eeg.rate_hz), int(r["code"])) for r in codes_that_count(work)]
    last = data.shape[1]
    files.write_eeg(
        data,
        rate_hz=eeg.rate_hz,
        channel_names=names,
        channel_types=[_channel_type(name) for name in names],
        events=[(at, code) for at, code in codes if 0 <= at < last],
    )
    beyond = {
        int(r["trial"])
        for r, (at, _) in zip(codes_that_count(work), codes, strict=True)
        if not 0 <= at < last
    }
    if beyond:
        work.left_out.append(
            f"codes of trial {', '.join(map(str, sorted(beyond)))}: stream {eeg.name} was not recorded then"
        )


def _channel_type(name: str) -> str:
    upper = name.upper()
    for kind, words in (("EOG", ("EOG", "HEO", "VEO")), ("ECG", ("ECG", "EKG")), ("EMG", ("EMG",))):
        if any(upper.startswith(word) for word in words):
            return kind
    return "MISC" if upper.startswith(("TRIG", "STI", "AUX", "MISC")) else "EEG"


def physio_of(streams: Sequence[EvenStream], work: SessionWork) -> EvenStream | None:
    """The stream with most peripheral channels; others of another rate are left out, and said so."""
    count = {
        id(s): sum(n.lower() in PERIPHERAL for n in s.channel_names) for s in streams if s is not work.eeg
    }
    found = sorted((s for s in streams if count.get(id(s))), key=lambda s: (-count[id(s)], s.name))
    work.left_out += [
        f"stream {s.name}: {found[0].name} holds the peripheral signals; join them into one stream"
        for s in found[1:]
    ]
    known = {id(s) for s in (*found, work.eeg)}
    work.left_out += [
        f"stream {s.name}: neither EEG nor channels named {', '.join(PERIPHERAL)}; it stays in the XDF file"
        for s in streams
        if id(s) not in known
    ]
    return found[0] if found else None


def write_physio(work: SessionWork, files: ParticipantWriter, stream: EvenStream) -> list[str]:
    start = work.since_s(stream.start_s)
    signals = [
        Signal(values, stream.rate_hz, unit, name.lower(), start)
        for name, unit, values in zip(stream.channel_names, stream.units, stream.values, strict=True)
        if name.lower() in PERIPHERAL
    ]
    trigger = np.zeros(stream.values.shape[1], dtype=np.int64)
    for row in codes_that_count(work):
        first = round(stream.own_s(row["at_s"]) * stream.rate_hz)
        if 0 <= first < trigger.size:
            trigger[first : first + max(1, round(PULSE_S * stream.rate_hz))] = int(row["code"])
    files.write_physio(signals, start_time_s=start, trigger=trigger)
    return [signal.name for signal in signals]
