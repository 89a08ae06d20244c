"""Curry's recordings: samples in `.cdt` (32-bit floats), their description in `.cdt.dpa` or `.cdt.dpo`.

Events stand in `.cdt.cef` or `.cdt.ceo`, where there are any. Files that Curry packed, wrote as text, or cut
into trials are refused: they are exported from Curry as continuous raw floats.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.recording.opening import file_size, refusing

if TYPE_CHECKING:
    import mne

_WANTED = "a Curry recording"
_PACKED = "{2912E8D8-F5C8-4E25-A8E7-A1385967DA09}"
_EXPORT = "export it from Curry as continuous raw floats"
_EVENT_FIELDS = 11
_MOST_TEXT = 256 * 1024 * 1024


def read_curry(path: Path) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples in volts and not yet in memory; events are its annotations.

    Raises
    ------
    DataError
        If the description is absent or damaged, or the samples are not as many as it states.
    """
    size = file_size(path, _WANTED)
    if path.suffix.lower() != ".cdt":
        raise DataError(
            path, wanted="a name that ends with .cdt", got=path.name, remedy="rename all its files"
        )
    n_channels, n_samples, text = _stated(path, size)
    with refusing(path, _WANTED, private=True, loggers=("root",)):
        n_events = _stated_events(path)
        import mne

        raw = mne.io.read_raw_curry(path, preload=False, verbose="ERROR")
        found = len(raw.ch_names), raw.n_times, len(raw.annotations)
        if found != (n_channels, n_samples, n_events):
            wanted = f"{n_channels} channels, {n_samples} samples, {n_events} events"
            raise DataError(path, wanted=wanted, got=", ".join(map(str, found)), remedy=_EXPORT)
        unnamed = [name for name in raw.ch_names if name not in text and name.rsplit("-", 1)[0] not in text]
        if unnamed:  # the library makes names up
            wanted = f"the names of {n_channels} channels in its description"
            raise DataError(path, wanted=wanted, got=f"none like {unnamed[0]}", remedy=_EXPORT)
        return raw


def _stated_events(path: Path) -> int:
    """The number of rows in the list of events; 0 where there is no file of them."""
    choices = [path.with_name(path.name + suffix) for suffix in (".cef", ".ceo")]
    events = next((choice for choice in choices if choice.exists()), None)
    if events is None:
        return 0
    wanted = "Curry's list of events"
    file_size(events, wanted, most=_MOST_TEXT)
    with refusing(events, wanted):
        text = events.read_text(encoding="utf-8")
    _check_lists(events, text)
    found = re.search(r"NUMBER_LIST START_LIST[^\n]*\n(.*?)NUMBER_LIST END_LIST", text, flags=re.DOTALL)
    words = found.group(1).split() if found else []
    if found is None or len(words) % _EVENT_FIELDS:
        got = "none" if found is None else f"{len(words)} numbers"
        raise DataError(events, wanted=f"{wanted}, 11 numbers each", got=got, remedy=_EXPORT)
    return len(words) // _EVENT_FIELDS


def _check_lists(path: Path, text: str) -> None:
    """Refuse a list that does not end."""
    begun, ended = (re.findall(rf"^\s*(\w+) {word}_LIST\b", text, flags=re.M) for word in ("START", "END"))
    if begun != ended:
        got = f"{len(begun)} beginnings and {len(ended)} ends"
        raise DataError(path, wanted="lists that begin and end", got=got, remedy=_EXPORT)


def _stated(path: Path, size: int) -> tuple[int, int, str]:
    """Numbers of channels and samples in the description, once it fits the file, and its text."""
    choices = [path.with_name(path.name + suffix) for suffix in (".dpa", ".dpo")]
    description = next((choice for choice in choices if choice.exists()), None)
    if description is None:
        wanted = f"its description {choices[0].name} or {choices[1].name}"
        raise DataError(path, wanted=wanted, got="no such file", remedy="copy all files of the recording")
    file_size(description, "Curry's description", most=_MOST_TEXT)
    with refusing(description, "Curry's description in UTF-8"):
        text = description.read_text(encoding="utf-8")
    if _PACKED in text:
        raise DataError(path, wanted=_WANTED, got="a packed one", remedy=_EXPORT)
    if _word(text, "DataFormat") == "ASCII" or _word(text, "DataSampOrder") == "CHAN":
        raise DataError(path, wanted="binary samples, sample by sample", got="another order", remedy=_EXPORT)
    names = ("NumSamples", "NumChannels", "NumTrials", "SampleFreqHz")
    samples, channels, trials, rate = (_value(text, name) for name in names)
    if not (0 < channels < 1e5 and 0 < samples < 1e12 and 0 < rate < 1e7 and trials == 1):
        got = f"{channels:g} channels, {samples:g} samples, {trials:g} trials, {rate:g} Hz"
        wanted = "channels and samples of one trial at a rate above 0 Hz"
        raise DataError(description, wanted=wanted, got=got, remedy=_EXPORT)
    interval = _value(text, "SampleTimeUsec")
    if interval > 0 and abs(1e6 / interval - rate) > 1e-3 * rate:
        got = f"{rate:g} Hz and {interval:g} us"
        raise DataError(description, wanted="a rate and an interval that agree", got=got, remedy=_EXPORT)
    if 4 * int(channels) * int(samples) != size:
        wanted = f"{4 * int(channels) * int(samples)} bytes of samples"
        raise DataError(path, wanted=wanted, got=size, remedy="copy or export it again")
    _check_lists(description, text)
    return int(channels), int(samples), text


def _word(text: str, name: str) -> str:
    found = re.search(rf"^\s*{name}\s*=[ \t]*(\S*)", text, flags=re.MULTILINE)
    return found.group(1) if found else ""


def _value(text: str, name: str) -> float:
    try:
        return float(_word(text, name))
    except ValueError:
        return float("nan")
