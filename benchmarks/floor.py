"""The floor: what any request costs here that does nothing but read its form."""

from __future__ import annotations

import json
from typing import Final

from flask import Flask, Response, request

_ANSWER: Final = json.dumps(
    {
        "results": [{"id": "9ff43b6a-4f16-427c-93c2-92307ca505e0", "score": 0.91234567}],
        "status": "ok",
    }
).encode()


def build() -> Flask:
    """Return an application with an empty lookup and an empty submission."""
    app = Flask("floor", static_folder=None)
    for path in ("/v2/lookup", "/v2/submit"):
        app.add_url_rule(path, path, _answer, methods=["GET", "POST"])
    return app


def _answer() -> Response:
    request.form.to_dict()
    return Response(_ANSWER, 200, content_type="application/json; charset=UTF-8")
