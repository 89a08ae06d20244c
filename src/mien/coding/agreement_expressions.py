"""The compared expressions one by one: a row for each matched pair and each missed expression."""

from __future__ import annotations

from mien.coding.agreement_matching import MatchedPair, MissedExpression
from mien.coding.agreement_result import PairAgreement
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.records import Json


def expression_rows(found: PairAgreement) -> list[dict[str, Json]]:
    """One row per matched pair and per missed expression, with times in s, differences in ms, units of both.

    In order of clips and onsets; what a coder did not mark is None.
    """
    told = [(_place(pair.clip, pair.first), _told_pair(pair)) for pair in found.matched]
    told += [(_place(one.clip, one.row), _told_missed(one)) for one in found.missed_expressions]
    return [row for _, row in sorted(told, key=lambda one: one[0])]


def _place(clip: CodedClip, row: CodedRow) -> tuple[float, str, float]:
    return clip.order, clip.key, row.times.onset_s if row.times else 0.0


def _told_pair(pair: MatchedPair) -> dict[str, Json]:
    return {
        **_told_clip("matched", pair.clip),
        "coder_1": pair.first.coder,
        "coder_2": pair.second.coder,
        **_told_row(pair.first, 1),
        **_told_row(pair.second, 2),
        "iou": pair.iou,
        "onset_ms": pair.onset_ms,
        "apex_ms": pair.apex_ms,
        "offset_ms": pair.offset_ms,
        "au_r": pair.au_r,
    }


def _told_missed(one: MissedExpression) -> dict[str, Json]:
    side = 1 if one.row.coder < one.missed_by else 2
    names = sorted((one.row.coder, one.missed_by))
    nothing = dict.fromkeys(("iou", "onset_ms", "apex_ms", "offset_ms", "au_r"))
    return {
        **_told_clip(f"missed by {one.missed_by}", one.clip),
        "coder_1": names[0],
        "coder_2": names[1],
        **_told_row(one.row if side == 1 else None, 1),
        **_told_row(one.row if side == 2 else None, 2),
        **nothing,
    }


def _told_clip(status: str, clip: CodedClip) -> dict[str, Json]:
    return {"status": status, "participant_id": clip.participant, "clip": clip.key}


def _told_row(row: CodedRow | None, side: int) -> dict[str, Json]:
    names = ("row", "onset_s", "apex_s", "offset_s", "kind", "action_units", "emotion")
    values: list[Json] = [None] * len(names)
    if row is not None and row.times is not None:
        at = row.times
        offset = at.offset_s if row.offset_observed else None
        units = ", ".join(map(str, row.action_units)) or None
        values = [row.row, at.onset_s, at.apex_s, offset, row.kind, units, row.emotion]
    return {f"{name}_{side}": value for name, value in zip(names, values, strict=True)}
