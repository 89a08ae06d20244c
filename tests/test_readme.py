"""What the README shows works as pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda s: s.splitlines()[0])
def test_python(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})


def test_every_link_leads_somewhere():
    root = Path(__file__).resolve().parent.parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (root / link).exists()] == []


def test_every_command_exists():
    from typer.testing import CliRunner

    from mien.cli.main import program

    commands = {line.split()[1] for line in README.splitlines() if line.strip().startswith("mien ")}
    for name in commands:
        assert CliRunner().invoke(program(), [name, "--help"]).exit_code == 0
