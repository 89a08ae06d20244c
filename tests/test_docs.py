"""What the pages show works as pasted: snippets, links, commands, options, names, navigation."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
import typer

from mien.cli.main import program
from mien.reproduce import ITEMS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DESIGN = sorted((ROOT / "design").glob("*.md"))
AT_ROOT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
EXCUSED = re.compile(r"<!-- not run: \S[^>]*-->\s*\Z")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)((?: {4}[^\n]*\n)+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def snippets(text):
    """The python blocks of a page that are run, in order."""
    return [m[2] for m in FENCE.finditer(text) if m[1] == "python" and not EXCUSED.search(text[: m.start()])]


def named(paths):
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


@pytest.mark.parametrize("page", named(page for page in PAGES if snippets(page.read_text())))
def test_snippets_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for number, snippet in enumerate(snippets(page.read_text())):
        exec(compile(snippet, f"{page.name}, block {number + 1}", "exec"), names)


def test_pages_that_must_show_code_do():
    shown = {page.stem for page in PAGES if snippets(page.read_text())}
    needed = {"studies", "recognition", "spotting", "concordance", "agreement", "video", "ethics"}
    assert needed - shown == set()


def anchors(path):
    """Headings as GitHub and MyST turn them into anchors."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", named([*PAGES, *DESIGN, *AT_ROOT]))
def test_links_lead_somewhere(page):
    lost = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


@lru_cache
def commands():
    """Every command by its words, `score spotting` too."""
    found = {}

    def walk(group, words):
        for name, command in group.commands.items():
            found[(*words, name)] = command
            if hasattr(command, "commands"):
                walk(command, (*words, name))

    walk(typer.main.get_command(program()), ())
    return found


def shell_lines(text):
    """Lines of indented and of fenced blocks that are not in another language."""
    fenced = [m[2] for m in FENCE.finditer(text) if m[1] in ("", "sh", "bash", "shell", "console", "text")]
    blocks = fenced + INDENTED.findall(FENCE.sub("", text))
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(blocks))
    return [line.strip().removeprefix("$ ") for line in joined.splitlines()]


def problems(line):
    """What is wrong with `mien ...` on a line: commands and options that the program does not have."""
    for part in re.split(r"\s&&\s|\s\|\s|;\s", line.partition(" #")[0]):
        words = part.strip().strip("`").split()
        if words[:1] and words[0].rpartition("/")[2] == "mien" and len(words) > 1:
            yield from _wrong(part, [word.strip("`,.") for word in words[1:]])


def _wrong(part, words):
    options = {"--debug", "--version", "--help"}
    if words[0].startswith("-"):
        yield from (f"{part}: no option {word}" for word in words if word.split("=")[0] not in options)
        return
    key = (words[0],)
    if key not in commands():
        yield f"{part}: no command {words[0]}"
        return
    if hasattr(commands()[key], "commands") and len(words) > 1 and not words[1].startswith("-"):
        key = (*key, words[1])
        if key not in commands():
            yield f"{part}: no command {' '.join(key)}"
            return
    for parameter in commands()[key].params:
        options.update(parameter.opts, parameter.secondary_opts)
    for word in words:
        if re.fullmatch(r"--?[A-Za-z][\w-]*(=.*)?", word) and word.split("=")[0] not in options:
            yield f"{part}: no option {word}"


@pytest.mark.parametrize("page", named([*PAGES, *DESIGN, *AT_ROOT]))
def test_commands_and_options_exist(page):
    text = page.read_text()
    inline = re.findall(r"`(mien [^`\n]+)`", FENCE.sub("", text))
    wrong = [one for line in [*shell_lines(text), *inline] for one in problems(line)]
    assert wrong == []


def test_a_wrong_option_would_be_found():
    assert list(problems("mien describe STUDY --plott x.svg")) == [
        "mien describe STUDY --plott x.svg: no option --plott"
    ]
    assert list(problems("mien decsribe STUDY")) == ["mien decsribe STUDY: no command decsribe"]
    assert list(problems("ls && .venv/bin/mien score spoting a b")) == [
        ".venv/bin/mien score spoting a b: no command score spoting"
    ]
    assert list(problems("mien describe STUDY --plot x.svg  # --not-an-option")) == []


def test_every_page_is_in_the_navigation():
    listed = {
        (DOCS / link).resolve()
        for link in re.findall(r"^\* \[[^\]]+\]\(([^)#]+)\)", (DOCS / "README.md").read_text(), re.M)
    }
    cards = {
        page
        for page in PAGES
        if page.parent.name in ("methods", "spotting-methods") and page.parent / "README.md" in listed
    }
    assert [
        page.relative_to(DOCS).as_posix()
        for page in PAGES
        if page not in listed | cards | {DOCS / "README.md"}
    ] == []
    for folder in ("methods", "spotting-methods"):
        index = (DOCS / folder / "README.md").read_text()
        assert [
            card.name
            for card in sorted((DOCS / folder).glob("*.md"))
            if f"]({card.name})" not in index and card.name != "README.md"
        ] == []


@pytest.mark.parametrize("page", named((DOCS / "results").glob("*.md")))
def test_results_name_the_command_that_makes_them(page):
    text = page.read_text()
    scripts = re.findall(r"python (docs/[\w/]+\.py)", text)
    modules = re.findall(r"python -m (?!pytest)(\w+)", text)
    targets = re.findall(r"make ([a-z-]+)", text)
    commands = re.findall(r"`mien ([\w-]+)", text)
    assert scripts or modules or targets or commands, "names no command"
    assert set(commands) <= {one.name for one in program().registered_commands} | {"score", None}
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    assert [module for module in modules if not (ROOT / module / "__main__.py").is_file()] == []
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_places_that_the_ledger_names_exist():
    text = (DOCS / "contradictions.md").read_text()
    lost = []
    for name in set(re.findall(r"`(mien(?:\.\w+)+)`", text)):
        module, rest = name, []
        while module:
            try:
                found = importlib.import_module(module)
                break
            except ModuleNotFoundError:
                module, _, last = module.rpartition(".")
                rest.insert(0, last)
        for part in rest:
            found = getattr(found, part, None)
        lost += [name] if found is None else []
    assert lost == []
    items = {item.name for item in ITEMS}
    assert set(re.findall(r"`((?:table|figure|equation)-[\d-]+|consent)`", text)) - items == set()
    assert [path for path in re.findall(r"`(tests/[\w/.]+)`", text) if not (ROOT / path).exists()] == []


@pytest.fixture
def site(monkeypatch):
    """The folder of the site's own modules on the path, where Sphinx is there to use them."""
    pytest.importorskip("myst_parser", reason="the site needs Sphinx and MyST: pip install '.[docs]'")
    pytest.importorskip("furo", reason="the site needs Furo: pip install '.[docs]'")
    monkeypatch.syspath_prepend(str(DOCS / "site"))
    yield
    for name in ("assemble", "build", "command_pages", "docstrings", "reference_pages"):
        sys.modules.pop(name, None)


def test_the_site_has_every_page_command_and_room(site, tmp_path):
    from assemble import assemble, navigation
    from reference_pages import ROOMS

    assemble(ROOT, tmp_path)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES} - {"README.md"}
    assert pages | {"index.md", "design/index.md", "CHANGELOG.md", "CONTRIBUTING.md"} <= made
    assert {f"reference/{room}.rst" for room in ROOMS} <= made
    assert {
        path.name for path in (ROOT / "src" / "mien").iterdir() if (path / "__init__.py").is_file()
    } - set(ROOMS) <= {"app", "cli", "speed"}
    reference = (tmp_path / "reference" / "commands.md").read_text()
    assert [name for name in commands() if f" mien {' '.join(name)}\n" not in reference] == []
    assert next(iter(navigation(ROOT))) == "Start"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(site, tmp_path):
    script = [sys.executable, str(DOCS / "site" / "build.py"), "--to", str(tmp_path / "site")]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").is_file()
    assert (tmp_path / "site" / "reference" / "core.html").is_file()
