"""A server that takes reports of errors as Sentry does, and keeps them."""

from __future__ import annotations

import gzip
import http.server


class SentryServer(http.server.ThreadingHTTPServer):
    """Takes what the client sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Envelope)
        self.bodies: list[str] = []
        self.dsn = f"http://public@127.0.0.1:{self.server_address[1]}/1"

    @property
    def errors(self) -> list[str]:
        """What was reported of exceptions."""
        return [body for body in self.bodies if '"exception"' in body]


class _Envelope(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, SentryServer)
        self.server.bodies.append(body.decode())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""
