"""Write docs/results/recognition.md and .json: every recognition method, on real maps and on a simulated study.

    python docs/regenerate_recognition.py [--out FOLDER] [--workers N] [--plan]

Finished folds are kept in FOLDER: kill it anywhere and run it again. `--plan` says how long it would take. The
real maps are read from MIEN_TEST_DATA (default: shared/data beside the repository); only aggregate scores are
written here. Without that folder the page is left as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mien.experiments import METHODS

DOCS = Path(__file__).resolve().parent
DATA = Path(os.environ.get("MIEN_TEST_DATA", DOCS.parents[1] / "shared" / "data"))
STUDY = "--participants 22 --trials 7 --clip 9 --seed 6"
FOLDS = "--split grouped-k-fold"

# What each run of `mien recognise` is given; epochs below the published ones are stated in the tables.
REAL_FOLDS = [
    f"{FOLDS} -m majority -m linear-svm -m ststnet -m rcn-a",
    f"{FOLDS} -m csarnet-style",
    f"{FOLDS} -m htnet --epochs 20",
    f"{FOLDS} -m featref-style --epochs 40",
]
REAL_SUBJECTS = ["-m rcn-a"]
SIMULATED = [
    "-m majority -m linear-svm -m lbp-top -m mdmo -m bi-woof -m rcn-a",
    "-m ststnet -m csarnet-style --set ststnet.epochs=100 --set csarnet-style.epochs=30",
    "-m featref-style -m mersiamc3d-style -m moext --set featref-style.epochs=10 "
    "--set mersiamc3d-style.epochs=5 --set mersiamc3d-style.pair_epochs=5 "
    "--set moext.width=8 --set moext.size=64 --set moext.epochs=3 --set moext.pretrain_epochs=1",
    "-m htnet --set epochs=5",
    "-m htnet-repaired --set epochs=1",
]
ABLATION = ["", "--imbalance weighted", "--imbalance focal", "--imbalance balanced", "--augment"]
ABLATED = ("rcn-a",)
DEFAULT_EPOCHS = {
    name: method.parameters["epochs"] for name, method in METHODS.items() if "epochs" in method.parameters
}


def main() -> None:
    """Run every command, then write the table and the numbers for the cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("mien-results/recognition"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plan", action="store_true")
    given = parser.parse_args()
    maps = DATA / "me_flow_megc2019"
    if not maps.is_dir():
        print("real test data folder not found, docs/results/recognition.md left as it is", file=sys.stderr)
        return
    study = given.out / "study"
    if not study.is_dir():
        run(f"simulate {study} {STUDY} --workers {given.workers} --json")
    extra = f"--workers {given.workers} --json" + (" --plan" if given.plan else "")
    both = "-p fixed -p test-selected"
    real = f"recognise {maps} --format megc2019-flow --out {given.out / 'real'} {extra}"
    sim = f"recognise {study} --out {given.out / 'simulated'} {FOLDS} {extra}"
    found = {
        "folds": [run(f"{real} {both} {one}") for one in REAL_FOLDS],
        "subjects": [run(f"{real} {both} {one}") for one in REAL_SUBJECTS],
        "ablation": [run(f"{real} {FOLDS} -m {m} {one}") for m in ABLATED for one in ABLATION],
        **{f"sim{n}": [run(f"{sim} --classes {n} {one}") for one in SIMULATED] for n in (3, 7)},
    }
    if given.plan:
        seconds = sum(row["core_s"] for runs in found.values() for one in runs for row in one["plan"])
        print(
            f"about {seconds / given.workers / 60:.0f} min with {given.workers} workers; finished folds are kept"
        )
        return
    write(found)


def run(arguments: str) -> Any:
    """What the program prints as JSON; its progress goes to the terminal."""
    program = [sys.executable, "-c", "from mien.cli import main; main()"]
    done = subprocess.run([*program, *arguments.split()], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def write(found: dict[str, list[Any]]) -> None:
    """The page, and the same numbers for the method cards."""
    rows = {
        key: [one for result in runs for one in result.get("results", [result])]
        for key, runs in found.items()
    }
    lines = [*_head(), *_real(rows), *_ablation(rows["ablation"]), *_simulated(rows)]
    (DOCS / "results" / "recognition.md").write_text("\n".join(lines) + "\n")
    numbers = {
        "real_maps": [_number(one) for key in ("subjects", "folds") for one in rows[key]],
        "simulated": [
            {**_number(one), "classes": n, "p": one["p_chance"]["uf1"]}
            for n in (3, 7)
            for one in rows[f"sim{n}"]
        ],
    }
    (DOCS / "results" / "recognition.json").write_text(json.dumps(numbers, indent=1) + "\n")


def _head() -> list[str]:
    return [
        "# Recognition: every method",
        "",
        "Written by",
        "",
        "    python docs/regenerate_recognition.py --workers 2        # --plan says first how long it takes",
        "",
        "which runs `mien recognise` with the options that stand in it, on CPU, one thread a process. In brackets: 95 %",
        "intervals over subjects. p: one-sided, UF1 against labels exchanged within each subject (5,000 permutations).",
        "The answers stay as they are in that test, and folds learn from each other's labels: with pure noise p falls below",
        ".05 in 4 to 13 % of runs. So `above chance` is said of p < .001 only.",
        "* marks fewer epochs than the method's own (its card says which): such a row says what the budget gave, not",
        "what the method can.",
        "",
    ]


def _real(rows: dict[str, list[Any]]) -> list[str]:
    first = rows["folds"][0]
    lines = [
        "## Real micro-expressions: the MEGC-2019 maps",
        "",
        f"{first['n_samples']} onset-to-apex flow maps of {first['n_subjects']} people (SMIC and CASME II), three classes.",
        "`test-selected` keeps the epoch (for the SVM: the C) that is best on the test subjects, as several published",
        "scripts do: a **leak**, shown for its size. Both protocols read the same training, except for the linear SVM.",
        "The maps are stretched to 0..255: methods that need sign or size of motion, or frames (LBP-TOP, MDMO, Bi-WOOF,",
        "MERSiamC3D-style, MoExt), refuse them and say why.",
        "",
    ]
    for key, title in (
        ("folds", "### Five groups of subjects, all methods that can take one map"),
        (
            "subjects",
            "### Leaving one subject out (linear SVM and STSTNet: [motion-maps.md](motion-maps.md))",
        ),
    ):
        lines += [
            title,
            "",
            "| method | epochs | protocol | UF1 | UAR | accuracy | p | s a fold |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for one in rows[key]:
            if (one["method"], one["protocol"]) == ("majority", "test-selected"):
                continue
            n_folds = 5 if key == "folds" else one["n_subjects"]
            leak = " (**leak**)" if one["leaks"] else ""
            p = "" if one["leaks"] else _p(one["p_chance"]["uf1"])
            lines.append(
                f"| {one['method']} | {_epochs(one)} | {one['protocol']}{leak} | {_three(one)} | {p} "
                f"| {one['fold_wall_s_total'] / n_folds:.0f} |"
            )
        lines.append("")
    return [*lines, *_published(), ""]


def _published() -> list[str]:
    facts = yaml.safe_load((DOCS / "methods" / "facts.yaml").read_text())
    lines = [
        "Published for the whole composite (with SAMM: 442 maps, 68 people, leaving one subject out), so not like for like:",
        "",
        "| method | UF1 | UAR |",
        "|---|---|---|",
    ]
    for name, uf1, uar in PUBLISHED:
        lines.append(f"| {name} | {uf1} | {uar} |")
    assert facts  # the cards hold the sources of these numbers
    return [*lines, "", "Sources and doubts: the [cards](../methods/README.md)."]


PUBLISHED = [
    ("STSTNet", ".7353", ".7605"),
    ("RCN-A", ".7432", ".7190"),
    ("FeatRef", ".7838", ".7832"),
    ("HTNet (epoch chosen on the test subject)", ".8603", ".8475"),
    ("CSARNet", "not found", "not found"),
]


def _ablation(rows: list[Any]) -> list[str]:
    lines = [
        "### What is done about rare classes",
        "",
        f"The same maps and folds, {', '.join(ABLATED)}, protocol `fixed`. Weights, sampling and changed motion come from",
        "training subjects only.",
        "",
        "| option | UF1 | UAR | accuracy |",
        "|---|---|---|---|",
    ]
    for words, one in zip([f"{w or 'as published'}" for _ in ABLATED for w in ABLATION], rows, strict=True):
        lines.append(f"| {words} | {_three(one)} |")
    return [*lines, ""]


def _simulated(rows: dict[str, list[Any]]) -> list[str]:
    lines = [
        "## A simulated study",
        "",
        f"`mien simulate STUDY {STUDY}`: {rows['sim3'][0]['n_subjects']} people, {rows['sim3'][0]['n_samples']} micro-expressions",
        "of .3 to 1.5 px in video with head motion and camera noise; one in ten shows another emotion's action units",
        "(`mien simulate`). Faces are found, aligned and measured from the video; five groups of subjects, protocol `fixed`.",
        "",
    ]
    for n in (3, 7):
        lines += [
            f"### {n} classes",
            "",
            "| method | epochs | UF1 | UAR | accuracy | p | above chance |",
            "|---|---|---|---|---|---|---|",
        ]
        for one in rows[f"sim{n}"]:
            p = one["p_chance"]["uf1"]
            verdict = "no" if p is None or p >= 0.05 else "yes" if p < 0.001 else "not sure"
            lines.append(f"| {one['method']} | {_epochs(one)} | {_three(one)} | {_p(p)} | {verdict} |")
        unmeasured = rows[f"sim{n}"][0]["n_unmeasured"]
        lines += ["", f"Expressions that could not be measured: {unmeasured}.", ""]
    lines += [
        "MoExt here has frames of 64 px (published 224) and an eighth of its width. With labels exchanged at random methods",
        "fall to chance (`tests/proofs/test_all_methods_shuffled.py`, part of `make test-all`; HTNet, which costs most, is not in it).",
    ]
    return lines


def _three(one: Any) -> str:
    return " | ".join(_interval(one["scores"][name]) for name in ("uf1", "uar", "accuracy"))


def _interval(estimate: Any) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _p(value: float | None) -> str:
    return "-" if value is None else "<.001" if value < 0.001 else f"{value:.3f}"


def _epochs(one: Any) -> str:
    epochs = one["parameters"].get("epochs")
    if epochs is None:
        return ""
    return f"{epochs}*" if epochs < DEFAULT_EPOCHS[one["method"]] else str(epochs)


def _number(one: Any) -> dict[str, Any]:
    return {
        "method": one["method"],
        "protocol": one["protocol"],
        "split": one["split"],
        "epochs": one["parameters"].get("epochs"),
        "uf1": one["scores"]["uf1"],
        "uar": one["scores"]["uar"],
        "leaks": one["leaks"],
    }


if __name__ == "__main__":
    main()
