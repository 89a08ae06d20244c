"""Run every benchmark and write the table into docs/results/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from benchmarks import interval_matching, leave_one_subject_out, simulated_study

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results" / "benchmarks.md"
ALL = (interval_matching, leave_one_subject_out, simulated_study)


def main() -> None:
    """Measure and write."""
    rows = [row for module in ALL for row in module.main()]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: one thread, same process, median of five runs.",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.",
        "",
        "| work | n | mien, s | beside | its s | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        peer, ratio = row.get("peer_median_s"), row.get("ratio")
        lines.append(
            f"| {row['name']} | {row['n']} | {row['median_s']:.3g} | {row.get('peer') or '-'} "
            f"| {'-' if peer is None else f'{peer:.3g}'} | {'-' if ratio is None else f'{ratio:.1f}'} |"
        )
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")
    print(
        f"written: {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
