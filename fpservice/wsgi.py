"""What gunicorn loads."""

from __future__ import annotations

from flask import Flask

from fpservice.app import create_app
from fpservice.bootstrap import build_parts, build_services
from fpservice.bootstrap_sentry import report_errors
from fpservice.config import load_config
from fpservice.observability.logs import configure_logging


def build() -> Flask:
    """Return the application of the configuration that the environment names."""
    config = load_config()
    configure_logging(config)
    parts = build_parts(config)
    report_errors(parts)
    return create_app(build_services(parts))
