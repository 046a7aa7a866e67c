"""What a round came to: nothing lost and nothing doubled, if all went as it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from fpservice.bootstrap import build_comparison
from fpservice.domain.submission import State
from tests.faults.clips import Clip
from tests.faults.contents import read_contents
from tests.faults.round import Round

_REFUSED = (State.REJECTED.value, State.FAILED.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the submissions of a round; ``refused`` with a reason, as they should be."""

    accepted: int = 0
    imported: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        """Return both together."""
        return Outcome(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        """Return all in words."""
        refused = f"refused {self.refused}, " if self.refused else ""
        return (
            f"accepted {self.accepted}, imported {self.imported}, {refused}"
            f"lost {self.lost}, doubled {self.doubled}"
        )


def outcome_of(round: Round) -> Outcome:
    """Compare a round with what the same submissions come to where nothing goes wrong.

    An assertion fails if the databases or the index disagree in another way than by too many or
    too few.
    """
    assert round.is_done()
    stored = round.stored()
    good = [clip for number, clip in round.sent.items() if number in stored.keys() - round.poison]
    wanted, found = round.site.undisturbed(good), read_contents(round.installed.parts)
    more = Counter(found.figures) - Counter(wanted.figures)
    less = Counter(wanted.figures) - Counter(found.figures)
    # What was answered with an id and is not there.
    unknown = len(round.accepted.keys() - stored.keys())
    imported = sum(state == State.IMPORTED.value for state in stored.values())
    refused = sum(stored[number] in _REFUSED for number in round.poison)
    outcome = Outcome(
        accepted=len(stored) + unknown,
        imported=imported,
        refused=refused,
        lost=max(unknown + len(stored) - imported - refused, *less.values(), 0, 0),
        doubled=max(*more.values(), 0, 0),
    )
    if outcome.lost or outcome.doubled:
        print(f"too many: {dict(more)}; missing: {dict(less)}; {Counter(stored.values())}")
        return outcome
    assert found.tracks == wanted.tracks, "tracks are put together in another way"
    assert wanted.submissions.items() <= found.submissions.items()
    _check_index(round, found.figures["fingerprint"])
    _check_lookups(round, good)
    return outcome


def _check_index(round: Round, fingerprints: int) -> None:
    comparison = build_comparison(round.installed.parts)
    assert list(comparison.damage()) == []
    assert comparison.differences(lambda number: None) == []
    assert round.installed.parts.index.status().fingerprints == fingerprints


def _check_lookups(round: Round, clips: Iterable[Clip]) -> None:
    """Every clip is found, as the track that its submission came to."""
    statuses = round.installed.status(*round.accepted.values())
    came_to = {one["id"]: one["result"]["id"] for one in statuses if "result" in one}
    found: dict[str, str] = {}
    for clip in clips:
        key = str(clip.form["fingerprint"])
        if key not in found:
            results = round.installed.call("/v2/lookup", **clip.lookup)["results"]
            assert results, f"clip {clip.number} is not found"
            found[key] = results[0]["id"]
        id = round.accepted.get(clip.number)
        # One that was stored without an answer has no id that anybody knows.
        assert id is None or came_to[id] == found[key]
