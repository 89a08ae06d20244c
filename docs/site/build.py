"""Build the site: `python docs/site/build.py` (what `make docs` runs) writes build/site/index.html.

What the site is made from is assembled in build/site-source first: the pages of docs/ and design/ with their links
turned, and the pages of the reference, which are made from the package itself. Every warning is an error.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def main(target: Path) -> int:
    """Sphinx' exit status; 2 where it is not installed."""
    try:
        from sphinx.cmd.build import main as sphinx
    except ImportError:
        print(
            "The site needs Sphinx: pip install -c constraints.txt -e '.[docs]', or make docs.",
            file=sys.stderr,
        )
        return 2
    from assemble import assemble

    source, site = target.with_name(target.name + "-source"), target
    shutil.rmtree(site, ignore_errors=True)
    assemble(ROOT, source)
    options = ["-c", str(HERE), "-b", "html", "-q", "-W", "--keep-going", "-d", str(source / ".doctrees")]
    status = sphinx([*options, str(source), str(site)])
    if status == 0:
        print(f"The site: {site / 'index.html'}")
    return int(status)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument(
        "--to", type=Path, default=ROOT / "build" / "site", help="folder that is written anew"
    )
    sys.exit(main(parser.parse_args().to.resolve()))
