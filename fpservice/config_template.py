"""Writes ``acoustid.conf.dist`` and ``docs/configuration.md`` from the table of options."""

from __future__ import annotations

import textwrap
from typing import Any

from fpservice.config_options import OPTIONS, SECTIONS
from fpservice.config_values import Option

_HEAD = """\
# Every option of fpservice with its default. Copy this file to acoustid.conf, or name another
# file in ACOUSTID_CONFIG, and take away the "#" in front of what you want to change. With nothing
# changed all data is kept in ./data, or in the directory that FPSERVICE_DATA names.
#
# Each option can be given by the environment, which beats this file: [search] candidates is
# ACOUSTID_SEARCH_CANDIDATES. With _file behind its name an option is read from a file, which is
# the place for secrets: password_file = /run/secrets/password. An option set to nothing has its
# default. Times are in seconds.
#
# Written by: python -m fpservice.config > acoustid.conf.dist
"""

_USES = {
    "database": "This one keeps accounts, applications and statistics.",
    "database_fingerprint": "This one keeps fingerprints, tracks and their links.",
    "database_ingest": "This one keeps submissions.",
    "database_musicbrainz": "This one is MusicBrainz's own, only read; there need not be any.",
}

_EXAMPLES = {
    "cluster.rate_limiter": """\
# A public server behind one proxy, for example:
#   enabled = true
#   storage = redis
#   global_limit = 500
#   application_limit = 50
#   ip_limit = 3
#   trusted_proxies = 1
#   application.3 = 10
#   ip.192.0.2.7 = 20
""",
    "logging": """\
# For example:
#   level.sqlalchemy.engine = WARNING
""",
}

_PAGE = """\
# Configuration

Options come from an INI file and from the environment; the environment beats the file.

- The file is the one that `ACOUSTID_CONFIG` names, else `acoustid.conf` in the current directory,
  if it is there. `acoustid.conf.dist` is a template with every option and its default.
- The environment variable of an option is `ACOUSTID_<SECTION>_<OPTION>`, with underscores for
  dots: `[fingerprint_index] host` is `ACOUSTID_FINGERPRINT_INDEX_HOST`,
  `[cluster.rate_limiter] application.3` is `ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_3`.
- With `_file` (`_FILE`) behind its name an option is read from a file, less one line break at its
  end: `ACOUSTID_DATABASE_PASSWORD_FILE=/run/secrets/password`. It works for every option but
  `level.<module>`.
- An option set to nothing has its default. A secret has none: what it guards is off until it is
  set. An option must not be set twice in the file, nor twice in the environment.
- `FPSERVICE_DATA` names the directory for all that is kept in files, `./data` by default.
- `FPSERVICE_NATIVE=0` has everything computed in numpy, though the kernels in C are built;
  `fpservice --version` says which ones are in use.
- An unknown name, also of a variable that begins with `ACOUSTID_`, a value of the wrong type and a
  file that cannot be read stop the start with one line that says what and where. In Kubernetes,
  set `enableServiceLinks: false`, or variables like `ACOUSTID_SERVICE_HOST` appear by themselves.

With nothing set the service runs by itself: databases are files of SQLite, the index is embedded,
limits and caches are in memory, and the importer polls. A database is PostgreSQL as soon as its
`name` or `url` is set; `[database]` is that of accounts and applications. Names of recordings come
from `[database_musicbrainz]`, and there are none without it.

Times are in seconds. This page is written by `python -m fpservice.config docs`.
"""


def template() -> str:
    """Return the text of ``acoustid.conf.dist``."""
    return "\n".join([_HEAD, *(_section(section) for section in OPTIONS)])


def reference_page() -> str:
    """Return the text of ``docs/configuration.md``."""
    return "\n".join([_PAGE, *(_table(section) for section in OPTIONS)])


def _section(section: str) -> str:
    head = f"[{section}]\n{_wrapped(_about(section))}\n\n"
    return head + "".join(_lines(option) for option in OPTIONS[section]) + _example(section)


def _about(section: str) -> str:
    return (SECTIONS[section].__doc__ or "") + _before(" ", _USES.get(section, ""))


def _lines(option: Option) -> str:
    about = f"{option.help} {_capital(option.wanted)}{'; a secret' if option.secret else ''}."
    return f"{_wrapped(about)}\n#{option.title} ={_before(' ', _shown(option.default))}\n"


def _example(section: str) -> str:
    return _before("\n", _EXAMPLES.get(section, ""))


def _table(section: str) -> str:
    rows = "".join(_row(option) for option in OPTIONS[section])
    return (
        f"## [{section}]\n\n{_about(section)}\n\n"
        f"| option | value | default | meaning |\n|---|---|---|---|\n{rows}"
    )


def _row(option: Option) -> str:
    default = _before("`", _shown(option.default), "`")
    value = option.wanted + ("; secret" if option.secret else "")
    return f"| `{option.title}` | {value} | {default} | {option.help} |\n"


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 98, initial_indent="# ", subsequent_indent="# ")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _before(mark: str, text: str, after: str = "") -> str:
    return f"{mark}{text}{after}" if text else ""
