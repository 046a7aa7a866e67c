"""What the service does, it does in each of its shapes: the tests here run on both.

The web application of most tests is called over WSGI, with the settings of the shape; databases,
limits, queue, index servers and workers are those of the shape. What is about sockets, bodies as
they come off them, and the end of the service starts ``fpservice serve`` with the same settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.shapes import EmbeddedShape, Shape, StackShape, running_stack

Start = Callable[..., Installation]


@pytest.fixture(scope="session")
def stack_shape(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StackShape]:
    """The production shape, whose servers run until the end of all tests."""
    names = ("postgres_databases", "musicbrainz_url", "redis_server", "nats_server")
    databases, musicbrainz, redis, nats = map(request.getfixturevalue, names)
    urls = replace(databases, musicbrainz=musicbrainz)
    with running_stack(urls, redis, nats, tmp_path_factory.mktemp("indexes")) as shape:
        yield shape


@pytest.fixture(scope="session", params=["embedded", "stack"])
def shape(request: pytest.FixtureRequest) -> Shape:
    """Each of the shapes."""
    if request.param == "embedded":
        return EmbeddedShape(request.getfixturevalue("sqlite_databases"))
    stack: StackShape = request.getfixturevalue("stack_shape")
    return stack


@pytest.fixture
def start(shape: Shape, tmp_path: Path) -> Iterator[Start]:
    """A function that builds an installation with settings of a test, over empty databases."""
    with ExitStack() as opened:
        opened.callback(shape.empty)

        def started(**settings: str) -> Installation:
            installed = shape.install(tmp_path, **settings)
            opened.callback(installed.close)
            return installed

        yield started


@pytest.fixture
def installation(start: Start) -> Installation:
    """A whole installation with an empty catalogue, in each shape."""
    return start()
