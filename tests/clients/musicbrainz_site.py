"""The part of MusicBrainz's web service that beets reads a recording's names from.

beets takes identifiers from the service under test and asks MusicBrainz what they stand for; a
test machine need not reach musicbrainz.org.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.clients.audio import Speech

PREFIX = "/ws/2/recording"
ARTIST_ID = "adae078a-1621-46c3-985e-cc427ecaf7ef"


@contextmanager
def musicbrainz_site(speeches: Sequence[Speech]) -> Iterator[str]:
    """Serve these recordings until the block ends; yields ``host:port``."""
    pages: dict[str, Any] = {f"{PREFIX}/{one.mbid}": _recording(one) for one in speeches}
    pages[PREFIX] = {"recordings": []}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(pages))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _recording(speech: Speech) -> dict[str, Any]:
    artist = {"id": ARTIST_ID, "name": speech.artist, "sort-name": speech.artist, "aliases": []}
    return {
        "id": speech.mbid,
        "title": speech.title,
        "length": None,
        "disambiguation": "",
        "aliases": [],
        "isrcs": [],
        "artist-credit": [{"name": speech.artist, "joinphrase": "", "artist": artist}],
    }


def _handler(pages: Mapping[str, Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(urlsplit(self.path).path)
            body = json.dumps(page).encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
