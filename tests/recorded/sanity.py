"""What every answer must be, whatever was recorded."""

from __future__ import annotations

from tests.recorded.reply import Reply


def sanity_problems(reply: Reply) -> list[str]:
    """Return what is wrong with an answer by itself.

    It is no failure of the server, its body is what its type says, and it is "ok" with a status
    of success or an error with code and message.
    """
    status = reply.answer.status
    if not 200 <= status < 500:
        return [f"status: {status}"]
    if reply.case.method == "HEAD":
        return ["body: one to HEAD"] if reply.answer.content else []
    if not reply.value:
        return [f"body: no object in {reply.answer.content_type}: {reply.answer.text[:120]!r}"]
    if status < 400:
        said = reply.value.get("status")
        return [] if said == "ok" else [f"/status: {said} with status {status}"]
    told = reply.error.get("code") and reply.error.get("message")
    return [] if told else [f"/error: no code or no message: {reply.value}"]
