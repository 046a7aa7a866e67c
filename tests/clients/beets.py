"""beets as its users run it: the command ``beet`` with a library, a configuration and a plugin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS = 60
PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
CONFIGURATION = """
directory: {folder}/music
library: {folder}/library.db
pluginpath: {folder}/plugins
plugins: [chroma, musicbrainz, fpservice_address]
threaded: no
acoustid:
  apikey: {user}
musicbrainz:
  host: {musicbrainz}
  ratelimit: 100
import:
  copy: no
  quiet_fallback: asis
  duplicate_action: keep
match:
  strong_rec_thresh: 0.9
  preferred:
    original_year: yes
"""


@dataclass(frozen=True, slots=True)
class Beets:
    """A user's beets; ``folder`` holds library, configuration and plugin."""

    folder: Path

    @classmethod
    def set_up(cls, folder: Path, url: str, *, user: str, musicbrainz: str) -> Beets:
        """Configure it as the documentation says, for the service at ``url``."""
        plugins = folder / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "fpservice_address.py").write_text(_documented_plugin(url), encoding="utf-8")
        settings = CONFIGURATION.format(folder=folder, user=user, musicbrainz=musicbrainz)
        (folder / "config.yaml").write_text(settings, encoding="utf-8")
        return cls(folder)

    def run(self, *arguments: str) -> str:
        """Run ``beet`` and return all it printed; it must end well."""
        done = subprocess.run(
            [Path(sys.executable).with_name("beet"), *arguments],
            env={**os.environ, "BEETSDIR": str(self.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def items(self, *fields: str) -> dict[str, list[str]]:
        """Return fields of the library's items by the name of the file."""
        template = "\t".join(["$path", *(f"${name}" for name in fields)])
        rows = [line.split("\t") for line in self.run("list", "-f", template).splitlines()]
        return {Path(path).name: values for path, *values in rows}


def _documented_plugin(url: str) -> str:
    """Return the plugin that the documentation shows, for this address."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    [block] = blocks
    assert "http://HOST:5000" in block
    return block.replace("http://HOST:5000", url)
