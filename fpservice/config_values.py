"""What an option is, and how its text becomes a value."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

_TRUTH = {"true": True, "yes": True, "on": True, "1": True}
_TRUTH |= {"false": False, "no": False, "off": False, "0": False}
_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    tuple: "a list",
}


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class OptionError(ValueError):
    """A value that the named option of a section cannot have beside the others."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(problem)
        self.option = option


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One line of the table; ``field`` is the attribute, ``name`` what the operator writes.

    A keyed option, such as ``ip.<address>``, may be given many times; its values end up in a
    mapping, and ``read_key`` turns the part behind the dot into the mapping's key.
    """

    section: str
    name: str
    field: str
    kind: Any
    default: Any
    help: str
    secret: bool
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    key_name: str
    read_key: Callable[[str], Any] | None

    @property
    def title(self) -> str:
        """The name with what stands for the key: ``ip.<address>``."""
        return f"{self.name}.<{self.key_name}>" if self.read_key else self.name

    @property
    def path(self) -> str:
        """Section and name: ``search.candidates``."""
        return f"{self.section}.{self.title}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "ACOUSTID_" + self.path.replace(".", "_").upper()

    @property
    def wanted(self) -> str:
        """What a value must look like, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = _WORDS[self.kind]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low:g} to {self.high:.10g}"
        return words if self.low is None else f"{words}, at least {self.low:g}"

    def parse(self, text: str) -> Any:
        """Return the value that a text that is not empty stands for.

        Raises:
            ValueError: the text is no value of this option; the message quotes no secret.
        """
        try:
            return self._checked(_convert(self.kind, self.choices, text))
        except ValueError:
            given = "" if self.secret else f", not {text!r}"
            raise ValueError(f"must be {self.wanted}{given}") from None

    def _checked(self, value: Any) -> Any:
        if self.low is not None and value < self.low:
            raise ValueError
        if self.high is not None and value > self.high:
            raise ValueError
        return value


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    secret: bool = False,
) -> Any:
    """Declare an option as a field of a section's dataclass; its annotation is its type."""
    line = {"help": help, "low": low, "high": high, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=line)


def keyed_option(
    name: str, key_name: str, read_key: Callable[[str], Any], help: str, *, low: float | None = None
) -> Any:
    """Declare ``name.<key>`` as a field that maps keys to values."""
    line = {"help": help, "low": low, "name": name, "key_name": key_name, "read_key": read_key}
    return dataclasses.field(default_factory=dict, metadata=line)


def options_of(section: str, options: type) -> tuple[Option, ...]:
    """Return the table's lines for a section, from the fields of its dataclass."""
    hints = get_type_hints(options)
    return tuple(_line(section, f, hints[f.name]) for f in dataclasses.fields(options))


def _line(section: str, field: dataclasses.Field[Any], hint: Any) -> Option:
    kind, choices = _kind(hint)
    line = field.metadata
    return Option(
        section=section,
        name=line.get("name", field.name),
        field=field.name,
        kind=kind,
        default=None if field.default is dataclasses.MISSING else field.default,
        help=line["help"],
        secret=line.get("secret", False),
        low=line.get("low"),
        high=line.get("high"),
        choices=choices,
        key_name=line.get("key_name", ""),
        read_key=line.get("read_key"),
    )


def _kind(hint: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the type of a single value, and the values it is limited to, if any."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return str, arguments
    if origin is Mapping:
        return _kind(arguments[1])
    if NoneType in arguments:
        return _kind(next(a for a in arguments if a is not NoneType))
    return origin or hint, ()


def _convert(kind: Any, choices: tuple[str, ...], text: str) -> Any:
    return _choice(choices, text) if choices else _READERS[kind](text)


def _choice(choices: tuple[str, ...], text: str) -> str:
    for choice in choices:
        if choice.casefold() == text.casefold():
            return choice
    raise ValueError


def _truth(text: str) -> bool:
    if text.casefold() not in _TRUTH:
        raise ValueError
    return _TRUTH[text.casefold()]


def _whole_number(text: str) -> int:
    # int() alone would also read "1_000" and digits of other scripts.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: _truth,
    int: _whole_number,
    float: _number,
    str: str,
    Path: Path,
    tuple: _words,
}
