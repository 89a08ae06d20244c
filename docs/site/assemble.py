"""The sources of the site: pages copied with their links turned, navigation, and the pages of the reference.

docs/README.md is the home page and, by its headings and lists, the navigation: on GitHub as on the site. A link to a
page of the repository becomes a link to that page of the site, a link to another file a download of it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from command_pages import command_page
from reference_pages import reference_pages

LINK = re.compile(r"(\]\()([^)\s#]*)(#[^)\s]*)?(\))")
ENTRY = re.compile(r"^\* \[([^\]]+)\]\(([^)#]+)\)", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```|(?<=\n\n)(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
GENERATED = ("reference/commands.md", "reference/index.md")


def assemble(root: Path, source: Path) -> None:
    """Write the sources of the site into the folder `source`, which is emptied first."""
    shutil.rmtree(source, ignore_errors=True)
    pages = site_pages(root)
    for page, place in pages.items():
        text = turned(page.read_text(), page, pages, root, source)
        target = source / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + _toctrees(page, place, pages, root))
    shutil.copytree(root / "docs" / "images", source / "images")
    for name, text in {"reference/commands.md": command_page(), **reference_pages()}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (source / "design" / "index.md").write_text(_design_index(root))


def site_pages(root: Path) -> dict[Path, str]:
    """Every page of the repository that is on the site, with its place there."""
    docs = {
        page: page.relative_to(root / "docs").as_posix() for page in sorted((root / "docs").rglob("*.md"))
    }
    docs[root / "docs" / "README.md"] = "index.md"
    design = {page: f"design/{page.name}" for page in sorted((root / "design").glob("*.md"))}
    return docs | design | {root / name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md")}


def turned(text: str, page: Path, pages: dict[Path, str], root: Path, source: Path) -> str:
    """The page's text with links as they must be on the site; code stays as it is."""
    places = pages | {
        root / "README.md": "index.md",
        root / "docs": "index.md",
        root / "design": "design/index.md",
    }

    def turn(match: re.Match[str]) -> str:
        before, link, anchor, after = match.groups()
        if not link or "://" in link or link.startswith("mailto:"):
            return match.group()
        file = (page.parent / link).resolve()
        place = places.get(file)
        if place is None:
            place = file.relative_to(root).as_posix().removeprefix("docs/")
            if not place.startswith("images/"):
                place = f"files/{place}"
                (source / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, source / place)
        here = Path(pages[page]).parent
        return f"{before}{os.path.relpath(place, here)}{anchor or ''}{after}"

    parts, at = [], 0
    for block in FENCED.finditer(text):
        parts += [LINK.sub(turn, text[at : block.start()]), block.group()]
        at = block.end()
    return "".join(parts) + LINK.sub(turn, text[at:])


def navigation(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Headings of docs/README.md with the titles and links that are listed under them."""
    _, *sections = re.split(r"^## ", (root / "docs" / "README.md").read_text(), flags=re.MULTILINE)
    listed = {part.splitlines()[0].strip(): ENTRY.findall(part) for part in sections}
    return {title: pages for title, pages in listed.items() if pages}


def _toctrees(page: Path, place: str, pages: dict[Path, str], root: Path) -> str:
    if place == "index.md":
        listed = {
            heading: [f"{title} </{_place(link, root, pages)}>" for title, link in links]
            for heading, links in navigation(root).items()
        }
        project = listed.pop("Project", [])
        listed |= {"Reference": [f"/{one}" for one in GENERATED], "Project": project}
        return "".join(_toctree(entries, heading) for heading, entries in listed.items() if entries)
    if page.name == "README.md":  # an index of cards
        cards = [f"/{pages[card]}" for card in sorted(page.parent.glob("*.md")) if card != page]
        return _toctree(cards)
    return ""


def _place(link: str, root: Path, pages: dict[Path, str]) -> str:
    file = (root / "docs" / link).resolve()
    return "design/index.md" if file == root / "design" else pages[file]


def _toctree(entries: list[str], caption: str = "") -> str:
    head = f":caption: {caption}\n" if caption else ""
    return "\n```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(entries) + "\n```\n"


def _design_index(root: Path) -> str:
    pages = sorted((root / "design").glob("*.md"))
    rows = [f"* [{page.read_text().splitlines()[0].lstrip('# ')}]({page.name})" for page in pages]
    head = "# Design decisions\n\nOne page a decision: what it is, why, and what follows from it.\n\n"
    return head + "\n".join(rows) + "\n" + _toctree([f"/design/{page.name}" for page in pages])
