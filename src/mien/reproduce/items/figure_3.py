"""Figures 2 and 3 of this study: what it was recorded with, and how a session went."""

from __future__ import annotations

from mien.dataset import describe, layout, tables
from mien.dataset.study import Study
from mien.elicitation.protocol import read_protocol
from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemResult, ItemTable, LackingError
from mien.reproduce.setting import Setting

_SETUP = {
    "video": "2,040 x 1,080 pixels at a stated 150 Hz",
    "EEG": "64 channels at 1000 Hz (Neuroscan SynAmps RT)",
    "peripheral signals": "ECG, PPG, EDA, RSP, SKT at 1000 Hz (BIOPAC MP160)",
}


def _setup(setting: Setting) -> ItemResult:
    found = describe(setting.opened()).recordings
    if not found:
        raise LackingError(setting.study, wanted="a recording", got="none", remedy="add recordings")
    names = list(dict.fromkeys((*found, *_SETUP)))
    rows = tuple(
        (Cell(name), Cell(found.get(name, "not recorded")), Cell(_SETUP.get(name), published=True))
        for name in names
    )
    return SETUP.done(
        sentences=(f"Recorded: {'; '.join(f'{name}, {words}' for name, words in found.items())}.",),
        tables=(ItemTable("Recordings", ("what", "here", "MMME"), rows),),
        differs=("Rates are those that files state; what cameras kept is measured by mien sync.",),
        values=dict(found),
    )


def _protocol(setting: Setting) -> ItemResult:
    study = setting.opened()
    path = layout.protocol(study.folder)
    clips_s, n_trials = _shown(study)
    if not n_trials:
        raise LackingError(setting.study, wanted="a table of trials", got="none", remedy="add _beh.tsv")
    rows = [(Cell("trials, each participant (median)"), Cell(n_trials), Cell(42, published=True))]
    rows.append((Cell("clip, s (median, by its codes)"), Cell(clips_s), Cell("about 60", published=True)))
    if path.is_file():
        steps = read_protocol(path).steps
        rows += [
            (Cell("report, s at most"), Cell(steps.report_limit_s), Cell(25, published=True)),
            (Cell("neutral clip, s"), Cell(steps.neutral_s), Cell(30, published=True)),
        ]
    return PROTOCOL.done(
        sentences=(f"A participant saw {n_trials} clips (median).",),
        tables=(ItemTable("A session", ("what", "here", "MMME"), tuple(rows)),),
        differs=()
        if path.is_file()
        else ("The study has no protocol.yaml: times of report and rest are not known.",),
        values={"trials": n_trials, "clip_s": clips_s},
    )


def _shown(study: Study) -> tuple[float | None, int]:
    """Median length of a clip between its codes (s), and median number of trials."""
    import statistics

    from mien.dataset.synchronise import CLIP_CODES, REST_CODE

    lengths: list[float] = []
    numbers: list[int] = []
    for name in study.participants:
        session = study.session(name)
        trials, events = session.trials(), session.events()
        if trials is not None:
            numbers.append(len(trials))
        if events is None:
            continue
        begun: float | None = None
        for row in sorted(tables.rows(events.dropna(subset=["value"])), key=lambda row: row["onset"]):
            if row["value"] in CLIP_CODES:
                begun = float(row["onset"])
            elif row["value"] == REST_CODE and begun is not None:
                lengths.append(float(row["onset"]) - begun)
                begun = None
    clips_s = statistics.median(lengths) if lengths else None
    return clips_s, int(statistics.median(numbers)) if numbers else 0


SETUP = Item("figure-2", "What was recorded", "Figure 2", (), _setup, lambda _: reading(1.0))
PROTOCOL = Item("figure-3", "How a session went", "Figure 3", (), _protocol, lambda _: reading(1.0))
