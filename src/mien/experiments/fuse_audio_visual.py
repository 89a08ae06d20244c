"""Face and voice read by one network: AMF-style and what it is compared with, on the same samples.

Modalities alone are the same encoders without the other one; every method is trained in each fold by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import canonical_json, digest_arrays
from mien.core.time import FloatArray
from mien.evaluation import Method, Task, evaluate_method
from mien.evaluation.method import class_scores
from mien.evaluation.run import plan_evaluation
from mien.evaluation.task import Unmeasured
from mien.experiments.fusion_request import ALONE, JOINT, FuseRequest
from mien.experiments.fusion_result import Fusion, Row, against_best
from mien.experiments.methods import find_method
from mien.experiments.recognise import fit_seconds
from mien.experiments.study_members import FACE, Progress, StudyMembers
from mien.jobs import Executor, Store


def audio_visual_task(source: StudyMembers) -> Task:
    """The samples that have a face, a voice or both; others are unmeasured, with both reasons.

    Raises DataError if nobody has a face and a voice.
    """
    members = {member.name: member for member in source.members}
    if set(members) != {FACE, "speech"}:
        lacking = " and ".join(sorted({FACE, "speech"} - set(members)))
        raise DataError(
            source.task.name,
            wanted="expressions with face and voice",
            got=f"none with {lacking}",
            remedy="look at mien describe; the sound of a run is its _audio.wav",
        )
    whole = source.task
    face, voice = members[FACE], members["speech"]
    rows = np.union1d(face.rows, voice.rows)
    X = np.zeros(len(rows), dtype=voice.X.dtype)
    seen, heard = np.searchsorted(rows, face.rows), np.searchsorted(rows, voice.rows)
    X["visual"][seen], X["seen"][seen] = face.X, True
    for name in ("audio", "heard", "voiced"):
        X[name][heard] = voice.X[name]
    present = [code for code in range(len(whole.classes)) if code in whole.y[rows]]
    classes = tuple(whole.classes[code] for code in present)
    names = [whole.sample_ids[row] for row in rows]
    told = [names, list(classes), [whole.subjects[row] for row in rows]]
    lost = [
        Unmeasured(
            whole.sample_ids[row],
            whole.subjects[row],
            whole.classes[whole.y[row]],
            "; ".join(f"{name}: {why.get(whole.sample_ids[row])}" for name, why in source.missing.items()),
        )
        for row in np.setdiff1d(np.arange(len(whole)), rows)
    ]
    y = np.searchsorted(present, whole.y[rows])
    return Task(
        name=whole.name,
        digest=digest_arrays(X, y, np.frombuffer(canonical_json(told), dtype=np.uint8)),
        X=X,
        y=y.astype(np.int64),
        classes=classes,
        sample_ids=tuple(names),
        subjects=tuple(whole.subjects[row] for row in rows),
        datasets=tuple(whole.datasets[row] for row in rows),
        consent=whole.consent,
        unmeasured=(*whole.unmeasured, *lost),
        about=dict(whole.about),
    )


def joint_methods(request: FuseRequest) -> Iterator[tuple[str, Method]]:
    """Name of the row, and method: each modality alone, the one asked for, and the others."""
    yield from request.chosen_methods().items()
    for name in (request.chosen_rule, *(one for one in JOINT if one != request.chosen_rule)):
        yield name, joint_method(name, request)


def joint_method(name: str, request: FuseRequest) -> Method:
    """A method that reads both, with the parameters that were asked for as those of "me"."""
    own = {
        key.partition(".")[2]: value
        for key, value in request.changes.items()
        if key.partition(".")[0] == FACE
    }
    return find_method(name, epochs=request.epochs, device=request.device, changes=own)


def fuse_joint(
    source: StudyMembers, request: FuseRequest, *, store: Store, executor: Executor, progress: Progress
) -> Fusion:
    """Evaluate every method on the same samples; raises DataError if nobody has a face and a voice."""
    task = audio_visual_task(source)
    rows = []
    for name, method in joint_methods(request):
        with progress(method.name) as show:
            record = evaluate_method(
                task, method, request.settings(), store=store, executor=executor, progress=show
            )
        rows.append(Row(name, record, record.write(request.out / "records")))
    members, fused, others = tuple(rows[: len(ALONE)]), rows[len(ALONE)], tuple(rows[len(ALONE) + 1 :])
    fused = Row("fused", fused.record, fused.path)
    best, comparison, n_compared, gain = against_best(fused, members, seed=request.seed)
    return Fusion(
        task=task,
        coverage=source.coverage(),
        sessions={},
        members=members,
        peripheral=None,
        fused=fused,
        others=others,
        weights={},
        ties={},
        best=best,
        comparison=comparison,
        n_compared=n_compared,
        gain=gain,
    )


def estimate_joint(
    source: StudyMembers, request: FuseRequest, store: Store
) -> Iterator[tuple[str, str, int, int, float]]:
    """Row, method, folds, those done, and seconds of one core for the rest."""
    task = audio_visual_task(source)
    train = next(iter(request.settings().folds(task))).train
    for name, method in joint_methods(request):
        keys = [job.key for job in plan_evaluation(task, method, request.settings()).jobs]
        done = sum(store.wall_s(key) is not None for key in keys)
        once = fit_seconds(method, task.X[train], task.y[train])
        yield name, method.name, len(keys), done, once * (len(keys) - done)


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """What an answer about a test subject drew from the sound; arrays over the window's frames (n_frames,).

    Parameters
    ----------
    name, participant, consent_level
        Of the expression, whose it is, and what they consented to.
    method, label, probability
        Whose answer, and how sure it is of it.
    attention
        Weights, adding up to 1 over frames with speech.
    levels_db, heard, voiced, times_s
        The sound: log-mel levels (n_frames, n_bands), its masks, and seconds from the apex.
    """

    name: str
    participant: str
    consent_level: int | None
    method: str
    label: str
    probability: float
    attention: FloatArray
    levels_db: NDArray[np.float32]
    heard: NDArray[np.bool_]
    voiced: NDArray[np.bool_]
    times_s: FloatArray


def attend(source: StudyMembers, request: FuseRequest) -> Attended | None:
    """The clearest right answer to a test subject in the first fold, the method being trained once more.

    Subjects who consented to publication come first. None where no test subject speaks, or the method has no
    attention.
    """
    task = audio_visual_task(source)
    method = joint_method(request.chosen_rule, request)
    recogniser = method.build(seed=request.seed, **method.parameters)
    fold = next(iter(request.settings().folds(task)))
    spoken = fold.test[task.X["voiced"][fold.test].any(axis=1) & task.X["seen"][fold.test]]
    if not hasattr(recogniser, "attention") or not len(spoken):
        return None
    recogniser.fit(task.X[fold.train], task.y[fold.train])
    chances = class_scores(recogniser, task.X[spoken], n_classes=len(task.classes))
    right = chances.argmax(axis=1) == task.y[spoken]
    published = np.array([task.consent.get(task.subjects[row]) == 1 for row in spoken])
    best = int(np.lexsort((chances.max(axis=1), right, published))[-1])
    row = spoken[best]
    one = task.X[row]
    n_frames = len(one["heard"])
    step_s = request.around.speech_s / n_frames
    return Attended(
        name=task.sample_ids[row],
        participant=task.subjects[row],
        consent_level=task.consent.get(task.subjects[row]),
        method=method.name,
        label=task.classes[int(chances[best].argmax())],
        probability=float(chances[best].max()),
        attention=recogniser.attention(task.X[row : row + 1])[0],
        levels_db=np.where(one["heard"][:, None], one["audio"], np.nan),
        heard=one["heard"],
        voiced=one["voiced"],
        times_s=(np.arange(n_frames, dtype=np.float64) + 0.5) * step_s - request.around.speech_s / 2,
    )
