"""What is deployed agrees with the program: options, ports, paths, commands; and keeps secrets."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from flask import Flask

from fpservice.api import health
from fpservice.cli import commands
from fpservice.config import Config, load_config
from fpservice.config_names import named_in_environment
from fpservice.observability.listener import PATH

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPOSE = ROOT / "docker-compose.yml"
OVERRIDE = ROOT / "deploy" / "compose" / "musicbrainz.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TEXTS = [
    path
    for path in [ROOT / "Dockerfile", COMPOSE, *sorted((ROOT / "deploy").rglob("*"))]
    if path.is_file()
]
# What the supervisor adds to the time that gunicorn gives to requests.
STOP_MARGIN = 5
OWN = ("api", "worker", "migrate")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> dict[str, Any]:
    return dict(loaded(COMPOSE)["services"])


def manifests() -> list[dict[str, Any]]:
    names = loaded(KUBERNETES / "kustomization.yaml")["resources"]
    texts = [(KUBERNETES / name).read_text(encoding="utf-8") for name in names]
    return [one for text in texts for one in yaml.safe_load_all(text)]


def manifest(kind: str, name: str) -> dict[str, Any]:
    [found] = [m for m in manifests() if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> list[dict[str, Any]]:
    return [m["spec"]["template"]["spec"] for m in manifests() if "template" in m["spec"]]


def kubernetes_environment() -> dict[str, str]:
    lines = (KUBERNETES / "fpservice.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def image_environment() -> dict[str, str]:
    [variables] = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.M)
    return dict(word.split("=", 1) for word in shlex.split(variables.replace("\\\n", " ")))


def environments() -> dict[str, dict[str, str]]:
    compose = {name: services()[name]["environment"] for name in OWN}
    more = loaded(OVERRIDE)["services"]["api"]["environment"]
    return {
        "image": image_environment(),
        "kubernetes": image_environment() | kubernetes_environment(),
        **{name: image_environment() | variables for name, variables in compose.items()},
        "musicbrainz": image_environment() | compose["api"] | more,
    }


def configured(variables: Mapping[str, str], secrets: Path) -> Config:
    """Return the configuration; the files of secrets are in this folder."""
    return load_config(
        {
            name: str(secrets / Path(text).name) if name.endswith("_FILE") else text
            for name, text in variables.items()
        }
    )


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in loaded(COMPOSE)["secrets"]:
        (tmp_path / name).write_text("long and random\n")
    return tmp_path


@pytest.mark.parametrize("name", environments())
def test_the_configuration_is_accepted(name: str, secrets: Path) -> None:
    config = configured(environments()[name], secrets)
    assert config.gunicorn.bind == "0.0.0.0:5000"


def test_all_variables_that_are_named_are_options() -> None:
    named = {
        name
        for path in TEXTS
        for name in re.findall(r"\bACOUSTID_[A-Z0-9_]+", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 30
    for name in named - {"ACOUSTID_SERVICE_HOST"}:
        named_in_environment(name, name)


@pytest.mark.parametrize("name", ["api", "worker", "kubernetes"])
def test_it_is_a_public_server(name: str, secrets: Path) -> None:
    config = configured(environments()[name], secrets)
    limits = config.cluster_rate_limiter
    assert limits.enabled
    assert limits.storage == "redis"
    assert limits.global_limit
    assert limits.application_limit
    assert limits.ip_limit
    assert limits.trusted_proxies == 1
    assert config.cluster.secret == "long and random"
    assert config.nats.token == "long and random"
    assert config.fingerprint_index.external
    urls = {config.app_url, config.fingerprint_url, config.ingest_url}
    assert len(urls) == 3
    assert all(url.startswith("postgresql") for url in urls)


def test_the_databases_are_made_that_are_configured(secrets: Path) -> None:
    script = (ROOT / "deploy" / "compose" / "create-databases.sh").read_text(encoding="utf-8")
    made = set(re.findall(r"CREATE DATABASE (\w+)", script))
    environment = environments()["musicbrainz"]
    assert made == {text for name, text in environment.items() if name.endswith("_NAME")}
    assert len(made) == 4


@pytest.mark.parametrize("name", environments())
def test_secrets_are_files(name: str) -> None:
    for variable, text in environments()[name].items():
        if variable.startswith("ACOUSTID_"):
            named = named_in_environment(variable, variable)
            assert named.in_file or not named.option.secret or "@" not in text, variable
        if re.search(r"PASSWORD|TOKEN|SECRET", variable):
            assert variable.endswith("_FILE")
            assert text.startswith("/run/secrets/")


def test_no_text_has_a_password() -> None:
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"://[^/\s]*:[^/\s]*@", text), path
        assert "kind: Secret" not in text, path


def test_compose_demands_each_secret_and_gives_each_service_what_it_reads() -> None:
    secrets = loaded(COMPOSE)["secrets"]
    for name, source in secrets.items():
        assert re.fullmatch(rf"\$\{{FPSERVICE_SECRETS:\?[^}}]*\}}/{name}", source["file"])
    for name, service in services().items():
        read = set(re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(service)))
        assert read <= set(service.get("secrets", [])) <= set(secrets), name


def test_kubernetes_mounts_the_secrets_where_they_are_read() -> None:
    folders = {
        str(Path(text).parent)
        for name, text in kubernetes_environment().items()
        if name.endswith("_FILE")
    }
    for pod in pods():
        [container] = pod["containers"]
        mounted = {m["mountPath"] for m in container["volumeMounts"] if m["name"] == "secrets"}
        assert mounted == folders


def test_files_that_are_mounted_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for service in services().values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert len(mounted) == 3
    assert all((ROOT / path).is_file() for path in mounted)


def images() -> Iterator[str]:
    yield from re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    yield from (service["image"] for service in services().values())
    yield from (pod["containers"][0]["image"] for pod in pods())


def test_images_have_tags() -> None:
    for image in images():
        tag = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", image).rpartition("/")[2].partition(":")[2]
        assert tag, image
        assert tag != "latest", image


def test_the_image_has_the_version_of_the_program() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    version = parser["metadata"]["version"]
    assert {i for i in images() if i.startswith("fpservice:")} == {f"fpservice:{version}"}
    [image] = loaded(KUBERNETES / "kustomization.yaml")["images"]
    assert image["newTag"] == version


def test_ports_agree() -> None:
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M) == ["5000"]
    assert services()["api"]["ports"][0].endswith(":5000")
    [container] = manifest("Deployment", "fpservice-api")["spec"]["template"]["spec"]["containers"]
    metrics = {"name": "metrics", "containerPort": 9100}
    assert container["ports"] == [{"name": "http", "containerPort": 5000}, metrics]
    [port] = manifest("Service", "fpservice-api")["spec"]["ports"]
    assert port["targetPort"] == "http"


def test_metrics_are_scraped_where_they_are_told(secrets: Path) -> None:
    options = configured(environments()["kubernetes"], secrets).prometheus
    assert options.listen == options.worker_listen == "0.0.0.0:9100"
    for name in ("fpservice-api", "fpservice-worker"):
        template = manifest("Deployment", name)["spec"]["template"]
        [container] = template["spec"]["containers"]
        assert {"name": "metrics", "containerPort": 9100} in container["ports"]
        assert template["metadata"]["annotations"] == {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9100",
            "prometheus.io/path": PATH,
        }


def test_the_probe_of_workers_looks_at_the_file_that_they_keep(tmp_path: Path) -> None:
    [container] = manifest("Deployment", "fpservice-worker")["spec"]["template"]["spec"][
        "containers"
    ]
    [path] = [e["value"] for e in container["env"] if e["name"] == "ACOUSTID_WORKER_HEARTBEAT"]
    own = tmp_path / "heartbeat"
    command = [
        word.replace(path, str(own)) for word in container["livenessProbe"]["exec"]["command"]
    ]
    assert str(own) in command[-1]
    assert subprocess.run(command, capture_output=True, check=False).returncode
    own.touch()
    assert not subprocess.run(command, check=False).returncode
    os.utime(own, (0, 0))
    assert subprocess.run(command, check=False).returncode


def test_probes_ask_pages_that_exist() -> None:
    app = Flask("paths")
    app.register_blueprint(health.blueprint)
    pages = {rule.rule for rule in app.url_map.iter_rules()}
    [container] = manifest("Deployment", "fpservice-api")["spec"]["template"]["spec"]["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    asked = [probe["path"] for probe in probes]
    assert asked == ["/_health", "/_health_ro", "/_health_docker"]
    assert {probe["port"] for probe in probes} == {"http"}
    [checked] = re.findall(r"urlopen\('http://127\.0\.0\.1:5000(\S+)'", DOCKERFILE)
    assert checked == "/_health_docker"
    assert {*asked, checked} <= pages


def test_commands_exist() -> None:
    assert re.search(r'^ENTRYPOINT \["fpservice"\]$', DOCKERFILE, re.M)
    lines = [services()[name]["command"] for name in OWN]
    lines += [pod["containers"][0]["args"] for pod in pods()]
    for words in lines:
        command: click.Command = commands
        for word in (word for word in words if not word.startswith("-")):
            assert isinstance(command, click.Group)
            command = command.commands[word]
        options = {name for parameter in command.params for name in parameter.secondary_opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_there_is_time_to_end(secrets: Path) -> None:
    for name, seconds in (
        ("api", int(services()["api"]["stop_grace_period"].removesuffix("s"))),
        (
            "kubernetes",
            manifest("Deployment", "fpservice-api")["spec"]["template"]["spec"][
                "terminationGracePeriodSeconds"
            ],
        ),
    ):
        options = configured(environments()[name], secrets).gunicorn
        assert options.drain > 0
        assert seconds > options.drain + options.graceful_timeout + STOP_MARGIN


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    user = int(re.findall(r"^USER (\d+):", DOCKERFILE, re.M)[0])
    assert user > 0
    for pod in pods():
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == user
        [container] = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    for name in OWN:
        assert services()[name]["read_only"] is True


def test_selectors_find_their_pods() -> None:
    for name in ("fpservice-api", "fpservice-worker"):
        spec = manifest("Deployment", name)["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"] == labels
        budget = manifest("PodDisruptionBudget", name)["spec"]
        assert budget["selector"]["matchLabels"] == labels
    assert manifest("Service", "fpservice-api")["spec"]["selector"] == {
        "app.kubernetes.io/name": "fpservice-api"
    }
    scaler = manifest("HorizontalPodAutoscaler", "fpservice-api")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "fpservice-api"
    assert scaler["minReplicas"] >= 2


def test_pods_read_the_generated_configuration() -> None:
    [generated] = loaded(KUBERNETES / "kustomization.yaml")["configMapGenerator"]
    assert generated == {"name": "fpservice", "envs": ["fpservice.env"]}
    for pod in pods():
        assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": "fpservice"}}]


def test_every_migration_is_installed() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    installed = {
        path
        for folder, patterns in parser["options.data_files"].items()
        for pattern in patterns.split()
        for path in ROOT.glob(pattern)
        if ROOT / folder.removeprefix("share/fpservice/") == path.parent
    }
    sources = {path for path in (ROOT / "alembic").rglob("*") if path.suffix in (".py", ".mako")}
    assert installed == sources


def test_the_image_is_made_from_what_an_installation_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}
    assert {"setup.cfg", "pyproject.toml", "constraints.txt", "fpservice", "alembic"} <= kept
    assert all((ROOT / name).exists() for name in kept)
    assert "*" in lines
