"""Agreement of a study's coders: its coding tables, and which clips each coder coded.

Conventions: a clip is one run of one participant. Which runs a coder has gone through is what the coding
bench wrote beside the coder's table (`dataset.coded_runs`); where nobody says, a coder with a table of a
participant has coded all of the participant's runs, also those without a row. `coded` knows better than both.
Rows in a run that their coder has not gone through are left out and counted as "clip-not-finished".
"unmerged" is no coder. "final", the adjudicated table, was made from the others: it is a coder only where
that is asked for, and in the runs where it says that it holds. The order of clips is that of participants in
`participants.tsv`, then of runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mien.coding.agreement import coder_agreement
from mien.coding.agreement_result import Agreement, AgreementSettings
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.errors import DataError, MienError
from mien.dataset import layout
from mien.dataset.coded_runs import read_coded_runs
from mien.dataset.expressions import NOT_FINISHED, CodedExpression, read_expressions
from mien.dataset.study import Study, StudySession

Coded = Mapping[tuple[str, int], Collection[str]]
"""Who coded which clip, by participant and run."""


def agreement_of_study(
    study: Study,
    settings: AgreementSettings | None = None,
    *,
    final: bool = False,
    coded: Coded | None = None,
) -> Agreement:
    """How far the coders of a study agree.

    Parameters
    ----------
    final
        Take the adjudicated table as a coder beside the others.
    coded
        Who coded which clip, where that is known; clips that are not named were coded by nobody.

    Raises
    ------
    DataError
        If a table cannot be read, no two coders coded the same clip, or no clip is adjudicated with `final`.
    """
    rows, clips = read_coded(study, final=final, coded=coded)
    try:
        return coder_agreement(rows, clips, settings)
    except MienError as error:
        if error.subject != "agreement":
            raise
        raise type(error)(study.folder, wanted=error.wanted, got=error.got, remedy=error.remedy) from error


def read_coded(
    study: Study, *, final: bool = False, coded: Coded | None = None
) -> tuple[list[CodedRow], list[CodedClip]]:
    """The rows of a study's coders, and the clips they coded, in order."""
    rows: list[CodedRow] = []
    clips: list[CodedClip] = []
    for participant in study.participants:
        session = study.session(participant)
        found = [row for row in _rows(session, final) if row.coder != layout.UNMERGED]
        runs = sorted({*session.videos(), *(row.run for row in found)})
        through = coded if coded is not None else _gone_through(study, session, runs)
        for run in sorted({*runs, *(run for who, run in through if who == participant)}):
            names = set(through.get((participant, run), ())) - {layout.UNMERGED}
            names -= set() if final else {layout.FINAL}
            if names:
                clips.append(
                    CodedClip(clip_key(participant, run), participant, tuple(sorted(names)), len(clips))
                )
        rows += [_coded_row(row, row.coder in through.get((participant, row.run), ())) for row in found]
    if final and not any(layout.FINAL in clip.coders for clip in clips):
        raise DataError(
            study.folder,
            wanted="a clip that is adjudicated",
            got="none",
            remedy="leave out the final table, or finish adjudication",
        )
    return rows, clips


def _rows(session: StudySession, final: bool) -> list[CodedExpression]:
    """Every coder's rows; the final ones, in the runs where they hold, only where they are asked for."""
    found = read_expressions(session, every_coder=True)
    if final:
        found += [row for row in read_expressions(session) if row.coder == layout.FINAL]
    return found


def _gone_through(study: Study, session: StudySession, runs: Sequence[int]) -> Coded:
    """The coders of each run of one participant, by what stands beside their tables."""
    coders: dict[tuple[str, int], set[str]] = {}
    for coder in session.coding():
        said = read_coded_runs(study.folder, session.participant_id, coder)
        if said is None and coder == layout.FINAL:
            said = set()  # a final table holds where it says so
        for run in runs if said is None else said:
            coders.setdefault((session.participant_id, run), set()).add(coder)
    return coders


def clip_key(participant: str, run: int) -> str:
    """The name of a clip, as in sub-001 run 2."""
    return f"{participant} run {run}"


def _coded_row(row: CodedExpression, finished: bool) -> CodedRow:
    return CodedRow(
        clip=clip_key(row.participant_id, row.run),
        coder=row.coder,
        times=row.times if finished else None,
        kind=row.kind,
        action_units=row.action_units,
        emotion=row.emotion,
        offset_observed=row.offset_observed,
        unused=row.unused if finished else NOT_FINISHED,
        row=row.row,
    )
