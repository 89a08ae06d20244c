"""Regenerate docs/results and docs/images: every figure in the docs comes from a command beside it.

The real motion maps are read from the folder in MIEN_TEST_DATA (default: shared/data beside the
repository); only aggregate scores are written here. Without that folder the page is left as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from mien.core import ResultRecord
from mien.evaluation import Comparison, compare_records, score_record
from mien.report import read_records
from mien.report.figures import interval_figure

DOCS = Path(__file__).resolve().parent
DATA = Path(os.environ.get("MIEN_TEST_DATA", DOCS.parents[1] / "shared" / "data"))
OUT = Path("mien-results")
COMMAND = (
    "mien recognise me_flow_megc2019 --format megc2019-flow --method majority --method linear-svm "
    "--method ststnet --protocol fixed --protocol test-selected --workers 2 --json"
)


def main() -> None:
    """Run the command on the real maps and write its table and its figure."""
    source = DATA / "me_flow_megc2019"
    if not source.is_dir():
        print("real test data folder not found, docs/results/motion-maps.md left as it is", file=sys.stderr)
        return
    words = COMMAND.replace("me_flow_megc2019", str(source), 1).split()
    program = [sys.executable, "-c", "from mien.cli import main; main()"]
    done = subprocess.run(
        [*program, *words[1:], "--out", str(OUT)], stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout)
    # The majority class has nothing to choose: its two protocols are one.
    runs = [r for r in found["results"] if (r["method"], r["protocol"]) != ("majority", "test-selected")]
    records = [record for record, _ in read_records([Path(r["record"]) for r in runs])]
    page(runs, compare_records(records))
    figure(records)


def page(runs: list[dict], comparisons: list[Comparison]) -> None:
    """Write docs/results/motion-maps.md."""
    lines = [
        "# Recognition on the MEGC-2019 motion maps",
        "",
        "309 onset-to-apex flow maps of 40 people (SMIC 164, CASME II 145), three classes, leaving one",
        "subject out.",
        "Written by `python docs/regenerate.py` (part of `make results`), which runs",
        "",
        f"    {COMMAND}",
        "",
        "| method | protocol | UF1 | UAR | accuracy | SMIC UF1 / UAR | CASME II UF1 / UAR | fold time, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        parts = [f"{d['uf1']['value']:.3f} / {d['uar']['value']:.3f}" for d in run["per_dataset"].values()]
        leak = " (**leak**)" if run["leaks"] else ""
        scores = " | ".join(interval(run["scores"][m]) for m in ("uf1", "uar", "accuracy"))
        lines.append(
            f"| {run['method']} | {run['protocol']}{leak} | {scores} | {parts[0]} | {parts[1]} "
            f"| {run['fold_wall_s_total']:.0f} |"
        )
    chance = runs[0]["baselines"]["chance"]
    lines += [
        f"| chance | | {' | '.join(interval(chance[m]) for m in ('uf1', 'uar', 'accuracy'))} | | | |",
        "",
        "Fold time is the sum over folds on a machine whose two cores had other work as well.",
        "In brackets: 95 % intervals over subjects (for chance: 95 % of guesses). `test-selected` chooses",
        "epoch and parameters on the test subject, as several published scripts do; it shows the size of",
        "that leak and is no result. Paired differences (permutation by subject, Benjamini-Hochberg q):",
        "",
        "| first - second | UF1 | p | q | UAR | p | q |",
        "|---|---|---|---|---|---|---|",
    ]
    for c in comparisons:
        cells = [
            f"{getattr(c, f'difference_{m}'):+.3f} | {getattr(c, f'p_{m}'):.4f} | {getattr(c, f'q_{m}'):.4f}"
            for m in ("uf1", "uar")
        ]
        lines.append(f"| {c.first} - {c.second} | {' | '.join(cells)} |")
    lines += [
        "",
        "Published for STSTNet within the full MEGC-2019 composite (with SAMM): SMIC .680 / .701,",
        "CASME II .838 / .869 (Liong et al. 2019), another training set and therefore not like for like.",
    ]
    (DOCS / "results").mkdir(exist_ok=True)
    (DOCS / "results" / "motion-maps.md").write_text("\n".join(lines) + "\n")


def interval(estimate: dict) -> str:
    """A value with its interval."""
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def figure(records: list[ResultRecord]) -> None:
    """Write docs/images/motion-maps.svg from the records."""
    rows, chance = [], None
    for record in records:
        scores = score_record(record)
        chance = scores.baselines["chance"]
        rows.append(
            (f"{record.method['name']} ({record.protocol['name']})", scores.scores, record.protocol["leaks"])
        )
    (DOCS / "images").mkdir(exist_ok=True)
    (DOCS / "images" / "motion-maps.svg").write_text(interval_figure(rows, chance))


if __name__ == "__main__":
    main()
