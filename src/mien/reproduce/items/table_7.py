"""Tables 7 and 8, Figures 9 and 10; AMF-Net's table: what fusing face, brain, body and voice is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mien.core.records import ResultRecord
from mien.evaluation import evaluate_method, score_record
from mien.experiments import find_method
from mien.experiments.fuse import fuse
from mien.experiments.fusion_request import ALONE, DEFAULT_METHODS, JOINT, FuseRequest
from mien.experiments.fusion_result import Fusion, Row
from mien.features.around_apexes import RECORDERS
from mien.jobs import Store
from mien.reproduce import published
from mien.reproduce.costs import MEMBER_FITS, Work, around_apexes, faces, total, training
from mien.reproduce.counts import counts
from mien.reproduce.item import Answer, Cell, Cost, Item, ItemFigure, ItemResult, ItemTable
from mien.reproduce.needs import Need, missing
from mien.reproduce.setting import Setting
from mien.reproduce.verdicts import CHANCE_FACTOR, answer_by_several, chance_p

_METRICS = ("accuracy", "weighted_f1", "uf1", "uar")
_BODY = ("ecg", "eda", "ppg", "rsp", "skt")


def modalities_of(setting: Setting) -> tuple[str, ...]:
    """Face, brain and the peripheral signals, as far as the study has them."""
    study = setting.opened()
    found: list[str] = []
    if not list(missing(study, ("videos",))):
        found.append("me")
    if not list(missing(study, ("eeg",))):
        found.append("eeg")
    kinds = {signal.name for name in study.participants for signal in study.session(name).physio()}
    return (*found, *(kind for kind in _BODY if kind in kinds))


def fused(setting: Setting, modalities: Sequence[str], n_classes: int) -> Fusion:
    """The fusion, kept below `out` like that of `mien fuse`."""
    request = FuseRequest(
        study=setting.study,
        modalities=tuple(modalities),
        out=setting.out,
        n_classes=n_classes,
        epochs=setting.budget,
        n_workers=setting.n_workers,
        dask=setting.dask,
        seed=setting.seed,
    )
    return fuse(request, progress=setting.progress)


WORDS = {"me": "face", "eeg": "EEG", "ecg": "ECG", "eda": "EDA", "ppg": "PPG", "rsp": "RSP", "skt": "SKT",
         "speech": "voice", "peripheral": "body", "fused": "fused"}  # fmt: skip
"""What modalities are called in reports."""

_PRINTED = {"me": "ME", "eeg": "EEG", "peripheral": "PERI"}


def _row(row: Row, theirs: tuple[float, ...] | None) -> tuple[Cell, ...]:
    scores = score_record(row.record).scores
    word = always(row.record)
    made = [Cell(WORDS.get(row.name, row.name) + (f" (names '{word}' every time)" if word else ""))]
    for k, metric in enumerate(_METRICS):
        one = scores[metric]
        printed = None if theirs is None else theirs[k] / (100 if k == 0 else 1)
        made.append(Cell(one.value, one.low, one.high, theirs=printed))
    return tuple(made)


def _columns() -> tuple[str, ...]:
    return ("what", "accuracy", "weighted F1", "UF1", "UAR")


def _table(setting: Setting, item: Item, n_classes: int) -> ItemResult:
    from mien.report.fusion_figures import confusion_grid, recall_figure

    modalities = modalities_of(setting)
    if len(modalities) < 2:
        return item.lacking(
            f"fusing needs two modalities or more, the study has {', '.join(modalities) or 'none'}"
        )
    found = fused(setting, modalities, n_classes)
    theirs = published.FUSION[n_classes]
    # Without an answer (no expression with this signal) a member has no score: left_out says why.
    members = [one for one in found.members if one.record.samples["sample_id"]]
    if not members or not found.fused.record.samples["sample_id"]:
        return item.lacking("no expression could be answered from any modality")
    rows = [_row(one, theirs.get(_PRINTED.get(one.name, ""))) for one in members]
    if found.peripheral is not None and found.peripheral.record.samples["sample_id"]:
        rows.append(_row(found.peripheral, theirs["PERI"]))
    rows.append(_row(found.fused, theirs["ME+EEG+PERI"]))
    majority = _majority(setting, found)
    rows.append(_row(majority, None))
    chance = score_record(majority.record).scores["uf1"]
    rows += [_row(one, None) for one in found.others if one.record.samples["sample_id"]]
    best = max(members, key=lambda one: score_record(one.record).scores["uf1"].value)
    alone, together = (score_record(one.record).scores["uf1"] for one in (best, found.fused))
    shown = [(WORDS.get(one.name, one.name), one.record) for one in (*members, found.fused)]
    classes = found.task.classes
    return item.done(
        sentences=(
            f"In {n_classes} classes the fusion reaches UF1 {together.value:.3f} [{together.low:.3f}, "
            f"{together.high:.3f}], the best modality alone ({WORDS.get(best.name, best.name)}) "
            f"{alone.value:.3f} [{alone.low:.3f}, {alone.high:.3f}], the majority {chance.value:.3f}.",
        ),
        answers=(
            _beyond_chance(found, n_classes),
            _gain(found, f"Does fusing face, brain and body help, in {n_classes} classes?"),
        ),
        left_out=tuple(_not_there(found)),
        tables=(ItemTable("Each modality and all together", _columns(), tuple(rows)),),
        figures=(
            ItemFigure("Recall of each class (Figure 9)", recall_figure(shown, classes)),
            ItemFigure("Confusion (Figure 10)", confusion_grid(shown, classes)),
        ),
        differs=(
            "Weights come from training subjects; the last row shows what weights from the test subjects "
            "would have bought, and is a leak.",
            "The face's member is Bi-WOOF, the paper's is HTNet; EEGNet and SVMs are the paper's.",
            *_budget(setting),
        ),
        records=tuple(one.path for one in (*members, found.fused, majority)),
        values={"uf1": together.value, "best_alone": best.name, "uf1_alone": alone.value},
    )


def _beyond_chance(found: Fusion, n_classes: int) -> Answer:
    """Brain and body alone, against answers to other trials of the same people."""
    question = f"Do brain and body tell the emotion, in {n_classes} classes?"
    alone = [one for one in found.members if one.name != "me" and one.record.samples["sample_id"]]
    p_values = {
        WORDS.get(one.name, one.name): chance_p(one.record.samples, classes=found.task.classes)
        for one in alone
    }
    return answer_by_several(
        question,
        p_values,
        found=f"Better than chance within people: {{better}} of {', '.join(p_values)}.",
        nothing=f"None of {', '.join(p_values)} is shown to tell one person's expressions apart better "
        "than chance (least p: {best}).",
        untested="Neither brain nor body could be measured in two classes.",
        factor=CHANCE_FACTOR,
    )


def _budget(setting: Setting) -> tuple[str, ...]:
    """What networks were given, as a sentence, where it is less than their cards say."""
    if setting.budget is None:
        return ()
    return (f"Networks learned for {setting.budget} epochs only: what they could reach is not known.",)


def _majority(setting: Setting, found: Fusion) -> Row:
    """What naming the training people's most frequent class gives on the same expressions."""
    request = FuseRequest(setting.study, ("me",), setting.out, seed=setting.seed)
    store = Store(setting.out / "store")
    record = evaluate_method(found.task, find_method("majority"), request.settings(), store=store)
    return Row("majority", record, record.write(setting.out / "records"))


def always(record: ResultRecord) -> str | None:
    """The class that a method named every time; None where it named several."""
    named = {str(one) for one in record.samples["estimate"]}
    return named.pop() if len(named) == 1 else None


def _gain(found: Fusion, question: str) -> Answer:
    """The fusion against its best member, on the expressions that both answered.

    One that names a class every time has learned nothing that could help.
    """
    one = found.comparison
    if (word := always(found.fused.record)) is not None:
        return Answer(question, None, "", "", f"What was fused names '{word}' every time.")
    if one is None or one.p_uf1 != one.p_uf1:
        return Answer(question, None, "", "", "There are no two members to compare.")
    words = (
        f"Fused less the best alone ({WORDS.get(one.second, one.second)}): UF1 {one.difference_uf1:+.3f} "
        f"[{one.low_uf1:+.3f}, {one.high_uf1:+.3f}] over {one.n_subjects} participants."
    )
    # The test is two-sided, the question is not: a fusion that loses does not help.
    p = one.p_uf1 / 2 if one.difference_uf1 > 0 else 1 - one.p_uf1 / 2
    return Answer(question, p, words, words)


def _not_there(found: Fusion) -> Iterator[str]:
    """Of each modality, samples that it cannot answer, by their reason."""
    for name, told in found.coverage.items():
        reasons: Any = told["missing"]  # type: ignore[index, call-overload]
        for why, n in reasons.items():
            yield f"{WORDS.get(name, name)}: {n} expressions, {why}"


def _voice(found: Fusion) -> Answer:
    question = "Does the voice help?"
    for one in found.members:
        if one.record.samples["sample_id"] and (word := always(one.record)) is not None:
            name = WORDS.get(one.name, one.name)
            return Answer(question, None, "", "", f"The {name} alone names '{word}' every time.")
    return _gain(found, question)


def _seven(setting: Setting) -> ItemResult:
    return _table(setting, TABLE_7, 7)


def _three(setting: Setting) -> ItemResult:
    return _table(setting, TABLE_8, 3)


_AMF = {"fused": "audio+visual", "me": "visual", "speech": "audio"}


def _voices(setting: Setting) -> ItemResult:
    found = fused(setting, ("me", "speech"), 3)
    rows = []
    for one in (*found.members, found.fused, *found.others):
        if not one.record.samples["sample_id"]:
            continue
        accuracy, uf1 = (score_record(one.record).scores[m] for m in ("accuracy", "uf1"))
        printed = published.AMF.get(_AMF.get(one.name, ""))
        rows.append(
            (
                Cell(WORDS.get(one.name, one.name)),
                Cell(accuracy.value, accuracy.low, accuracy.high,
                     theirs=None if printed is None else printed / 100),
                Cell(uf1.value, uf1.low, uf1.high),
            )
        )  # fmt: skip
    majority = _majority(setting, found)
    scores = score_record(majority.record).scores
    chance, uf1 = scores["accuracy"], scores["uf1"]
    rows.append(
        (Cell("majority"), Cell(chance.value, chance.low, chance.high), Cell(uf1.value, uf1.low, uf1.high))
    )
    accuracy = score_record(found.fused.record).scores["accuracy"]
    return AMF.done(
        sentences=(
            f"Face and voice together are right in {100 * accuracy.value:.1f} % [{100 * accuracy.low:.1f}, "
            f"{100 * accuracy.high:.1f}], the majority in {100 * chance.value:.1f} % (published: 81.90 %).",
        ),
        answers=(_voice(found),),
        left_out=tuple(_not_there(found)),
        tables=(ItemTable("Face and voice", ("what", "accuracy", "UF1"), tuple(rows)),),
        differs=(
            "AMF-Net's layers were never published: amf-style is built after its description. Its published "
            "numbers stand in the summary of MMED's page, not in the paper's abstract.",
            *_budget(setting),
        ),
        records=tuple(one.path for one in (*found.members, found.fused, majority)),
        values={"accuracy": accuracy.value},
    )


def _members(setting: Setting, n_classes: int) -> Work:
    """Every modality's method, trained in every fold and within it."""
    held = counts(setting)
    return total(
        training(held, n_classes, DEFAULT_METHODS[one], setting.budget, fits=MEMBER_FITS)
        for one in modalities_of(setting)
    )


def _cost(setting: Setting, n_classes: int) -> Cost:
    held, modalities = counts(setting), modalities_of(setting)
    recorders = {RECORDERS[one] for one in modalities if one in RECORDERS}
    measured = around_apexes(held, n_classes, recorders)
    if "me" in modalities:
        measured += faces(held, n_classes)
    trained = _members(setting, n_classes)
    memory = ("faces", "training", "signals", *recorders & {"brain"})
    return (measured + trained).cost(*memory, again_s=5.0 + trained.seconds, own=trained)


def _cost_of_seven(setting: Setting) -> Cost:
    return _cost(setting, 7)


def _cost_of_three(setting: Setting) -> Cost:
    return _cost(setting, 3)


def _cost_of_voices(setting: Setting) -> Cost:
    held = counts(setting)
    methods = (*ALONE.values(), *JOINT)
    trained = total(training(held, 3, name, setting.budget) for name in methods)
    return (faces(held, 3) + around_apexes(held, 3, ("voice",)) + trained).cost("faces", "training")


_NEEDS: tuple[Need, ...] = ("coding", "micro-expressions")
TABLE_7 = Item("table-7", "Do brain and body help? (seven classes)", "Table 7, Figures 9 and 10", _NEEDS,
               _seven, _cost_of_seven, work="fusion")  # fmt: skip
TABLE_8 = Item("table-8", "Do brain and body help? (three classes)", "Table 8, Figures 9 and 10", _NEEDS,
               _three, _cost_of_three, work="fusion")  # fmt: skip
AMF = Item("amf-net", "Does the voice help?", "AMF-Net's table", (*_NEEDS, "videos", "speech"), _voices,
           _cost_of_voices)  # fmt: skip
