"""What gunicorn loads."""

from __future__ import annotations

from flask import Flask

from fpservice.app import create_app
from fpservice.bootstrap import build_parts, build_services
from fpservice.config import load_config
from fpservice.observability.logs import configure_logging
from fpservice.observability.sentry import configure_sentry


def build() -> Flask:
    """Return the application of the configuration that the environment names."""
    config = load_config()
    configure_logging(config)
    configure_sentry(config)
    return create_app(build_services(build_parts(config)))
