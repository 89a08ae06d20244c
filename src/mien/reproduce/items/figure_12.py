"""Figure 12: one video from score to verdict."""

from __future__ import annotations

import numpy as np

from mien.evaluation.spotting_task import Recording
from mien.experiments.spot_study import StudySpotting
from mien.experiments.spotting_methods import find_spotter
from mien.metrics.matching import one_to_one
from mien.reproduce.item import Item, ItemFigure, ItemResult, LackingError
from mien.reproduce.items import table_10
from mien.reproduce.setting import Setting
from mien.spotting import Proposal


def _make(setting: Setting) -> ItemResult:
    from mien.report.pipeline_figure import pipeline_figure
    from mien.report.spotted_study import spotted_of, verdicts_of

    found = table_10.spotted(setting, heart=True)
    result, task = found.results[0], found.source.task
    method = find_spotter(str(result.record.method["name"]))
    folds = {int(row): fold.name for fold in result.request.settings().folds(task) for row in fold.test}
    counted = {number: _hits(one, _micro(result, one)) for number, one in enumerate(task.recordings)}
    if not any(hits for hits, _ in counted.values()):
        raise LackingError(
            setting.study,
            wanted="a video in which a coded micro-expression was found",
            got="none",
            remedy="see table-10",
        )
    number = max(counted, key=lambda key: (counted[key][0], -counted[key][1], -key))
    recording = task.recordings[number]
    spotted = spotted_of(task.videos[number], recording, result, method, folds[number])
    heart = found.hearts.get(recording.name)
    verdicts = verdicts_of(recording.name, spotted, heart, result.request.ccf)
    known = None if verdicts is None else verdicts.threshold_bpm_s[np.isfinite(verdicts.threshold_bpm_s)]
    hits, alarms = counted[number]
    micro = np.array([one.kind == "micro" for one in spotted.proposals], dtype=bool)
    kept = 0 if verdicts is None else int((verdicts.code[micro] == 1).sum())
    drawn = pipeline_figure(
        spotted,
        [one for one in recording.references if one.kind == "micro"],
        None if heart is None else heart.trace(heart.trial.heart.slope),
        verdicts,
        threshold_bpm_s=float(known[0]) if known is not None and len(known) else None,
    )
    return ITEM.done(
        sentences=(
            f"{recording.name}: {method.name} finds {hits} coded micro-expressions with {alarms} false "
            f"alarms; {kept} of {int(micro.sum())} of these proposals pass the heart filter. It is "
            "the video with most hits, chosen by its numbers and not at random.",
        ),
        figures=(
            ItemFigure(
                "From score to verdict",
                drawn,
                "Thresholds come from training people. Below: proposals are kept where the heart's slope at "
                "the apex, up or down, exceeds its trial's mean (dashed); the paper's equation 12 is signed.",
                participants=(recording.subject,),
            ),
        ),
        values={"video": recording.name, "hits": hits, "false alarms": alarms},
    )


def _micro(result: StudySpotting, recording: Recording) -> list[Proposal]:
    from mien.experiments.spot_exports import proposals_of

    return [one for one in proposals_of(result.record, recording.name) if one.kind == "micro"]


def _hits(recording: Recording, proposals: list[Proposal]) -> tuple[int, int]:
    """Coded micro-expressions that were found, and proposals that hit none."""
    coded = [
        (one.onset_s, one.offset_s) for one in recording.references if one.kind == "micro" and one.offset_s
    ]
    pairs = one_to_one(coded, [(one.onset_s, one.offset_s) for one in proposals])
    return pairs.tp, len(proposals) - pairs.tp


ITEM = Item("figure-12", "How one video is searched", "Figure 12", ("videos", "coding", "micro-expressions"),
            _make, table_10.cost, work="spotting")  # fmt: skip
