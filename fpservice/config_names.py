"""Finds the option that a name stands for; dots and underscores are alike in names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fpservice.config_options import OPTIONS
from fpservice.config_sources import PREFIX, Given
from fpservice.config_values import ConfigError, Option

_FILE = "_file"


@dataclass(frozen=True, slots=True)
class Named:
    """An option as named: ``key`` for a keyed one, and whether the text is a file's path."""

    option: Option
    key: Any = None
    in_file: bool = False

    @property
    def path(self) -> str:
        """Section, name and key: ``search.candidates``, ``cluster.rate_limiter.ip.::1``."""
        suffix = "" if self.key is None else f".{self.key}"
        return f"{self.option.section}.{self.option.name}{suffix}"

    @property
    def identity(self) -> str:
        """The same for every way to write the name."""
        return _plain(self.path)


def named_in_file(given: Given) -> Named | None:
    """Return the option, or None for a section without any.

    Raises:
        ConfigError: there is no such section or option.
    """
    section = _SECTIONS.get(_plain(given.section))
    if section is None:
        nearest = _nearest(f"[{given.section}]", (f"[{name}]" for name in OPTIONS))
        problem = f"unknown section [{given.section}]; the nearest is {nearest}"
        raise ConfigError(f"{given.place}: {problem}")
    if not given.name:
        return None
    found = _find(section, given.name, given.place)
    if found is None:
        path = f"{section}.{given.name}"
        nearest = _nearest(path, (o.path for o in _near(section, given.name)))
        raise ConfigError(f"{given.place}: unknown option {path}; the nearest is {nearest}")
    return found


def named_in_environment(variable: str, place: str) -> Named:
    """Return the option of a variable; of the sections that fit, the longest one's.

    Raises:
        ConfigError: there is no such option.
    """
    name = _plain(variable.removeprefix(PREFIX))
    for plain, section in _LONGEST_FIRST:
        if name.startswith(plain + "_"):
            found = _find(section, name.removeprefix(plain + "_"), place)
            if found is not None:
                return found
            break
    nearest = _nearest(variable, (o.variable for lines in OPTIONS.values() for o in lines))
    raise ConfigError(f"{place}: unknown option; the nearest is {nearest}")


def _plain(name: str) -> str:
    return name.lower().replace(".", "_")


_SECTIONS = {_plain(section): section for section in OPTIONS}
_LONGEST_FIRST = sorted(_SECTIONS.items(), key=lambda item: len(item[0]), reverse=True)


def _find(section: str, name: str, place: str) -> Named | None:
    plain = _plain(name)
    for option in OPTIONS[section]:
        if option.read_key is None and plain in (option.name, option.name + _FILE):
            return Named(option, in_file=plain != option.name)
    for option in OPTIONS[section]:
        if option.read_key is not None and plain.startswith(option.name + "_"):
            return _keyed(option, name[len(option.name) + 1 :], place)
    return None


def _keyed(option: Option, key: str, place: str) -> Named:
    assert option.read_key is not None
    try:
        if key.lower().endswith(_FILE):
            return _keyed_in_file(option, key)
        return Named(option, option.read_key(key))
    except ValueError as error:
        raise ConfigError(f"{place}: {option.path}: {key!r} {error}") from None


def _keyed_in_file(option: Option, key: str) -> Named:
    assert option.read_key is not None
    try:
        # The name of a module may end like this by itself.
        return Named(option, option.read_key(key))
    except ValueError:
        return Named(option, option.read_key(key[: -len(_FILE)]), in_file=True)


def _near(section: str, name: str) -> Iterable[Option]:
    """Return the section's options if one is like the name, else all."""
    names = [option.name for option in OPTIONS[section]]
    if difflib.get_close_matches(name, names, n=1):
        return OPTIONS[section]
    return [option for options in OPTIONS.values() for option in options]


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
