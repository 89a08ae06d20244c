"""Write docs/results/fusion.md: what fusing is worth, where the truth is known and on simulated studies.

    python docs/regenerate_fusion.py [--out FOLDER] [--workers N] [SECTION...]

Sections: rule, worlds, null, study, speech, brain, adjust. Finished folds are kept in FOLDER, finished sections in
FOLDER/sections: kill it anywhere and run it again. Sections that are named are made anew, and no others.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.experiments.fusion_worlds import LEAK, METRICS, score_every_way
from mien.recognition.fusion import best_possible_accuracy, symmetric_confusion, voting_accuracy
from mien.simulate.modalities import LIKE_MMME, ModalitySettings

DOCS = Path(__file__).resolve().parent
STUDY = "--participants 22 --trials 7 --clip 9 --seed 6"  # the study of docs/results/recognition.md
SPEAKERS = "--participants 22 --trials 7 --clip 9 --seed 8 --only audiovisual"
FOLDS = "--split grouped-k-fold"
MEMBERS = "me,eeg,ecg,eda,ppg,rsp,skt"
EPOCHS = "--set eeg.epochs=20 --set eeg.batch_size=16"  # 10 steps an epoch, as 40 epochs of 64

WORLD = ModalitySettings(participants=30, samples_per_participant=8)
N_WORLDS, N_NULL = 20, 60
NULL = replace(WORLD, separations=dict.fromkeys(LIKE_MMME, 0.0))
SCORED = ("accuracy", "UF1", "UAR")


def main() -> None:
    """Make the sections that are asked for or not there, then the page of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("mien-results/fusion"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("sections", nargs="*")
    given = parser.parse_args()
    made = {}
    for name, make in SECTIONS.items():
        kept = given.out / "sections" / f"{name}.md"
        if name in given.sections or not (given.sections or kept.is_file()):
            text = make(given.out, given.workers)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text)
        if kept.is_file():
            made[name] = kept.read_text().strip()
    page = DOCS / "results" / "fusion.md"
    page.write_text("\n\n".join([HEAD.strip(), *made.values()]) + "\n")
    print(page)


HEAD = """
# What fusing is worth

Made by `python docs/regenerate_fusion.py`; the command of every table stands beside it. How to use it, and what the
words mean: [fusion](../fusion.md).
"""


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" + "---:|" * (len(columns) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def mean_interval(values: Any) -> str:
    """Mean over simulated studies with its 95 % interval (normal, from their standard error)."""
    values = np.asarray(values, dtype=np.float64)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.3f} [{values.mean() - half:+.3f}, {values.mean() + half:+.3f}]"


# --- the rule itself


def rule(out: Path, workers: int) -> str:
    """Eq. 10 enumerated."""
    rows = []
    for words, accuracies in (
        ("seven of .60", [0.6] * 7),
        (".75, .69, five of .40", [0.75, 0.69] + [0.4] * 5),
        (".75, .69, two of .40", [0.75, 0.69, 0.4, 0.4]),
        ("three of .60", [0.6] * 3),
    ):
        confusion = symmetric_confusion(accuracies, n_classes=3)
        cells = [words, f"{max(accuracies):.3f}"]
        for weight in ("equal", "recall", "precision", "log-odds"):
            cells.append(f"{voting_accuracy(confusion, weights_of(confusion, weight), PRIOR):.3f}")
        rows.append([*cells, f"{best_possible_accuracy(confusion, PRIOR):.3f}"])
    columns = [
        "members",
        "best member",
        "equal",
        "recall (the paper)",
        "precision",
        "log-odds",
        "best possible",
    ]
    return f"""## The rule

Accuracy of weighted voting (eq. 10), enumerated over all combinations of votes: three classes, equally frequent, members that
err independently of each other and evenly over classes, ties shared.

{table(columns, rows)}

With recall weights five weak votes outweigh one strong: seven members of .75, .69 and five times .40 answer *worse* than the best
of them alone. Log-odds weights, log(p (m - 1) / (1 - p)), reach what votes can give at most. Real members are not independent."""


PRIOR = np.full(3, 1 / 3)


def weights_of(confusion: Any, weight: str) -> Any:
    """The weights that endless out-of-fold answers of such members would give."""
    from mien.recognition.fusion.weights import WEIGHTS

    return WEIGHTS[weight].measure(1e9 * confusion / 3, 0.0)


# --- simulated members


def worlds(out: Path, workers: int) -> str:
    """Twenty studies with seven members, and with one of pure noise more."""
    clean = list(score_every_way(WORLD, range(N_WORLDS)))
    noisy_settings = replace(WORLD, separations={**LIKE_MMME, "noise": 0.0})
    noisy = list(score_every_way(noisy_settings, range(N_WORLDS)))
    place = list(METRICS).index("uf1")
    best = np.array([max(one[name][place] for name in LIKE_MMME) for one in clean])
    members = table(
        ["member", *SCORED],
        [[name, *mean_of(clean, name)] for name in LIKE_MMME],
    )
    rows = []
    for name in clean[0]:
        if name in LIKE_MMME or name.endswith(LEAK):
            continue
        values = np.array([one[name][place] for one in clean])
        other = np.array([one[name][place] for one in noisy])
        wins = f"{int((values > best).sum())} of {N_WORLDS}"
        rows.append(
            [name, *mean_of(clean, name), mean_interval(values - best), wins, mean_interval(other - values)]
        )
    columns = ["fused by", *SCORED, "UF1 less the best member's", "better", "UF1, one noise member more"]
    return f"""## Where members are independent

{N_WORLDS} simulated studies of {WORLD.participants} people with {WORLD.samples_per_participant} expressions each: features of
seven modalities whose classes lie a known distance apart (`simulate.modalities`), linear discriminants as members, weights from
out-of-fold answers of training subjects, five groups of subjects. Means over the studies; the best member is chosen in each by its
UF1 on the test subjects, which favours it.

{members}

{table(columns, rows)}

    python docs/regenerate_fusion.py worlds"""


def mean_of(found: Sequence[Any], name: str) -> list[str]:
    """Mean accuracy, UF1 and UAR of one way of answering."""
    return [f"{value:.3f}" for value in np.mean([one[name] for one in found], axis=0)[: len(SCORED)]]


def null(out: Path, workers: int) -> str:
    """Sixty studies in which no modality knows anything."""
    found = list(score_every_way(NULL, range(N_NULL)))
    rows = []
    for weight in ("recall", "precision", "log-odds"):
        name = f"vote, {weight}"
        honest = np.array([one[name][:3] for one in found])
        leak = np.array([one[f"{name}, {LEAK}"][:3] for one in found])
        for place, metric in enumerate(SCORED):
            rows.append(
                [
                    f"{weight}, {metric}",
                    f"{honest[:, place].mean():.3f}",
                    f"{leak[:, place].mean():.3f}",
                    mean_interval(leak[:, place] - honest[:, place]),
                ]
            )
    uar = np.array([one["vote, recall"][2] for one in found])
    return f"""## Where nothing is to be found

{N_NULL} studies of the same kind in which no modality knows anything: what weights from the test subjects (as in the paper, whose
members were "trained and tested" to get them) buy, and that honest weights buy nothing. Chance UAR is .333; honest recall weights
differ from it by {mean_interval(uar - 1 / 3)}.

{table(["votes weighted by", "honest", "test-weighted (LEAK)", "bought by the leak"], rows)}

    python docs/regenerate_fusion.py null"""


# --- simulated studies


def mien(words: str) -> Any:
    """The JSON of one command."""
    print(f"mien {words}", file=sys.stderr)
    program = [sys.executable, "-c", "from mien.cli import main; main()", *words.split(), "--json"]
    return json.loads(subprocess.run(program, check=True, stdout=subprocess.PIPE).stdout)


def simulated(out: Path, name: str, options: str, workers: int) -> Path:
    """A simulated study, made once."""
    folder = out / name
    if not folder.is_dir():
        mien(f"simulate {folder} {options} --workers {workers}")
    return folder


def fused_table(found: Any) -> str:
    """All rows of one run."""
    rows = []
    peripheral = [found["peripheral"]] if found["peripheral"] else []
    for one in [*found["members"], *peripheral, found["fused"], *found["others"]]:
        if "scores" not in one:
            continue
        name = one["name"] + (f" ({one['method']})" if one["name"] != one["method"] else "")
        if one["leaks"]:
            name += ", LEAK"
        scores = [with_interval(one["scores"][key]) for key in ("accuracy", "weighted_f1", "uf1", "uar")]
        p = one["p_chance"]["uf1"]
        rows.append([name, one["n_samples"], *scores, "-" if p is None else f"{p:.4f}"])
    for name, one in found["fused"]["baselines"].items():
        rows.append(
            [f"*{name}*", "", *(with_interval(one[k]) for k in ("accuracy", "weighted_f1", "uf1", "uar")), ""]
        )
    return table(["", "n", "accuracy", "weighted F1", "UF1", "UAR", "p (chance)"], rows)


def with_interval(one: Any) -> str:
    """A value with its 95 % interval over subjects."""
    return f"{one['value']:.3f} [{one['low']:.2f}, {one['high']:.2f}]"


def spread_table(found: Any) -> str:
    """Mean and standard deviation over folds, as Tables 7 and 8 print them."""
    rows = []
    peripheral = [found["peripheral"]] if found["peripheral"] else []
    for one in [*found["members"], *peripheral, found["fused"]]:
        if "over_folds" in one:
            spread = one["over_folds"]
            rows.append(
                [one["name"], *(f"{spread[k]['mean']:.3f} ± {spread[k]['sd']:.3f}" for k in ("accuracy", "weighted_f1", "uf1", "uar"))]
            )  # fmt: skip
    return table(["", "accuracy", "weighted F1", "UF1", "UAR"], rows)


def paired(found: Any) -> str:
    """The fusion against its best member, and the gain of every class."""
    test = found["paired_test"]
    gains = ", ".join(
        f"{name} {one['value']:+.3f} [{one['low']:+.2f}, {one['high']:+.2f}]"
        for name, one in found["gain_per_class"].items()
        if one["value"] is not None
    )
    return (
        f"Fused less {test['second']}, its best member: UF1 {test['difference_uf1']:+.3f} (p {test['p_uf1']:.4f}), UAR "
        f"{test['difference_uar']:+.3f} (p {test['p_uar']:.4f}), permutation over {test['n_subjects']} subjects.\n"
        f"Recall per class, fused less {test['second']}, 95 % intervals: {gains}."
    )


def study(out: Path, workers: int) -> str:
    """Face, brain and body of one simulated study, three and seven classes."""
    folder = simulated(out, "study", STUDY, workers)
    parts = []
    for n, number in ((7, "Table 7"), (3, "Table 8")):
        words = f"fuse {folder} --modalities {MEMBERS} --classes {n} {FOLDS} {EPOCHS} --workers {workers}"
        found = mien(f"{words} --out {out / 'results'}")
        n_folds = found["fused"]["over_folds"]["uf1"]["n_folds"]
        parts.append(
            f"### {n} classes ({number} of MMME)\n\n{fused_table(found)}\n\n{paired(found)}\n\n"
            f"Mean and standard deviation over {n_folds} folds (the paper does not say over what its deviations are taken):\n\n"
            f"{spread_table(found)}\n\n    mien {words.replace(str(folder), 'study').replace(f' --workers {workers}', '')}"
        )
    return f"""## Face, brain and body of a simulated study

The study of [recognition](recognition.md) (`mien simulate study {STUDY}`): 22 people, face by Bi-WOOF, EEG by EEGNet with 20 of
500 epochs (batches of 16), body by SVMs, five groups of subjects. Effects of emotion on brain and body are d = .5 between trials, about what
reviews report; only the face has a strong one.

{chr(10).join(chr(10) + part for part in parts).strip()}"""


def speech(out: Path, workers: int) -> str:
    """Face and voice."""
    folder = simulated(out, "speakers", SPEAKERS, workers)
    words = f"fuse {folder} --modalities me,speech {FOLDS} --epochs 30 --workers {workers}"
    found = mien(f"{words} --out {out / 'results'}")
    return f"""## Face and voice of a simulated study

`mien simulate speakers {SPEAKERS}`: 22 people who talk all the time, jaws moving; pitch, pace and energy follow the emotion by one
standard deviation between trials. Nothing of AMF-Net but its idea is published: the card says what is ours.

{fused_table(found)}

{paired(found)}

    mien {words.replace(str(folder), "speakers").replace(f" --workers {workers}", "")}"""


def brain(out: Path, workers: int) -> str:
    """EEGNet where the brain knows more, by the proof that prints it."""
    return f"""## EEGNet where the brain knows something

Simulated brains whose band power follows the emotion six times as strongly as above, people held out in four groups, EEG as recorded but
for its average reference and 0.5 to 47 Hz. EEGNet needs people: from 24 it learns them by heart.

{proved("test_eegnet_on_simulated_brains.py")}"""


def adjust(out: Path, workers: int) -> str:
    """What ADJUST finds of each artefact, by the proof that prints it."""
    return f"""## ADJUST on simulated brains

64 channels, 150 s at 250 Hz, every source known: with components found by ICA, on the true sources alone, and channels with poor contact.

{proved("test_adjust_on_simulated_sources.py")}

Vertical movements of the simulated eyes are small (2 µV) beside what shares their place: their variance does not come in
bursts that pass ADJUST's threshold. Poor contact is steady noise, which is no discontinuity by ADJUST's rule; it is found among the channels. Among what
ADJUST takes for discontinuities are focal rhythms, occipital alpha first: simulated brains are stationary, and the threshold falls
to where nothing bursts. Look at `mien clean` before you trust it with short sessions."""


def proved(name: str) -> str:
    """What a proof prints, and the command."""
    words = [sys.executable, "-m", "pytest", "-q", "-s", "-m", "slow", f"tests/proofs/{name}"]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=DOCS.parent).stdout
    lines = [
        line.strip(". ") for line in told.splitlines() if re.match(r"^[.\w][^=]*: |\d+ (brains|people)", line)
    ]
    return "\n".join(
        [*(f"    {line}" for line in lines), "", f"    python -m pytest -q -s -m slow tests/proofs/{name}"]
    )


SECTIONS: dict[str, Callable[[Path, int], str]] = {
    "rule": rule,
    "worlds": worlds,
    "null": null,
    "study": study,
    "speech": speech,
    "brain": brain,
    "adjust": adjust,
}


if __name__ == "__main__":
    main()
