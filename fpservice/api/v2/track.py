"""/v2/track/…: the tracks of a recording."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from fpservice.api import errors, responses
from fpservice.api.context import services
from fpservice.api.params import required_uuid
from fpservice.api.request import begin
from fpservice.api.v2 import METHODS, blueprint
from fpservice.services.catalogue import LinkedTrack


@blueprint.route("/track/list_by_mbid", methods=METHODS)
def list_by_mbid() -> Response:
    """Anyone asks which tracks are linked to MusicBrainz recordings."""
    params = begin()
    asked = params.texts("mbid")
    if not asked:
        raise errors.missing_parameter("mbid")
    limit = services().limits.ids
    if len(asked) > limit:
        raise errors.too_large(f"{limit} MBIDs at most")
    mbids = [required_uuid("mbid", text) for text in asked]
    found = services().catalogue.tracks_of_recordings(mbids, with_disabled=params.flag("disabled"))
    if not params.flag("batch"):
        return responses.ok({"tracks": _tracks(found, mbids[0])})
    return responses.ok(
        {
            "mbids": [
                {"mbid": text, "tracks": _tracks(found, mbid)}
                for text, mbid in zip(asked, mbids, strict=True)
            ]
        }
    )


@blueprint.route("/track/list_by_puid", methods=METHODS)
def list_by_puid() -> Response:
    """Anyone asks for the tracks of a PUID; these are long gone, so there are none."""
    params = begin()
    required_uuid("puid", params.required("puid"))
    return responses.ok({"tracks": []})


def _tracks(found: dict[uuid.UUID, list[LinkedTrack]], mbid: uuid.UUID) -> list[dict[str, Any]]:
    return [
        {"id": str(track.gid), **({"disabled": True} if track.disabled else {})}
        for track in found.get(mbid, [])
    ]
