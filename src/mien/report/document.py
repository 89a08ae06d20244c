"""The report as one HTML file: an answer in sentences, then tables, figures, protocol and origin."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien import __version__
from mien.core.errors import DataError
from mien.core.records import ResultRecord, read_record, write_atomically
from mien.dataset import may_leave
from mien.dataset.consent import CONSENT_WORDS
from mien.evaluation import Comparison, RecordScores, compare_records, score_record
from mien.report.figures import confusion_figure, interval_figure, subject_figure
from mien.report.number_words import brief, interval, number, p_value, several
from mien.report.spotting_section import spotting_sections

METRIC_NAMES = {"accuracy": "accuracy", "weighted_f1": "weighted F1", "uf1": "UF1", "uar": "UAR"}


@dataclass(frozen=True, slots=True)
class Run:
    """One record with what is derived from it."""

    record: ResultRecord
    scores: RecordScores
    path: Path

    @property
    def title(self) -> str:
        name = self.record.method.get("label", self.record.method["name"])
        return f"{name} ({self.record.protocol['name']})"

    @property
    def leaks(self) -> bool:
        return bool(self.record.protocol["leaks"])

    @property
    def alternative(self) -> bool:
        """Whether it is one of several readings of the same answers, and not the one that was asked for."""
        return bool(self.record.method.get("alternative"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that consent allows to be shown."""

    data_uri: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """The runs on one dataset, with everything the page says about them."""

    name: str
    runs: tuple[Run, ...]
    sentences: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    intervals_svg: str
    confusion_svgs: tuple[str, ...]
    subject_svgs: tuple[str, ...]
    pictures: tuple[Picture, ...]
    withheld: str | None
    consent: dict[str, int] = field(default_factory=dict)


def read_records(paths: Sequence[Path]) -> list[tuple[ResultRecord, Path]]:
    """The records at the given paths; a folder stands for all records in it.

    Raises
    ------
    DataError
        If a path is no record, or a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise DataError(
                path,
                wanted="a folder with result records",
                got="none in it",
                remedy="name the records folder that a run printed",
            )
        found += inside
    return [(read_record(path), path) for path in dict.fromkeys(found)]


def write_report(paths: Sequence[Path], destination: Path) -> Path:
    """Write the report of the records as one self-contained HTML file and return its path."""
    write_atomically(destination, make_report(read_records(paths)).encode())
    return destination


def make_report(records: Sequence[tuple[ResultRecord, Path]]) -> str:
    """The HTML of a report; runs on the same dataset share a section, recognition first, then spotting.

    Raises
    ------
    DataError
        If there is no record, or what one says of its heart-rate filter is not of its rows.
    """
    if not records:
        raise DataError("report", wanted="at least one record", got="none", remedy="name the records")
    spotted = [(record, path) for record, path in records if record.task == "spotting"]
    sections = _sections([(record, path) for record, path in records if record.task != "spotting"])
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(brief=brief, interval=interval, number=number, p=p_value, several=several)
    subjects = [word for word, there in (("spotting", spotted), ("recognition", sections)) if there]
    return environment.get_template("report.html").render(
        subject=" and ".join(subjects),
        sections=sections,
        spotting=spotting_sections(spotted),
        metrics=METRIC_NAMES,
        version=__version__,
    )


def _sections(records: Sequence[tuple[ResultRecord, Path]]) -> list[Section]:
    """The sections of records of recognition."""
    groups: dict[str, list[Run]] = {}
    for record, path in records:
        run = Run(record, score_record(record), path)
        groups.setdefault(str(record.dataset["digest"]), []).append(run)
    return [_section(runs) for runs in groups.values()]


def _section(runs: list[Run]) -> Section:
    first = runs[0]
    rows = [(run.title, run.scores.scores, run.leaks) for run in runs]
    if all(run.record.method["name"] != "majority" for run in runs):
        rows.append(("majority", first.scores.baselines["majority"], False))
    pictures, withheld = _pictures(runs)
    words = [CONSENT_WORDS[level] for level in first.record.participants.values()]
    return Section(
        name=str(first.record.dataset["name"]),
        runs=tuple(runs),
        sentences=tuple(_sentences(runs)),
        comparisons=tuple(compare_records([run.record for run in _comparable(runs)])),
        intervals_svg=interval_figure(rows, first.scores.baselines["chance"]),
        confusion_svgs=tuple(confusion_figure(run.scores, run.title) for run in runs),
        subject_svgs=tuple(subject_figure(run.scores.per_subject_accuracy, run.title) for run in runs),
        pictures=pictures,
        withheld=withheld,
        consent={word: words.count(word) for word in dict.fromkeys(words)},
    )


def _comparable(runs: list[Run]) -> list[Run]:
    """The runs that answer the same samples as the first, without alternative readings of them."""
    asked = [run for run in runs if not run.alternative] or runs
    same = asked[0].record.samples["sample_id"]
    return [run for run in asked if run.record.samples["sample_id"] == same]


def _sentences(runs: list[Run]) -> list[str]:
    """The answer: the best run that leaks nothing, beside majority and chance; then what leaks.

    Alternative readings of the same answers do not take part: the best of many is best by luck too.
    """
    honest = [run for run in runs if not run.leaks] or runs
    honest = [run for run in honest if not run.alternative] or honest
    best = max(honest, key=lambda run: run.scores.scores["uf1"].value)
    base = best.scores.baselines
    dataset = best.record.dataset
    uf1, uar = best.scores.scores["uf1"], best.scores.scores["uar"]
    said = [
        f"On {best.scores.n_samples} samples of {best.scores.n_subjects} subjects ({dataset['name']}), "
        f"{best.title} names the class with UF1 {interval(uf1)} and UAR {interval(uar)}; "
        f"always answering the majority class gives {base['majority']['uf1'].value:.3f} and "
        f"{base['majority']['uar'].value:.3f}, guessing {base['chance']['uf1'].value:.3f} and "
        f"{base['chance']['uar'].value:.3f}."
    ]
    if uf1.low <= base["chance"]["uf1"].high:
        said.append("Its interval reaches into the range of guessing: this result does not show recognition.")
    for run in runs:
        partner = next((r for r in honest if r.record.method == run.record.method and not r.leaks), None)
        if run.leaks and partner is not None:
            gain = run.scores.scores["uf1"].value - partner.scores.scores["uf1"].value
            said.append(
                f"Choosing on the test subject would have moved {run.record.method['name']} by {gain:+.3f} "
                f"in UF1: that is the size of the leak, not of any skill."
            )
    return said


def _pictures(runs: list[Run]) -> tuple[tuple[Picture, ...], str | None]:
    """The example pictures that consent allows, and a sentence on those it does not."""
    shown, left_out = [], 0
    for run in runs[:1]:  # runs on one dataset share their examples
        levels = run.record.participants
        for artefact in run.record.artefacts:
            allowed = [may_leave(artefact.shows, levels.get(who)) for who in artefact.participants]  # type: ignore
            file = (run.path.parent / artefact.path).resolve()
            inside = file.is_relative_to(run.path.parent.parent.resolve())
            if not allowed or not all(allowed):
                left_out += 1
            elif inside and file.is_file():
                data = base64.b64encode(file.read_bytes()).decode()
                shown.append(
                    Picture(f"data:image/png;base64,{data}", Path(artefact.path).stem.rsplit("-", 1)[0])
                )
    if not left_out:
        return tuple(shown), None
    verb = "picture is" if left_out == 1 else "pictures are"
    return tuple(shown), f"{left_out} {verb} left out: the participants' consent does not cover publication."
