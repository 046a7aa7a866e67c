"""Where options come from: a file, the environment, and files that hold one secret each."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fpservice.config_values import ConfigError

PREFIX = "ACOUSTID_"
FILE_VARIABLE = "ACOUSTID_CONFIG"
_LARGEST_FILE = 1 << 20
_LARGEST_SECRET = 1 << 16


@dataclass(frozen=True, slots=True)
class Given:
    """A text somebody wrote for an option; ``place`` is for messages.

    A section is given without a name, so that one without options is looked at, too.
    """

    section: str
    name: str
    text: str
    place: str


class _Parser(configparser.RawConfigParser):
    """INI as is: no interpolation, no section of defaults, and colons may be in names."""

    def __init__(self) -> None:
        super().__init__(delimiters=("=",), default_section="", empty_lines_in_values=False)

    def optionxform(self, optionstr: str) -> str:
        # Modules, in [logging], have capitals.
        return optionstr


def read_file(path: Path) -> list[Given]:
    """Return what an INI file says.

    Raises:
        ConfigError: the file cannot be read, or a line of it cannot.
    """
    text = _read(path, _LARGEST_FILE, f"configuration file {path}")
    parser = _parsed(text, path)
    lines = _line_numbers(text)
    return [
        Given(section, name, value.strip(), f"{path}:{lines.get((section, name), 0)}")
        for section in parser.sections()
        for name, value in [("", ""), *parser.items(section)]
    ]


def read_environment(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that are options, and their texts."""
    return [
        (name, text.strip())
        for name, text in sorted(environ.items())
        if name.startswith(PREFIX) and name != FILE_VARIABLE
    ]


def read_secret(path: str, place: str) -> str:
    """Return what a file holds, less one line break at its end.

    Raises:
        ConfigError: the file cannot be read, or is empty.
    """
    text = _read(Path(path), _LARGEST_SECRET, f"{place}: file {path}")
    secret = re.sub(r"\r?\n\Z", "", text)
    # A secret that is empty by accident must not end up as one that everybody knows.
    if not secret:
        raise ConfigError(f"{place}: file {path} is empty")
    return secret


def _read(path: Path, largest: int, what: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigError(f"{what} cannot be read: {reason}") from error
    if len(content) > largest:
        raise ConfigError(f"{what} has more than {largest} bytes")
    return text


def _parsed(text: str, path: Path) -> _Parser:
    """Parse; messages of the parser quote lines, which may hold secrets, so none is kept."""
    parser = _Parser()
    try:
        parser.read_string(text)
    except configparser.DuplicateOptionError as error:
        problem = f"{error.section}.{error.option} is set a second time"
        raise ConfigError(f"{path}:{error.lineno}: {problem}") from None
    except configparser.DuplicateSectionError as error:
        problem = f"section [{error.section}] is there a second time"
        raise ConfigError(f"{path}:{error.lineno}: {problem}") from None
    except configparser.MissingSectionHeaderError as error:
        raise ConfigError(f"{path}:{error.lineno}: a [section] must come first") from None
    except configparser.ParsingError as error:
        line = error.errors[0][0]
        raise ConfigError(f"{path}:{line}: must be [section] or option = value") from None
    return parser


def _line_numbers(text: str) -> dict[tuple[str, str], int]:
    return {place: number for number, place in _places(text)}


def _places(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\[(.+)\]", line):
            section = header.group(1)
            yield number, (section, "")
        elif option := re.match(r"\s*([^#;=\s][^=]*?)\s*=", line):
            yield number, (section, option.group(1))
