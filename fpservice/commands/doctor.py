"""``fpservice doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fpservice.bootstrap import build_parts
from fpservice.bootstrap_doctor import build_checks, disk_checks, unused
from fpservice.config import DEFAULT_FILE, Config, ConfigError, load_config
from fpservice.config_secrets import without_secrets
from fpservice.config_sources import FILE_VARIABLE, PREFIX
from fpservice.observability.logs import configure_logging
from fpservice.services.doctor.checks import Finding, examine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Look at all that the service needs; exit status 1 if something is wrong.

    Nothing is changed, and no secret is printed.
    """
    try:
        config = load_config()
    except ConfigError as error:
        advice = "mend it; docs/configuration.md has all options"
        _finish([Finding("configuration", str(error), advice)], [], as_json)
    findings = [Finding("configuration", _sources()), *_examine(config)]
    hidden = [
        Finding(one.name, without_secrets(one.detail, config), one.advice) for one in findings
    ]
    _finish(hidden, unused(config), as_json)


def _examine(config: Config) -> list[Finding]:
    configure_logging(config)
    try:
        parts = build_parts(config)
    except (OSError, ConfigError) as error:
        advice = "mend what is said of it here, or in the configuration"
        return [
            Finding("parts", f"cannot be built: {error}", advice),
            *examine(disk_checks(config)),
        ]
    # Not closed: what hangs would keep it from ending, and it ends now.
    return examine(build_checks(parts))


def _sources() -> str:
    named = os.environ.get(FILE_VARIABLE)
    file = named or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else None)
    variables = sum(1 for name in os.environ if name.startswith(PREFIX) and name != FILE_VARIABLE)
    return f"{file or 'no file'} and {variables} variables of the environment are good"


def _finish(findings: Sequence[Finding], unused: Sequence[str], as_json: bool) -> None:
    good = all(one.ok for one in findings)
    click.echo(_json(findings, unused, good) if as_json else _text(findings, unused, good))
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: a check that hangs in a library may hold what an orderly end would wait for.
    os._exit(0 if good else 1)


def _json(findings: Sequence[Finding], unused: Sequence[str], good: bool) -> str:
    checks = [
        {
            "name": one.name,
            "status": "ok" if one.ok else "problem",
            "detail": one.detail,
            "advice": one.advice,
        }
        for one in findings
    ]
    status = "ok" if good else "problem"
    return json.dumps({"status": status, "checks": checks, "unused": list(unused)}, indent=2)


def _text(findings: Sequence[Finding], unused: Sequence[str], good: bool) -> str:
    lines = []
    for one in findings:
        lines.append(f"{'ok     ' if one.ok else 'PROBLEM'}  {one.name}: {one.detail}")
        if one.advice:
            lines.append(f"         -> {one.advice}")
    if unused:
        lines.append(f"unused   {', '.join(unused)}: not configured")
    problems = sum(1 for one in findings if not one.ok)
    lines.append("" if good else f"\n{problems} of {len(findings)} checks found a problem")
    return "\n".join(lines).rstrip()
