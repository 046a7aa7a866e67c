"""Scenarios: processes of the service are killed, or meet what they should not meet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import nats
import requests
from nats.js.errors import NotFoundError
from sqlalchemy import select, update

from fpservice.db.ingest.tables import submission
from fpservice.domain.fingerprint import to_bytes
from fpservice.domain.submission import State
from fpservice.services.import_tries import KILLED
from tests.faults.clips import clips, portions, same_music
from tests.faults.round import Round
from tests.index_samples import random_walk
from tests.services import free_port

DELIVERIES = 5


def killed_at(step: str) -> Callable[[Round], None]:
    """Return a scenario: four workers, one after the other, die at the same step of importing."""

    def scenario(round: Round) -> None:
        for portion in portions(round.seed, 4):
            round.submit(portion)
            worker = round.start(step=step, die_at=round.rng.randint(1, 2))
            round.wait_for_death(worker)
        round.settle()

    return scenario


def killed_anywhere(round: Round) -> None:
    """Workers are killed after any time, six of them, while submissions come."""
    with round.sending(clips(round.seed, 5), 0.03):
        for _ in range(6):
            worker = round.start()
            worker.wait(round.rng.uniform(0.05, 0.35))
            round.end(worker, by_kill=True)
    round.settle()


def web_killed(round: Round) -> None:
    """Web processes die between the commit of a submission and its answer, again and again."""
    bind = f"127.0.0.1:{free_port()}"
    round.variables |= {"ACOUSTID_GUNICORN_BIND": bind, "ACOUSTID_GUNICORN_WORKERS": "1"}
    web = round.start("web", step="stored", die_at=round.rng.randint(5, 9))
    worker = round.start()
    round.wait_until(lambda: _answers(f"http://{bind}/_health_docker"))
    unanswered = set()
    for clip in clips(round.seed, 3):
        try:
            answer = requests.post(f"http://{bind}/v2/submit", round.form(clip), timeout=20)
        except requests.ConnectionError:
            unanswered.add(clip.number)
        else:
            round.take(clip, answer.status_code, answer.json())
    round.wait_until(round.is_done)
    assert len(unanswered) >= 3
    assert unanswered <= round.stored().keys(), "it died before the commit"
    round.end(worker)
    round.end(web, by_kill=True)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def same_music_at_once(round: Round) -> None:
    """Three workers get submissions of the same few recordings at the same time."""
    workers = [round.start(step="taken", linger=0.01) for _ in range(3)]
    round.submit(same_music(round.seed, recordings=3, number=40))
    round.wait_until(round.is_done)
    for worker in workers:
        round.end(worker)


def delivered_five_times(round: Round) -> None:
    """Each message is in the stream five times, and two workers take them all."""
    workers = [round.start() for _ in range(2)]
    stream = round.variables["ACOUSTID_NATS_STREAM"]
    url = round.variables["ACOUSTID_NATS_SERVERS"]
    round.wait_until(lambda: asyncio.run(_is_there(url, stream)))
    round.submit(clips(round.seed, 3))
    messages = [f"{id}.{time}" for id in round.accepted.values() for time in range(DELIVERIES)]
    asyncio.run(_publish(url, stream, round.rng.sample(messages, len(messages))))
    round.wait_until(round.is_done)
    round.wait_until(lambda: asyncio.run(_acknowledged(url, stream)) >= len(messages))
    for worker in workers:
        round.end(worker)


async def _is_there(url: str, stream: str) -> bool:
    async with await nats.connect(url) as client:
        try:
            return (await client.jetstream().stream_info(stream)).state.consumer_count > 0
        except NotFoundError:
            return False


async def _publish(url: str, stream: str, messages: Sequence[str]) -> None:
    """Publish messages whose ids begin with that of the submission."""
    async with await nats.connect(url) as client:
        for message in messages:
            await client.jetstream().publish(
                f"{stream}.submitted",
                message.split(".")[0].encode(),
                headers={"Nats-Msg-Id": f"again.{message}"},
            )


async def _acknowledged(url: str, stream: str) -> int:
    """Return how many messages are acknowledged of those that were ever in the stream."""
    async with await nats.connect(url) as client:
        state = (await client.jetstream().stream_info(stream)).state
        return state.last_seq - state.messages


def poison(round: Round) -> None:
    """Some submissions cannot be read, and one is too short; they come among good ones."""
    round.submit(clips(round.seed, 4))
    unreadable = round.rng.sample(sorted(round.sent), 3)
    short = unreadable.pop()
    ingest = round.installed.parts.databases.ingest
    spoiled = dict.fromkeys(unreadable, b"abc")
    spoiled[short] = to_bytes(random_walk(round.seed, 20))
    with ingest.writing() as connection:
        for number, hashes in spoiled.items():
            chosen = submission.c.application_version == str(number)
            connection.execute(update(submission).where(chosen).values(hashes=hashes))
    round.poison |= spoiled.keys()
    round.settle()
    with ingest.reading() as connection:
        rows = connection.execute(select(submission.c.state, submission.c.reason))
        ends = Counter(state for state, reason in rows if reason)
    assert ends == {State.FAILED.value: 2, State.REJECTED.value: 1}


def poison_that_kills(round: Round) -> None:
    """Two submissions kill whoever imports them, again and again; they come among good ones."""
    round.submit(clips(round.seed, 4))
    deadly = round.rng.sample(sorted(round.sent), 2)
    round.poison |= set(deadly)
    tries = int(round.variables["ACOUSTID_WORKER_MAX_ATTEMPTS"])
    # One in company, and then so many alone.
    most = len(deadly) * (tries + 1)
    deaths = 0
    worker = round.start(deadly=deadly)
    while not round.is_done():
        if round.died(worker, 0.05):
            deaths += 1
            assert deaths <= most
            worker = round.start(deadly=deadly)
    round.end(worker)
    assert deaths > tries
    with round.installed.parts.databases.ingest.reading() as connection:
        rows = connection.execute(select(submission.c.state, submission.c.reason))
        ends = Counter(tuple(row) for row in rows if row.reason)
    assert ends == {(State.FAILED.value, KILLED): len(deadly)}
