"""The template and the page about options say what the table says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fpservice.config import load_config
from fpservice.config_options import OPTIONS
from fpservice.config_template import reference_page, template

ROOT = Path(__file__).parents[2]


def written(directory: Path, text: str) -> Path:
    path = directory / "test.conf"
    path.write_text(text, encoding="utf-8")
    return path


def test_template_is_current() -> None:
    assert (ROOT / "acoustid.conf.dist").read_text(encoding="utf-8") == template()


def test_reference_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference_page()


def test_every_option_is_in_both() -> None:
    for section, options in OPTIONS.items():
        in_template = template().split(f"\n[{section}]\n")[1].split("\n[")[0]
        in_page = reference_page().split(f"\n## [{section}]\n")[1].split("\n## ")[0]
        for option in options:
            assert f"\n#{option.title} =" in in_template
            assert f"\n| `{option.title}` |" in in_page


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    lines = [line for line in template().splitlines() if "<" not in line]
    path = written(
        tmp_path,
        "\n".join(line.removeprefix("#") if "# " not in line[:2] else line for line in lines),
    )
    assert "\ncandidates = 20\n" in path.read_text()
    assert load_config({}, path) == load_config({})


def test_the_example_of_a_public_server_works(tmp_path: Path) -> None:
    lines = template().splitlines()
    path = written(tmp_path, "\n".join(x[4:] if x.startswith("#   ") else x for x in lines))
    config = load_config({"ACOUSTID_REDIS_HOST": "r"}, path)
    assert config.cluster_rate_limiter.enabled
    assert config.cluster_rate_limiter.applications == {3: 10.0}
    assert config.logging.levels == {"sqlalchemy.engine": "WARNING"}


@pytest.mark.parametrize(("arguments", "text"), [([], template), (["docs"], reference_page)])
def test_command(arguments: list[str], text: Callable[[], str]) -> None:
    command = [sys.executable, "-m", "fpservice.config", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, text(), "")
