"""/openapi.yaml is valid, and says what the service does: no more and no less."""

from __future__ import annotations

import ast
import copy
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from flask import Request
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from werkzeug.test import TestResponse

from fpservice.api import errors, params
from fpservice.api import request as requests_of_api
from fpservice.bootstrap import build_api_keys, build_parts
from fpservice.config import load_config
from fpservice.db import migrations
from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import Installation, environment, install
from tests.openapi_document import (
    FORM,
    JSON,
    Example,
    check_answer,
    check_schema,
    document,
    examples,
    operations,
    parameters,
    resolved,
)
from tests.recorded.case import load_cases
from tests.recorded.comparison import ANYTHING
from tests.services import sqlite_urls

API = Path(__file__).parents[2] / "fpservice" / "api"
SECRET = "the-cluster-secret"
# The tests do not come over HTTPS.
REFUSED = {"/v2/user/create_musicbrainz": 16}
READERS = ("text", "texts", "required", "integer", "seconds", "flag", "suffixes")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with the demo keys, and one fingerprint."""
    folder = tmp_path_factory.mktemp("described")
    variables = {**environment(sqlite_urls(folder), folder), "ACOUSTID_CLUSTER_SECRET": SECRET}
    parts = build_parts(load_config(variables))
    for database in parts.databases.all():
        migrations.upgrade(database)
    build_api_keys(parts).add_application("demo", apikey=APPLICATION_KEY)
    build_api_keys(parts).add_account("demo", apikey=USER_KEY)
    parts.close()
    installed = install(variables)
    installed.submit(duration=example().duration, fingerprint=example().fingerprint, track="x")
    installed.import_all()
    yield installed
    installed.parts.close()


def send(client: FlaskClient, one: Example) -> TestResponse:
    # Names can be taken once.
    fresh = {"name": str(uuid.uuid4())} if "name" in one.values else {}
    values = {**one.values, **fresh}
    if one.kind is None:
        return client.get(one.path, query_string=values)
    if one.kind == JSON:
        return client.post(one.path, json=values)
    return client.post(one.path, data=values, content_type=one.kind)


class RecordingParams(params.Params):
    """Notes the names that views ask for."""

    def __init__(self, values: Mapping[str, list[str]], names: set[str]) -> None:
        super().__init__(RecordingValues(values, names))


class RecordingValues(dict[str, list[str]]):
    """Notes the names that are looked up, without their suffixes."""

    def __init__(self, values: Mapping[str, list[str]], names: set[str]) -> None:
        super().__init__(values)
        self._names = names

    def get(self, key: str, *args: Any) -> Any:
        self._names.add(key.partition(".")[0])
        return super().get(key, *args)


def test_the_document_is_valid_and_of_this_version() -> None:
    validate(document())
    assert document()["openapi"].startswith("3.1.")
    assert document()["info"]["version"] == metadata.version("fpservice")


def test_it_has_the_paths_and_methods_of_the_service(described: Installation) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in described.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations()} == served


def test_get_and_post_are_described_alike() -> None:
    for path, method, operation in operations():
        if method == "post":
            for kind, body in operation["requestBody"]["content"].items():
                names, suffixed = fields(body["schema"])
                assert names - {"queries", "entries"} == set(parameters(path)), (path, kind)
                expected = {name for name, one in parameters(path).items()
                            if one.get("x-suffixed")}  # fmt: skip
                assert suffixed == expected, (path, kind)


def fields(schema: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names of a body, and those that it has with suffixes."""
    schema = resolved(schema)
    names = set(schema.get("properties", {}))
    suffixed = {
        name
        for pattern in schema.get("patternProperties", {})
        for name in re.findall(r"[a-z]+", pattern.partition("\\.")[0])
    }
    for part in schema.get("allOf", ()):
        more_names, more_suffixed = fields(part)
        names |= more_names
        suffixed |= more_suffixed
    return names, suffixed


def test_examples_work_and_views_read_what_is_described(
    described: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, set[str]] = defaultdict(set)

    def read_and_record(request: Request, body: bytes) -> params.Params:
        values = params.read_params(request, body)._values
        return RecordingParams(values, read[request.path])

    monkeypatch.setattr(requests_of_api, "read_params", read_and_record)
    for one in examples():
        answer = send(described.client, one)
        refused = REFUSED.get(one.path)
        code = answer.json["error"]["code"] if answer.json and refused else None
        assert (answer.status_code, code) == (400 if refused else 200, refused), (one, answer.data)
        method = "get" if one.kind is None else "post"
        check_answer(one.path, method, answer.status_code, answer.mimetype, answer.json)
    for path in read:
        used = {name for name, one in parameters(path).items() if not one.get("x-unused")}
        assert read[path] == used, path
    assert set(read) == {path for path, method, _ in operations() if method == "post"}


def test_no_view_names_a_parameter_that_is_not_described() -> None:
    known = {name for path in document()["paths"] for name in parameters(path)}
    named = {name for file in API.rglob("*.py") for name in names_in(file)}
    assert {"client", "fingerprint", "access_token", "secret"} <= named
    assert named <= known


def names_in(file: Path) -> Iterator[str]:
    """Yield the names that a module gives to the methods of Params."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in READERS:
            for argument in node.args:
                start = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
                if isinstance(start, ast.Constant) and isinstance(start.value, str):
                    yield start.value


def test_the_table_of_errors_is_that_of_the_service() -> None:
    described = document()["components"]["schemas"]["ErrorCode"]
    rows = re.findall(r"^\| (\d+) \| (\d+) \|", described["description"], re.M)
    assert {int(code): int(status) for code, status in rows} == errors.STATUS
    assert described["enum"] == sorted(errors.STATUS)


def test_the_example_is_that_of_the_demo() -> None:
    shown = document()["paths"]["/v2/lookup"]["post"]["requestBody"]["content"][JSON]["examples"]
    value = shown["fingerprint"]["value"]
    assert (value["client"], value["duration"]) == (APPLICATION_KEY, example().duration)
    assert value["fingerprint"] == example().fingerprint


def test_answers_shown_fit_their_schemas() -> None:
    for _path, _method, operation in operations():
        for answer in operation["responses"].values():
            shown = resolved(answer).get("content", {}).get(JSON, {})
            values = [one["value"] for one in shown.get("examples", {}).values()]
            for value in [shown["example"]] if "example" in shown else values:
                check_schema(shown["schema"], value)


def test_recorded_answers_fit_their_schemas() -> None:
    checked = 0
    for case in load_cases():
        path = "/" + "/".join(part for part in case.path.split("/") if part)
        method = case.method.lower()
        body = copy.deepcopy(case.expected.body)
        if method in document()["paths"].get(path, ()) and body is not None:
            for submission in body.get("submissions", ()):
                if submission["id"] == ANYTHING:
                    submission["id"] = 1
            check_answer(path, method, case.expected.status, JSON, body)
            checked += 1
    assert checked > 700


def test_it_is_served_and_not_sent_again_unchanged(described: Installation) -> None:
    answer = described.client.get("/openapi.yaml")
    assert answer.mimetype == "application/yaml"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.data.decode().startswith("openapi: 3.1")
    again = described.client.get("/openapi.yaml", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_loads_nothing_from_elsewhere(described: Installation) -> None:
    page = described.client.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    loaded = re.findall(r'(?:src|href|data-document)="([^"]*)"', page.text)
    assert len(loaded) >= 5
    for address in loaded:
        assert address.startswith("/")
        part = described.client.get(address)
        assert part.status_code == 200
        assert len(part.data) > 100


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2Fopenapi.yaml", FORM])
def test_the_page_has_no_other_files(described: Installation, name: str) -> None:
    answer = described.client.get(f"/docs/{name}")
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["error"]["code"] == 21
