"""What better answers have that the recorded ones have not."""

from __future__ import annotations

from collections.abc import Callable

from tests.recorded.content import main_type
from tests.recorded.dataset import present_track
from tests.recorded.reply import Reply, objects

Check = Callable[[Reply], bool]

JSON = "application/json"
DEFAULT_CALLBACK = "jsonAcoustidApi"


def refused(*codes: int, status: int = 400, naming: str = "") -> Check:
    """Check for an error with one of the codes, whose message names a parameter."""

    def check(reply: Reply) -> bool:
        named = naming in str(reply.error.get("message", ""))
        return reply.answer.status == status and reply.error.get("code") in codes and named

    return check


def either(*checks: Check) -> Check:
    """Check for any of several."""
    return lambda reply: any(check(reply) for check in checks)


def found(reply: Reply) -> bool:
    """Whether each fingerprint that was answered has a result."""
    answered = reply.objects("fingerprints") or [reply.value]
    return reply.succeeded and all(list(objects(one, "results")) for one in answered)


def found_without(*words: str) -> Check:
    """Check for results in a body that has none of the words."""
    return lambda reply: found(reply) and not any(word in reply.answer.text for word in words)


def found_as(callback: str) -> Check:
    """Check for results in a call of this function."""
    return lambda reply: found(reply) and reply.content.kind == f"jsonp {callback}"


def json_error(*statuses: int) -> Check:
    """Check for an error in JSON with one of the statuses."""

    def check(reply: Reply) -> bool:
        is_json = main_type(reply.answer.content_type) == JSON
        return is_json and reply.answer.status in statuses and bool(reply.error)

    return check


def names_the_format(reply: Reply) -> bool:
    """Whether the message has the format that was asked for in it."""
    return refused(1, naming=f'"{reply.sent("format")}"')(reply)


def shows_all_that_is_recorded(reply: Reply) -> bool:
    """Whether the recorded results are there, others perhaps, and at most ten."""
    body = reply.case.expected.body
    recorded = {one["id"] for one in body["results"]}
    ids = [one.get("id") for one in reply.results]
    scores = [one.get("score", 0) for one in reply.results]
    in_order = scores == sorted(scores, reverse=True)
    return reply.succeeded and recorded <= set(ids) and len(set(ids)) == len(ids) <= 10 and in_order


def shows_the_present_track(reply: Reply) -> bool:
    """Whether the one result is the track that the one asked for has become, and is described."""
    ids = [one.get("id") for one in reply.results]
    return ids == [present_track(reply.sent("trackid").lower())] and bool(reply.recordings)


def shows_of_recordings(key: str) -> Check:
    """Check for recordings, of which at least one has the key."""
    return lambda reply: found(reply) and any(key in one for one in reply.recordings)


def shows_recording(mbid: str, **fields: object) -> Check:
    """Check for one recording alone, which has these fields; None is a field that is missing."""

    def check(reply: Reply) -> bool:
        ids = [one.get("id") for one in reply.recordings]
        shown = [one.get(name) for one in reply.recordings for name in fields]
        return ids == [mbid] and shown == [*fields.values()]

    return check


def shows_groups(*ids: str) -> Check:
    """Check for these release groups alone, beside no recordings."""

    def check(reply: Reply) -> bool:
        return [one.get("id") for one in reply.objects("results", "releasegroups")] == [*ids]

    return check


def shows_something_of_each_track(reply: Reply) -> bool:
    """Whether each result has recordings with titles."""
    described = [list(objects(one, "recordings")) for one in reply.results]
    titles = [[one.get("title") for one in recordings] for recordings in described]
    return len(titles) > 1 and all(listed and all(listed) for listed in titles)


def repeats_no_artists(reply: Reply) -> bool:
    """Whether only artists are missing that the recording around them has as well."""
    repeated = [
        group
        for recording in reply.recordings
        for group in objects(recording, "releasegroups")
        if group.get("artists") and group["artists"] == recording.get("artists")
    ]
    nothing_else = all(one.endswith("/artists: missing") for one in reply.differences)
    return bool(reply.recordings) and not repeated and nothing_else


def tells_what_was_bad(reply: Reply) -> bool:
    """Whether the rest is answered as recorded, and each bad part has an error of its own."""
    errors = reply.objects("errors")
    told = all({"index", "code", "message"} <= one.keys() and one["message"] for one in errors)
    return bool(errors) and told and not reply.differences


def takes(number: int) -> Check:
    """Check for submissions of which nothing is wrong."""

    def check(reply: Reply) -> bool:
        taken = reply.objects("submissions")
        right = all(one.get("id") and "reason" not in one for one in taken)
        return reply.succeeded and len(taken) == number and right

    return check


def gives_reasons(number: int) -> Check:
    """Check for an entry for each submission, of which the last says what is wrong with it."""

    def check(reply: Reply) -> bool:
        entries = reply.objects("submissions")
        return len(entries) == number and bool(entries[-1].get("reason"))

    return check


def all_unknown(reply: Reply) -> bool:
    """Whether each submission that was asked for by a number is called unknown."""
    asked = [value for name, value in reply.parameters if name == "id"]
    numbers = [int(value) for value in asked if value.removeprefix("-").isdigit()]
    entries = reply.objects("submissions")
    states = [(int(one.get("id", -1)), one.get("status")) for one in entries]
    return states == [(number, "unknown") for number in numbers]


def lists_tracks(*gids: str) -> Check:
    """Check for these tracks among those of the one MBID that was asked for."""

    def check(reply: Reply) -> bool:
        tracks = [*reply.objects("tracks"), *reply.objects("mbids", "tracks")]
        return {*gids} <= {one.get("id") for one in tracks}

    return check


def lists_the_same_for(mbids: tuple[str, ...], gids: tuple[str, ...]) -> Check:
    """Check for these tracks at each of the MBIDs, and for nothing else that is not recorded."""

    def check(reply: Reply) -> bool:
        tracks = {
            one.get("mbid"): {track.get("id") for track in objects(one, "tracks")}
            for one in reply.objects("mbids")
        }
        same = all(tracks.get(mbid) == {*gids} for mbid in mbids)
        return same and len(reply.differences) == len(mbids)

    return check


def tells_methods(status: int) -> Check:
    """Check for an answer that lists the methods that can be used, but not the refused one."""

    def check(reply: Reply) -> bool:
        allowed = reply.answer.headers.get("allow", "").replace(" ", "").split(",")
        usual = {"GET", "POST"} <= set(allowed)
        refused_itself = status == 405 and reply.case.method in allowed
        return reply.answer.status == status and usual and not refused_itself

    return check


def lets_browsers_ask(reply: Reply) -> bool:
    """Whether pages of other sites may send the method that the browser asks about."""
    headers = reply.answer.headers
    wanted = dict(reply.case.headers)["Access-Control-Request-Method"]
    methods = headers.get("access-control-allow-methods", "")
    origin = headers.get("access-control-allow-origin")
    return reply.answer.status == 200 and origin == "*" and wanted in methods


def has_no_body(reply: Reply) -> bool:
    """Whether the answer is one to HEAD."""
    return reply.answer.status == 200 and not reply.answer.content
