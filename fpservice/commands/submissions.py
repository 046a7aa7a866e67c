"""``fpservice submissions``: what was submitted and what became of it."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from fpservice.bootstrap import build_submission
from fpservice.commands.parts import opened_parts
from fpservice.db.ingest.submissions import StoredSubmission
from fpservice.domain.submission import State


@click.group()
def submissions() -> None:
    """Look at submissions, and try failed ones again."""


@submissions.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only these.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
def list_submissions(state: str | None, limit: int) -> None:
    """List the latest submissions."""
    with opened_parts() as parts:
        found = build_submission(parts).latest(State(state) if state else None, limit)
    table = Table("id", "state", "duration", "mbid", "text", "reason")
    for one in found:
        content = one.content
        text = " / ".join(filter(None, (content.text.artist, content.text.track)))
        table.add_row(
            str(one.id),
            one.state.value,
            f"{content.duration} s",
            str(content.mbid or ""),
            text,
            one.reason or "",
        )
    Console().print(table)


@submissions.command()
@click.argument("submission_id", type=int)
def show(submission_id: int) -> None:
    """Show one submission and what became of it, as JSON."""
    with opened_parts() as parts:
        service = build_submission(parts)
        found = service.find(submission_id)
        if found is None:
            raise click.ClickException(f"there is no submission {submission_id}")
        status = service.status([submission_id])[0]
    shown = _shown(found)
    shown["track"] = str(status.track_gid) if status.track_gid else None
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@submissions.command()
@click.argument("submission_ids", type=int, nargs=-1)
@click.option("--failed", is_flag=True, help="All that have failed (10,000 at most).")
def retry(submission_ids: tuple[int, ...], failed: bool) -> None:
    """Try failed or rejected submissions again."""
    with opened_parts() as parts:
        service = build_submission(parts)
        ids = list(submission_ids)
        if failed:
            ids += [one.id for one in service.latest(State.FAILED, 10_000)]
        if not ids:
            raise click.ClickException("name submissions, or use --failed")
        again = [id for id in ids if service.retry(id)]
    click.echo(f"{len(again)} of {len(ids)} will be tried again")


def _shown(submission: StoredSubmission) -> dict[str, object]:
    content = submission.content
    return {
        "id": submission.id,
        "state": submission.state.value,
        "reason": submission.reason,
        "account_id": content.account_id,
        "application_id": content.application_id,
        "application_version": content.application_version,
        "duration": content.duration,
        "hashes": len(content.hashes),
        "bitrate": content.bitrate,
        "format": content.format,
        "mbid": str(content.mbid) if content.mbid else None,
        "puid": str(content.puid) if content.puid else None,
        "foreignid": content.foreignid,
        **content.text.as_dict(),
    }
