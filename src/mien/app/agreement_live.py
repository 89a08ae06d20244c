"""Agreement between coders from the bench's store, as it is now: what `mien agreement` computes from tables.

Clips count whose coding is over, and whose sheets the reader may see side by side: who still codes a clip
learns nothing of the others from a number. Intervals take fewer draws than the command's, for the sake of
waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mien.app.bench import Bench
from mien.app.study_clips import clip_id
from mien.coding.adjudication import expression_of
from mien.coding.agreement import coder_agreement
from mien.coding.agreement_result import AgreementSettings
from mien.coding.annotation import Annotation, derived_kind
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.coding.stages import ClipState, Coder, may_see_sheet
from mien.core.errors import MienError

_DRAWS = 500


def live_agreement(bench: Bench, who: Coder) -> dict[str, Any]:
    """As `mien agreement --json`; where nothing can be compared, `n_pairs` is 0 and `problem` says why."""
    clips: list[CodedClip] = []
    rows: list[CodedRow] = []
    for state in bench.store.clips():
        if state.stage != "code" and all(may_see_sheet(who, state, coder) for coder in state.coders):
            key = clip_id(state.participant, state.run)
            clips.append(CodedClip(key, state.participant, tuple(sorted(state.coders)), len(clips)))
            rows += _rows(bench, state, key)
    try:
        found = coder_agreement(rows, clips, AgreementSettings(n_resamples=_DRAWS)).as_json()
    except MienError as error:
        return {"n_pairs": 0, "problem": str(error)}
    assert isinstance(found, dict)
    return found


def _rows(bench: Bench, state: ClipState, key: str) -> Iterator[CodedRow]:
    clip = bench.clips.get(key)
    try:
        times: Sequence[float] = [] if clip is None else bench.clips.times_s(clip).tolist()
    except MienError:
        times = []
    for coder in state.coders:
        for number, kept in enumerate(bench.store.sheet(state.participant, state.run, coder).expressions, 1):
            if kept.annotation is not None:
                yield _row(key, coder, number, kept.annotation, times)


def _row(key: str, coder: str, number: int, said: Annotation, times: Sequence[float]) -> CodedRow:
    at = expression_of(coder, said, times)
    return CodedRow(
        clip=key,
        coder=coder,
        times=at,
        kind=derived_kind(said, times),
        action_units=said.action_units,
        emotion=said.emotion,
        offset_observed=at is not None and at.offset_s is not None and at.offset_s != at.apex_s,
        unused=None if at is not None else "no-onset" if said.onset is None else "order",
        row=number,
    )
