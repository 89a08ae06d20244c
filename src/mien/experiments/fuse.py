"""What `mien fuse` composes: study -> members -> answers of every fold -> ways of fusing -> records.

Members are trained once; every way of fusing then reads the same answers. The paper's own weighting, from
test predictions, is one of them: a leak, and named so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, to_json
from mien.core.time import FloatArray
from mien.dataset import open_study
from mien.evaluation import Settings
from mien.evaluation.members import (
    N_INNER_FOLDS,
    Member,
    MemberAnswers,
    answer_members,
    can_learn,
    plan_members,
    record_answers,
)
from mien.experiments.fuse_audio_visual import Attended, attend, estimate_joint, fuse_joint
from mien.experiments.fusion_request import FuseRequest
from mien.experiments.fusion_result import Fusion, Row, against_best
from mien.experiments.recognise import fit_seconds
from mien.experiments.study_members import PERIPHERAL, Progress, StudyMembers, read_study_members
from mien.jobs import Executor, Store, silent
from mien.recognition.fusion import PRIORS, RULES, WEIGHTS, DecisionFusion

FUSION_VERSION = 1
WITH_PRIOR = ("confusion", "product", "stacking")
"""Rules that weigh classes by a prior."""
HONEST: Mapping[str, Json] = {
    "name": "fixed",
    "words": "Weights come from out-of-fold answers of training subjects: an inner split of each fold. The "
    "test subject took no part; members are trained with their own parameters to their last epoch.",
    "leaks": False,
}
TEST_WEIGHTED: Mapping[str, Json] = {
    "name": "test-weighted",
    "words": "LEAK: weights come from the members' answers to the test subjects themselves. The number is "
    "too high on average and stands here only to show by how much.",
    "leaks": True,
}
_SEED = 20190519


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a member will take: folds, those done, and seconds of one core for the rest."""

    member: str
    method: str
    n_jobs: int
    n_done: int
    core_s: float

    def as_json(self) -> dict[str, Json]:
        """The fields by name."""
        return asdict(self)


def estimate(request: FuseRequest, *, progress: Progress = lambda _: nullcontext(silent)) -> list[Estimate]:
    """How long the request would take, from one or two epochs of every member on its first fold.

    What is missing of the measurements is measured first.
    """
    source = _source(request, Store(request.out / "store"), request.executor(), progress)
    settings = request.settings()
    store = Store(request.out / "store")
    if request.is_joint:
        return [Estimate(*one) for one in estimate_joint(source, request, store)]
    plan = plan_members(source.task, source.members, settings)
    found = []
    for number, member in enumerate(source.members):
        keys = [job.key for job in plan.jobs if job.arguments["member"] == number]
        done = sum(store.wall_s(key) is not None for key in keys)
        rows = _learnable(source, member, settings)
        once = 0.0
        if rows is not None:
            with progress(f"one epoch of {member.method.name}"):
                once = fit_seconds(member.method, member.inputs(rows), source.task.y[rows])
        # Inner groups each learn from all but one of them.
        fits = 1 + (N_INNER_FOLDS - 1)
        found.append(
            Estimate(member.name, member.method.name, len(keys), done, once * fits * (len(keys) - done))
        )
    return found


def _learnable(source: StudyMembers, member: Member, settings: Settings) -> NDArray[np.int64] | None:
    """The member's training samples in the first fold from which it can learn; None without such a fold."""
    for fold in settings.folds(source.task):
        rows = fold.train[member.has(fold.train)]
        if can_learn(source.task, rows):
            return rows
    return None


def fuse(request: FuseRequest, *, progress: Progress = lambda _: nullcontext(silent)) -> Fusion:
    """Measure, train every member in every fold, fuse, and write one record a row into `out/records`.

    Finished folds and measurements are kept in `out/store`; a run that was killed goes on where it stopped.

    Raises
    ------
    MienError
        For whatever is wrong with the study, an option or a fold.
    """
    store = Store(request.out / "store")
    store.sweep()
    executor = request.executor()
    source = _source(request, store, executor, progress)
    if request.is_joint:
        return fuse_joint(source, request, store=store, executor=executor, progress=progress)
    with progress("members, inner and outer folds") as show:
        answers = answer_members(
            source.task, source.members, request.settings(), store=store, executor=executor, progress=show
        )
    return fuse_answers(source, answers, request)


def check_attention(request: FuseRequest) -> None:
    """Raise OptionError unless one method with attention reads face and voice at once."""
    if request.chosen_rule not in ("amf-style", "av-symmetric"):
        raise OptionError(
            "--attention",
            wanted="the modalities me,speech read by amf-style or av-symmetric",
            got=f"{','.join(request.modalities)} by {request.chosen_rule}",
            remedy="leave it out",
        )


def attended(request: FuseRequest) -> Attended | None:
    """What one answer drew from the sound, of a request whose measurements are kept already.

    Raises OptionError as `check_attention`.
    """
    check_attention(request)
    source = _source(request, Store(request.out / "store"), request.executor(), lambda _: nullcontext(silent))
    return attend(source, request)


def _source(request: FuseRequest, store: Store, executor: Executor, progress: Progress) -> StudyMembers:
    return read_study_members(
        open_study(request.study),
        request.chosen_methods(),
        n_classes=request.n_classes,
        kinds=request.kinds,
        face=request.face,
        around=request.around,
        store=store,
        executor=executor,
        progress=progress,
        keep_silent=request.is_joint,
    )


def fuse_answers(source: StudyMembers, answers: MemberAnswers, request: FuseRequest) -> Fusion:
    """Every way of fusing the answers, as records.

    Raises DataError if no member answered anybody, or nobody's answers could be weighed.
    """
    _check_answers(answers)
    first = DecisionFusion(request.chosen_rule, request.chosen_weight, request.smoothing)
    write = _Writer(source, answers, request.out / "records")
    members = tuple(write.member(number) for number in range(len(answers.members)))
    every = tuple(range(len(answers.members)))
    bodies = tuple(n for n in every if answers.members[n].name in PERIPHERAL)
    peripheral = None
    if 1 < len(bodies) < len(every):
        peripheral = write.fusion("peripheral", first, bodies)
    fused = write.fusion("fused", first, every)
    weights, ties = write.weights, write.ties
    others = [
        write.fusion(name, other, every, alternative=True)
        for name, other in ways_of_fusing(request.smoothing).items()
        if _decides(other) != _decides(first)
    ]
    if _learns(first):
        others.append(write.leak(first, every))
    best, comparison, n_compared, gain = against_best(fused, members, seed=request.seed)
    return Fusion(
        task=source.task,
        coverage=source.coverage(),
        sessions=to_json(source.about),  # type: ignore[arg-type]
        members=members,
        peripheral=peripheral,
        fused=fused,
        others=tuple(others),
        weights=weights,
        ties=ties,
        best=best,
        comparison=comparison,
        n_compared=n_compared,
        gain=gain,
    )


def _check_answers(answers: MemberAnswers) -> None:
    weighed = any(np.isfinite(one.out_of_fold).any() and np.isfinite(one.test).any() for one in answers.folds)
    if weighed:
        return
    refused = {name: why for one in answers.folds for name, why in one.refused.items()}
    why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
    raise DataError(
        answers.task.name,
        wanted="training subjects enough for members to answer out of fold: two with two classes, or more",
        got=why or "members that cannot learn from any part of the training subjects",
        remedy="add participants, or take another --split",
    )


def _learns(one: DecisionFusion) -> bool:
    """Whether a fusion learns anything from answers."""
    rule, weight, _ = _decides(one)
    return rule in ("confusion", "stacking", "dempster-shafer") or weight not in (None, "equal")


def ways_of_fusing(smoothing: float = 1.0) -> dict[str, DecisionFusion]:
    """Every rule with everything that it can be given, by name."""
    found = {}
    for rule in RULES:
        if rule == "vote":
            for weight in WEIGHTS:
                found[f"vote, {weight}"] = DecisionFusion(rule, weight, smoothing)
        elif rule in WITH_PRIOR:
            for prior in PRIORS:
                found[f"{rule}, {prior} prior"] = DecisionFusion(rule, smoothing=smoothing, prior=prior)
        else:
            found[rule] = DecisionFusion(rule, smoothing=smoothing)
    return found


def words_of(one: DecisionFusion) -> str:
    """A fusion by its rule and what the rule is given."""
    rule, weight, prior = _decides(one)
    return rule + (f", {weight}" if weight else "") + (f", {prior} prior" if prior else "")


def _decides(one: DecisionFusion) -> tuple[str, str | None, str | None]:
    """What of a fusion's parameters its rule looks at."""
    rule = one.rule
    return rule, one.weight if rule == "vote" else None, one.prior if rule in WITH_PRIOR else None


class _Writer:
    """Turns answers into records; `weights` and `ties` are those of the fusion written last."""

    def __init__(self, source: StudyMembers, answers: MemberAnswers, folder: Path) -> None:
        self.source, self.answers, self.folder = source, answers, folder
        self.weights: dict[str, dict[str, dict[str, float]]] = {}
        self.ties: dict[str, int] = {}
        self.whole = answers.test

    def member(self, number: int) -> Row:
        one = self.answers.members[number]
        scores = self.whole[number]
        known = np.isfinite(scores).all(axis=1)
        estimate = np.where(known, np.nan_to_num(scores).argmax(axis=1), -1)
        reasons = dict(self.source.missing.get(one.name, {}))
        warnings = []
        for answers in self.answers.folds:
            if one.name in answers.refused:
                warnings.append(f"{answers.fold.name}: {answers.refused[one.name]}")
                for row in answers.fold.test:
                    reasons.setdefault(self.answers.task.sample_ids[row], answers.refused[one.name])
        described: dict[str, Json] = {
            "name": one.method.name,
            "label": f"{one.name} ({one.method.name})",
            "version": one.method.version,
            "modality": one.name,
            "parameters": to_json(one.method.parameters),
            "candidates": [],
        }
        versions = one.method.library_versions()
        return self._row(one.name, scores, estimate, described, versions, HONEST, reasons, None, warnings)

    def fusion(
        self, name: str, rule: DecisionFusion, chosen: Sequence[int], *, alternative: bool = False
    ) -> Row:
        """Fused fold by fold, with what was learned from out-of-fold answers."""
        return self._fused(name, rule, chosen, HONEST, leak=False, alternative=alternative)

    def leak(self, rule: DecisionFusion, chosen: Sequence[int]) -> Row:
        """The same with weights from the answers to test subjects, the fused ones among them."""
        return self._fused(TEST_WEIGHTED["name"], rule, chosen, TEST_WEIGHTED, leak=True, alternative=True)

    def _fused(
        self,
        name: Any,
        rule: DecisionFusion,
        chosen: Sequence[int],
        protocol: Mapping[str, Json],
        *,
        leak: bool,
        alternative: bool,
    ) -> Row:
        task, picked = self.answers.task, list(chosen)
        names = [self.answers.members[n].name for n in picked]
        scores = np.full((len(task), len(task.classes)), np.nan)
        estimate = np.full(len(task), -1, dtype=np.int64)
        told: list[Json] = [{} for _ in range(len(task))]
        self.weights, self.ties = {}, {}
        warnings = []
        for answers in self.answers.folds:
            fold = answers.fold
            learned, y = answers.out_of_fold[picked], task.y[fold.train]
            if leak:
                learned, y = self.whole[picked], task.y
            if not np.isfinite(learned).any():
                warnings.append(f"{fold.name}: no member has an answer to any training sample")
                continue
            fitted = DecisionFusion(**rule.get_params()).fit(learned, y, len(task.classes))
            fused = fitted.fuse(answers.test[picked])
            scores[fold.test], estimate[fold.test] = fused.scores, fused.estimate
            self.weights[fold.name] = {
                name: dict(zip(task.classes, map(float, row), strict=True))
                for name, row in zip(names, fitted.weights_, strict=True)
            }
            for place, row in enumerate(fold.test):
                told[row] = {
                    "members": [
                        name for name, took in zip(names, fused.members[:, place], strict=True) if took
                    ],
                    "tie": str(fused.tie[place]),
                }
                if fused.tie[place]:
                    self.ties[str(fused.tie[place])] = self.ties.get(str(fused.tie[place]), 0) + 1
            absent = [one for one in names if one in answers.refused]
            if absent:
                warnings.append(f"{fold.name}: without {', '.join(absent)}: {answers.refused[absent[0]]}")
        described: dict[str, Json] = {
            "name": "decision-fusion",
            "label": f"{'+'.join(names)}: {words_of(rule)}",
            "alternative": alternative,
            "version": FUSION_VERSION,
            "parameters": to_json(rule.get_params()),
            "candidates": [],
            "members": [
                {
                    "modality": one.name,
                    "method": one.method.name,
                    "parameters": to_json(one.method.parameters),
                }
                for one in (self.answers.members[n] for n in picked)
            ],
            "weights": to_json(self.weights),
        }
        versions = {
            key: value
            for n in picked
            for key, value in self.answers.members[n].method.library_versions().items()
        }
        return self._row(str(name), scores, estimate, described, versions, protocol, {}, told, warnings)

    def _row(
        self,
        name: str,
        scores: FloatArray,
        estimate: NDArray[np.int64],
        described: Mapping[str, Json],
        versions: Mapping[str, str],
        protocol: Mapping[str, Json],
        reasons: Mapping[str, str],
        told: list[Json] | None,
        warnings: Sequence[str],
    ) -> Row:
        record = record_answers(
            self.answers,
            scores,
            estimate,
            method=described,
            versions=versions,
            protocol=protocol,
            why_missing=reasons,
            chosen=told,
            warnings=warnings,
        )
        return Row(name, record, record.write(self.folder))
