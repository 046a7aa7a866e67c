"""Version 2 of the web service."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("v2", __name__, url_prefix="/v2")
METHODS = ["GET", "POST"]
