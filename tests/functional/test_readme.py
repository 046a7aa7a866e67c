"""What the README and the docs tell people to type works, on the default that they start."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fpservice.services.demo import example
from tests.served import Served

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shell_blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    indented = re.findall(r"^    ((?:make|curl|fpservice) .*)$", text, re.M)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + indented


def test_the_first_lookup_is_copied_and_pasted(tmp_path: Path) -> None:
    [line] = [line for line in shell_blocks(ROOT / "README.md") if line.startswith("curl")]
    with Served.start({"FPSERVICE_DATA": str(tmp_path)}) as served:
        command = shlex.split(line.replace("http://127.0.0.1:5000", served.url))
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert f'"title": "{example().title}"' in answer.stdout


def test_make_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set()
    for page in PAGES:
        named |= set(re.findall(r"`?make ([a-z-]+)", page.read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert {"serve", "test"} <= named & targets
    # "make" is also a word of English; every name in code must be a target.
    in_code = {
        match
        for page in PAGES
        for match in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert in_code <= targets


@pytest.fixture(scope="module")
def commands() -> set[str]:
    known = subprocess.run(
        [sys.executable, "-m", "fpservice.cli", "--help"],
        capture_output=True, text=True, check=True, timeout=20,
    ).stdout  # fmt: skip
    return set(re.findall(r"^  ([a-z-]+)", known, re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path, commands: set[str]) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"fpservice ([a-z][a-z-]+)((?: [a-z][a-z-]+)?)", text))
    lines = [line for line in shell_blocks(page) if "fpservice " in line]
    for line in lines:
        words = shlex.split(line, comments=True)
        names = [word for word in words if re.fullmatch(r"[a-z][a-z-]+", word)]
        assert set(names) & commands, line
    assert {command for command, _ in named if f"`fpservice {command}" in text} <= commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
