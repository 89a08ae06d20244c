"""Import every real coding table at hand and write what it holds: docs/results/datasets.md.

`python docs/regenerate_datasets.py FOLDER`, part of `make results`; FOLDER holds the tables, default shared/data
beside the repository. A table that is not there leaves its row out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mien.dataset import describe, import_study, open_study
from mien.dataset.catalog import dataset_format

HERE = Path(__file__).resolve().parent
TABLES = {
    "casme2": "annotations/CASME2/CASME2-coding-20140508.xlsx",
    "samm": "annotations/SAMM/SAMM.xlsx",
    "smic": "annotations/SMIC/smic_apex.xlsx",
    "casme3": "annotations/CASME3/HTNet_casme3_partA_edited.csv",
    "casme-sq": "annotations/CASME_sq/USTC_casme_sq.csv",
    "samm-lv": "annotations/SAMM_LV/LGSNet_samm_annotation.csv",
    "mmme": "mmme/coding_file.xlsx",
}


def main(folder: Path) -> None:
    """Import, describe and write the page."""
    rows, remarks = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name, place in TABLES.items():
            table = folder / place
            if not table.is_file():
                print(f"{name}: no table, left out", file=sys.stderr)
                continue
            done = import_study(dataset_format(name), table, Path(scratch) / name)
            found = describe(open_study(done.folder))
            micro = found.duration_ms["micro"]
            flags = ", ".join(f"{flag} {n}" for flag, n in sorted(done.n_flags.items())) or "none"
            rows.append(
                f"| {dataset_format(name).title} | {done.n_participants} | {found.n_trials} | {done.n_rows} "
                f"| {found.n_expressions} | {found.n_micro} | {found.n_macro} "
                f"| {micro.mean:.1f} ± {micro.sd:.1f} (n {micro.n}) | {flags} |"
            )
            remarks += [f"* {dataset_format(name).title}: {remark}" for remark in done.remarks]
    head = (
        "# Coding tables of published datasets\n\n"
        "Written by `python docs/regenerate_datasets.py`: `mien import` and `mien describe` on the tables "
        "themselves, some of them third parties' editions. Flagged rows are kept as they are.\n\n"
        "| dataset | subjects | clips | rows | expressions | micro | macro | micro, onset to offset, ms "
        "| flags |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    page = head + "\n".join(rows) + "\n\nWhat the imports remarked:\n\n" + "\n".join(remarks) + "\n"
    (HERE / "results" / "datasets.md").write_text(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent.parent / "shared" / "data")
