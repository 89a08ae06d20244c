"""Ask the official BIDS validator about studies that mien wrote: one simulated, one imported, one exported.

`make bids`, part of every run of CI. Needs Node.js and the npm registry; exits with 1 on an error of the
validator, with 2 where it cannot be run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mien.dataset import export_study, import_study, open_study
from mien.dataset.catalog import dataset_format
from mien.simulate import StudySettings, simulate_study, study_parts

VALIDATOR = "bids-validator@1.15.0"
SMALL = StudySettings(
    participants=2, trials=2, clip_s=9.0, report_s=1.0, rest_s=1.0, frame_px=128, face_px=64, speech=True
)


def main() -> int:
    """Write the studies, ask, print what was said."""
    if shutil.which("npx") is None:
        print("npx: wanted Node.js 18 or newer, got none; install it", file=sys.stderr)
        return 2
    n_errors = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_study(SMALL, folder / "simulated", parts=study_parts(None, speech=True))
        simulate_study(replace(SMALL, speech=False, participants=1), folder / "release", layout="mmme")
        import_study(dataset_format("mmme"), folder / "release", folder / "imported")
        export_study(open_study(folder / "simulated"), folder / "exported")
        for study in ("simulated", "imported", "exported"):
            n_errors += ask(folder / study)
    return int(n_errors > 0)


def ask(study: Path) -> int:
    """The number of errors that the validator finds in a study."""
    run = subprocess.run(
        ["npx", "--yes", VALIDATOR, str(study), "--json"], capture_output=True, text=True, check=False
    )
    try:
        issues = json.loads(run.stdout)["issues"]
    except (ValueError, KeyError):
        print(run.stderr or run.stdout, file=sys.stderr)
        sys.exit(2)
    for kind in ("errors", "warnings"):
        for issue in issues[kind]:
            print(f"{study.name}: {kind[:-1]} {issue['key']}: {issue['reason'][:140]}")
    print(f"{study.name}: {len(issues['errors'])} errors, {len(issues['warnings'])} warnings ({VALIDATOR})")
    return len(issues["errors"])


if __name__ == "__main__":
    sys.exit(main())
