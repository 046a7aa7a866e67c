"""The configuration: sources, their order, types, and messages for mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from fpservice.config import Config, ConfigError, load_config
from fpservice.config_options import OPTIONS, SECTIONS

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "test.conf"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problem(environ: dict[str, str] | None = None, path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(environ or {}, path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_nothing_set_is_the_embedded_service(tmp_path: Path) -> None:
    config = load_config({})
    assert config == Config(tmp_path / "data")
    assert config.app_url == f"sqlite:///{tmp_path}/data/app.db"
    assert config.fingerprint_url == f"sqlite:///{tmp_path}/data/fingerprint.db"
    assert config.ingest_url == f"sqlite:///{tmp_path}/data/ingest.db"
    assert config.musicbrainz_url is None
    assert config.redis.location() is None
    assert config.nats.servers == ()
    assert not config.fingerprint_index.external
    assert config.index_path == tmp_path / "data" / "index"
    assert (config.cluster.secret, config.sentry.dsn, config.statsd.host) == (None, None, None)
    assert not config.cluster_rate_limiter.enabled


def test_data_directory(tmp_path: Path) -> None:
    assert load_config({"FPSERVICE_DATA": "/srv/music"}).data_dir == Path("/srv/music")
    assert load_config({"FPSERVICE_DATA": "here"}).data_dir == tmp_path / "here"


def test_every_section_is_a_field_of_the_configuration() -> None:
    names = [section.replace(".", "_") for section in SECTIONS]
    assert [field.name for field in fields(Config)] == ["data_dir", *names]


def test_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load_config({}).search.candidates = 3  # type: ignore[misc]


class TestFile:
    def test_types(self, write: Write) -> None:
        path = write(
            "[search]\ncandidates = 30\nmin_score = 0.5\n"
            "[cluster.rate_limiter]\nenabled = Yes\n"
            "[logging]\nformat = JSON\n"
            "[nats]\nservers = nats://a:4222, nats://b:4222\n"
            "[database]\nname = 50%_app ; not a comment\n"
        )
        config = load_config({}, path)
        assert config.search.candidates == 30
        assert config.search.min_score == 0.5
        assert config.cluster_rate_limiter.enabled is True
        assert config.logging.format == "json"
        assert config.nats.servers == ("nats://a:4222", "nats://b:4222")
        assert config.database.name == "50%_app ; not a comment"

    def test_the_usual_file_is_read_if_it_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "acoustid.conf").write_text("[search]\ncandidates = 31\n")
        assert load_config({}).search.candidates == 31

    def test_a_file_named_by_the_environment(self, write: Write) -> None:
        path = write("[search]\ncandidates = 32\n")
        assert load_config({"ACOUSTID_CONFIG": str(path)}).search.candidates == 32

    def test_a_named_file_must_be_there(self, tmp_path: Path) -> None:
        message = problem({"ACOUSTID_CONFIG": "nowhere.conf"})
        assert message == (
            "configuration file nowhere.conf cannot be read: No such file or directory"
        )
        assert "Is a directory" in problem(path=tmp_path)

    def test_limits_by_application_and_address(self, write: Write) -> None:
        path = write(
            "[cluster.rate_limiter]\nip_limit = 3\napplication.3 = 10\n"
            "ip.10.0.0.1 = 0.5\nip.2001:DB8::1 = 7\n"
        )
        limits = load_config({}, path).cluster_rate_limiter
        assert limits.ip_limit == 3
        assert limits.applications == {3: 10.0}
        assert limits.ips == {"10.0.0.1": 0.5, "2001:db8::1": 7.0}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "[search]\ncandidats = 1\n",
                "2: unknown option search.candidats; the nearest is search.candidates",
            ),
            (
                "[website]\nmin_score = 1\n",
                "2: unknown option website.min_score; the nearest is search.min_score",
            ),
            ("\n[serch]\n", "2: unknown section [serch]; the nearest is [search]"),
            ("[DEFAULT]\n", "1: unknown section [DEFAULT]; the nearest is"),
            ("[search]\n\ncandidates = many\n", "3: search.candidates must be a whole number from"),
            ("[search]\ncandidates = 0\n", "2: search.candidates must be a whole number from 1 to"),
            ("[search]\ncandidates = 1_0\n", "must be a whole number from 1 to 1000, not '1_0'"),
            ("[search]\nmin_score = nan\n", "search.min_score must be a number from 0 to 1, not"),
            ("[worker]\npoll_interval = inf\n", "worker.poll_interval must be a number"),
            ("[logging]\nformat = xml\n", "logging.format must be one of text, json, not 'xml'"),
            ("[logging]\nlevel.sqlalchemy = LOUD\n", "logging.level.sqlalchemy must be one of"),
            ("[cluster.rate_limiter]\nenabled = perhaps\n", "enabled must be true or false, not"),
            ("[cluster.rate_limiter]\napplication.x = 1\n", "'x' must be the number of an app"),
            ("[cluster.rate_limiter]\nip.10.0.0.256 = 1\n", "must be an IP address"),
            ("[search]\ncandidates = 1\ncandidates = 2\n", "3: search.candidates is set a second"),
            ("[search]\nmin_score=1\n[search]\n", "3: section [search] is there a second time"),
            ("[search]\nmin_score=1\nMIN_SCORE=1\n", "3: search.min_score is set already by"),
            ("candidates = 1\n", "1: a [section] must come first"),
            ("[search]\ncandidates 1\n", "2: must be [section] or option = value"),
            ("[database]\nhost = db\n", "2: database.host needs the name of the database"),
            ("[database]\nname = a\nurl = sqlite:////x\n", "3: database.url cannot be set toge"),
            ("[redis]\nhost = a\nurl = redis://a\n", "3: redis.url cannot be set together with"),
            ("[redis]\nurl = http://a\n", "2: redis.url must be redis://"),
            ("[nats]\nuser = a\ntoken = b\n", "3: nats.token cannot be set together with"),
            ("[nats]\npassword = b\n", "2: nats.password needs nats.user"),
            ("[fingerprint_index]\nkind = http\n", "2: fingerprint_index.kind http needs"),
            ("[fingerprint_index]\nurl = idx:6081\n", "2: fingerprint_index.url must be a list"),
            ("[fingerprint_index]\nurl = http://a\nhost = b\n", "2: fingerprint_index.url cannot"),
            ("[sentry]\ndsn = somewhere\n", "2: sentry.dsn must be a DSN"),
            ("[cluster.rate_limiter]\nstorage = redis\n", "2: cluster.rate_limiter.storage redis"),
        ],
    )
    def test_mistakes(self, write: Write, text: str, message: str) -> None:
        path = write(text)
        found = problem(path=path)
        assert found.startswith(f"{path}:")
        assert message in found

    def test_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "acoustid.conf").write_bytes(b"[database]\nname = \xff\n")
        assert problem() == "configuration file acoustid.conf is not UTF-8"


class TestEnvironment:
    def test_it_beats_the_file(self, write: Write) -> None:
        path = write("[search]\ncandidates = 30\nmax_results = 3\n")
        config = load_config({"ACOUSTID_SEARCH_CANDIDATES": "40"}, path)
        assert (config.search.candidates, config.search.max_results) == (40, 3)

    def test_nothing_is_the_default(self, write: Write) -> None:
        path = write("[search]\ncandidates = 30\n[cluster]\nsecret =\n")
        config = load_config({"ACOUSTID_SEARCH_CANDIDATES": ""}, path)
        assert config.search.candidates == 20
        assert config.cluster.secret is None

    def test_the_longest_section_counts(self) -> None:
        config = load_config(
            {
                "ACOUSTID_DATABASE_FINGERPRINT_NAME": "fp",
                "ACOUSTID_DATABASE_NAME": "app",
                "ACOUSTID_FINGERPRINT_INDEX_HOST": "idx",
                "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "1",
                "ACOUSTID_CLUSTER.RATE_LIMITER_IP_LIMIT": "2",
                "ACOUSTID_CLUSTER_SECRET": "s",
            }
        )
        assert config.database_fingerprint.name == "fp"
        assert config.database.name == "app"
        assert config.fingerprint_index.urls == ("http://idx:6081",)
        assert config.cluster_rate_limiter.enabled
        assert config.cluster_rate_limiter.ip_limit == 2
        assert config.cluster.secret == "s"

    def test_limits_by_application_and_address(self, write: Write) -> None:
        path = write("[cluster.rate_limiter]\napplication.3 = 10\napplication.4 = 11\n")
        limits = load_config(
            {
                "ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_3": "20",
                "ACOUSTID_CLUSTER_RATE_LIMITER_IP_10_0_0_1": "5",
                "ACOUSTID_CLUSTER_RATE_LIMITER_IP_2001_DB8__1": "6",
            },
            path,
        ).cluster_rate_limiter
        assert limits.applications == {3: 20.0, 4: 11.0}
        assert limits.ips == {"10.0.0.1": 5.0, "2001:db8::1": 6.0}

    def test_levels_keep_the_spelling_of_the_file(self, write: Write) -> None:
        path = write("[logging]\nlevel.sqlalchemy.engine = INFO\n")
        environ = {
            "ACOUSTID_LOGGING_LEVEL": "WARNING",
            "ACOUSTID_LOGGING_LEVEL_SQLALCHEMY_ENGINE": "debug",
            "ACOUSTID_LOGGING_LEVEL_FPSERVICE_INDEX": "ERROR",
        }
        logging = load_config(environ, path).logging
        assert logging.level == "WARNING"
        assert logging.levels == {"sqlalchemy.engine": "DEBUG", "fpservice_index": "ERROR"}

    @pytest.mark.parametrize(
        ("variable", "message"),
        [
            ("ACOUSTID_SERCH_CANDIDATES", "the nearest is ACOUSTID_SEARCH_CANDIDATES"),
            ("ACOUSTID_DATABASE_HOTS", "the nearest is ACOUSTID_DATABASE_HOST"),
            ("ACOUSTID_CLUSTER_RATE_LIMITER_IP_LIMITS", "must be an IP address"),
            ("ACOUSTID_SEARCH_CANDIDATES", "search.candidates must be a whole number from"),
        ],
    )
    def test_mistakes(self, variable: str, message: str) -> None:
        found = problem({variable: "x"})
        assert found.startswith(f"environment variable {variable}: ")
        assert message in found

    def test_variables_of_others_do_not_matter(self) -> None:
        environ = {"PATH": "/bin", "ACOUSTIDX": "1", "FPSERVICE_SOMETHING": "2"}
        assert load_config(environ) == load_config({})


class TestSecretFiles:
    @pytest.mark.parametrize(
        ("content", "secret"),
        [("pass", "pass"), ("pass\n", "pass"), ("pass\r\n", "pass"), (" pass \n\n", " pass \n")],
    )
    def test_one_line_break_is_stripped(self, tmp_path: Path, content: str, secret: str) -> None:
        (tmp_path / "secret").write_bytes(content.encode())
        config = load_config({"ACOUSTID_CLUSTER_SECRET_FILE": str(tmp_path / "secret")})
        assert config.cluster.secret == secret

    def test_named_in_the_file(self, tmp_path: Path, write: Write) -> None:
        (tmp_path / "secret").write_text("pass\n")
        (tmp_path / "limit").write_text("12\n")
        path = write(
            "[redis]\nhost = r\npassword_file = secret\n"
            "[cluster.rate_limiter]\napplication.3_file = limit\n"
        )
        config = load_config({}, path)
        assert config.redis.location() == "redis://:pass@r:6379/0"
        assert config.cluster_rate_limiter.applications == {3: 12.0}

    def test_the_environment_beats_a_file_named_in_the_file(self, write: Write) -> None:
        path = write("[cluster]\nsecret_file = missing\n")
        assert load_config({"ACOUSTID_CLUSTER_SECRET": "s"}, path).cluster.secret == "s"

    def test_mistakes(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
        (tmp_path / "large").write_bytes(b"x" * 70000)
        variable = "ACOUSTID_CLUSTER_SECRET_FILE"
        start = f"environment variable {variable}: cluster.secret: file "
        for name, message in [
            ("missing", "missing cannot be read: No such file or directory"),
            ("empty", "empty is empty"),
            ("binary", "binary is not UTF-8"),
            ("large", "large has more than 65536 bytes"),
            (".", ". cannot be read: Is a directory"),
            ("a\0b", "a\0b cannot be read: not a path"),
        ]:
            assert problem({variable: name}) == start + message

    def test_not_together_with_the_option_itself(self) -> None:
        environ = {"ACOUSTID_CLUSTER_SECRET": "s", "ACOUSTID_CLUSTER_SECRET_FILE": "f"}
        assert "cluster.secret is set already by" in problem(environ)


class TestDatabases:
    def test_parts(self) -> None:
        environ = {
            "ACOUSTID_DATABASE_NAME": "app",
            "ACOUSTID_DATABASE_USER": "me",
            "ACOUSTID_DATABASE_PASSWORD": "p@ss/word",
            "ACOUSTID_DATABASE_HOST": "db",
            "ACOUSTID_DATABASE_PORT": "5433",
        }
        url = "postgresql+psycopg2://me:p%40ss%2Fword@db:5433/app"
        assert load_config(environ).app_url == url

    def test_host_is_the_directory_of_a_socket(self) -> None:
        environ = {"ACOUSTID_DATABASE_NAME": "app", "ACOUSTID_DATABASE_HOST": "/run/pg"}
        assert load_config(environ).app_url == "postgresql+psycopg2:///app?host=%2Frun%2Fpg"

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("postgres://me@db/x", "postgresql+psycopg2://me@db/x"),
            ("postgresql://me:pw@db/x", "postgresql+psycopg2://me:pw@db/x"),
            ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ],
    )
    def test_url(self, url: str, expected: str) -> None:
        assert load_config({"ACOUSTID_DATABASE_INGEST_URL": url}).ingest_url == expected

    def test_password_beside_the_url(self) -> None:
        environ = {
            "ACOUSTID_DATABASE_MUSICBRAINZ_URL": "postgresql://me@db/mb",
            "ACOUSTID_DATABASE_MUSICBRAINZ_PASSWORD": "pw",
        }
        assert load_config(environ).musicbrainz_url == "postgresql+psycopg2://me:pw@db/mb"

    @pytest.mark.parametrize(
        "url", ["mysql://me:hunter2@db/x", "hunter2", "postgresql://:x:/hunter2"]
    )
    def test_mistakes_do_not_show_the_url(self, url: str) -> None:
        message = problem({"ACOUSTID_DATABASE_URL": url})
        assert "database.url must be postgresql://" in message
        assert "hunter2" not in message


def test_redis_urls() -> None:
    def location(**options: str) -> str | None:
        return load_config({f"ACOUSTID_REDIS_{k}": v for k, v in options.items()}).redis.location()

    assert location(HOST="::1", DATABASE="2") == "redis://[::1]:6379/2"
    assert location(HOST="r", PASSWORD="a/b@c") == "redis://:a%2Fb%40c@r:6379/0"
    assert location(URL="rediss://me@r/1?x=y", PASSWORD="p") == "rediss://me:p@r/1?x=y"
    assert location(URL="unix:///run/redis.sock") == "unix:///run/redis.sock"


def test_index_servers() -> None:
    environ = {"ACOUSTID_FINGERPRINT_INDEX_URL": "http://a:6081/ https://b"}
    index = load_config(environ).fingerprint_index
    assert index.external
    assert index.urls == ("http://a:6081", "https://b")
    kept = load_config(environ | {"ACOUSTID_FINGERPRINT_INDEX_KIND": "embedded"})
    assert not kept.fingerprint_index.external


def test_no_secret_is_shown(write: Write) -> None:
    secrets = [o for options in OPTIONS.values() for o in options if o.secret]
    names = {option.name for option in secrets}
    assert names == {"password", "url", "replica_url", "servers", "token", "secret", "dsn"}
    values = {
        "redis": "redis://u:hunter2@r/0",
        "fingerprint_index": "http://u:hunter2@i",
        "sentry": "https://hunter2@s/1",
    }
    environ = {
        o.variable: values.get(
            o.section, "postgresql://u:hunter2@d/n" if o.name.endswith("url") else "hunter2"
        )
        for o in secrets
        if o.path not in ("nats.token", "redis.password")
    }
    config = load_config(environ | {"ACOUSTID_NATS_USER": "u"})
    assert config.cluster.secret == "hunter2"
    assert "hunter2" not in repr(config) + str(config) + f"{config.database}"

    path = write("[cluster]\nsecret = a\nhunter2 hunter2\n")
    assert "hunter2" not in problem(path=path)
