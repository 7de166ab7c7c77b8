"""docker-compose.yml says what is true: read as YAML, since no Docker engine is needed to lie."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.process.settings import Settings, load
from libs.rpc.certificates import host_name
from tools.dev import nats
from tools.dev.certificates import TRUST_DOMAIN

ROOT = Path(__file__).resolve().parents[2]

SETTINGS: dict[str, type[Settings]] = {
    name: importlib.import_module(f"services.{name}.settings").Settings
    for name in ("catalog", "connector", "policy", "requests")
}
PORTS = {"catalog": 7401, "connector": 7402, "policy": 7403, "requests": 7404}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_dependencies_exist_and_can_come_true(services: dict[str, dict[str, Any]]) -> None:
    """Healthy is said of what has a health check, completed of what runs once."""
    for name, service in services.items():
        for other, dependency in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}, which is not there"
            match dependency["condition"]:
                case "service_healthy":
                    assert "healthcheck" in services[other], f"{name} waits for {other}"
                case "service_completed_successfully":
                    assert services[other].get("restart") == "no", f"{name} waits for {other}"
                case condition:
                    pytest.fail(f"{name} waits for {other} with {condition}")


def test_dependencies_have_no_circle(services: dict[str, dict[str, Any]]) -> None:
    """There is an order to start in."""
    waiting = {name: set(service.get("depends_on", {})) for name, service in services.items()}
    while ready := {name for name, others in waiting.items() if not others}:
        waiting = {name: others - ready for name, others in waiting.items() if name not in ready}
    assert not waiting


@pytest.mark.parametrize("name", SETTINGS)
def test_service_can_be_started_with_its_settings(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    """Every required key is there and no unknown one: the service itself takes them."""
    environment = services[name]["environment"]
    # What .env has to say is asked for by the same name, and in .env.example.
    example = (ROOT / ".env.example").read_text()
    given = dict(environment)
    for key in ("ENTRA_TENANT_IDS", "ENTRA_AUDIENCES", "ENTRA_CLIENT_IDS"):
        assert environment[f"LATCHKEY_{key}"] == f"${{{key}:?see .env.example}}"
        assert f"\n{key}=\n" in example
        given[f"LATCHKEY_{key}"] = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"
    settings = load(SETTINGS[name], {key: str(value) for key, value in given.items()})
    assert settings.migrate is False
    assert settings.identity == "entra"
    migrating = services[f"{name}-migrate"]["environment"]
    load(
        SETTINGS[name],
        {
            key: str(value)
            for key, value in (
                migrating | {key: given[key] for key in given if key.startswith("LATCHKEY_ENTRA_")}
            ).items()
        },
    )
    # As the owner of the tables, for the role that the service then has.
    url = "postgresql+asyncpg://latchkey_owner:${OWNER_DATABASE_PASSWORD:?see .env.example}"
    other = {
        "LATCHKEY_DATABASE_URL": f"{url}@postgres:5432/{name}",
        "LATCHKEY_DATABASE_ROLE": name,
    }
    assert migrating == environment | other


@pytest.mark.parametrize("name", SETTINGS)
def test_service_is_run_asked_and_published_on_its_port(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    """One port for people, the same where it listens, where its health is asked, and on this
    machine; and one for services, which is not published."""
    service, port = services[name], PORTS[name]
    assert service["command"] == [f"services.{name}"]
    assert service["environment"]["LATCHKEY_LISTEN"].endswith(f":{port}")
    assert service["environment"]["LATCHKEY_SERVICE_LISTEN"].endswith(f":{port + 10}")
    assert service["healthcheck"]["test"][-4:] == [
        "libs.rpc.probe",
        f"127.0.0.1:{port}",
        "/run/latchkey/ca.pem",
        host_name(TRUST_DOMAIN, name),
    ]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


@pytest.mark.parametrize("name", SETTINGS)
def test_service_starts_after_its_tables_and_its_keys(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    """The migration is a run of the same program, and the certificates have been made."""
    assert services[f"{name}-migrate"]["command"] == [f"services.{name}", "migrate"]
    assert set(services[name]["depends_on"]) == {"certificates", f"{name}-migrate", "nats"}
    assert set(services[f"{name}-migrate"]["depends_on"]) == {"postgres"}


def test_addresses_name_the_service_and_its_port(services: dict[str, dict[str, Any]]) -> None:
    """`LATCHKEY_CATALOG_ADDRESS` is where catalog listens to services, and so on."""
    for name in SETTINGS:
        for key, value in services[name]["environment"].items():
            if found := re.fullmatch(r"LATCHKEY_([A-Z]+)_ADDRESS", key):
                other = found[1].lower()
                assert value == f"{other}:{PORTS[other] + 10}"


def test_each_service_has_its_own_certificate_and_no_other(
    services: dict[str, dict[str, Any]],
) -> None:
    """One run makes the set, into a volume a service; each service mounts its own to read, at the
    place that its settings name."""
    made = services["certificates"]
    assert made["command"] == ["tools.dev", "certs", "/run/latchkey"]
    volumes = [f"{name}-certificates:/run/latchkey/{name}" for name in SETTINGS]
    assert made["volumes"] == ["authority:/run/latchkey", *volumes]
    for name in SETTINGS:
        environment = services[name]["environment"]
        assert environment["LATCHKEY_TRUST_DOMAIN"] == TRUST_DOMAIN
        for key, file in (
            ("CERTIFICATE", "certificate.pem"),
            ("KEY", "key.pem"),
            ("CA", "ca.pem"),
        ):
            assert environment[f"LATCHKEY_TLS_{key}_FILE"] == f"/run/latchkey/{file}"
        assert environment["LATCHKEY_AUDIT_KEY_FILE"] == "/run/latchkey/audit.pem"
        mounted = [mount for mount in services[name]["volumes"] if "/run/latchkey" in mount]
        assert mounted == [f"{name}-certificates:/run/latchkey:ro"]


def test_each_service_has_a_database_of_its_own(services: dict[str, dict[str, Any]]) -> None:
    """User, password and database are the service's, as the init script makes them."""
    script = (ROOT / "deploy/postgres/databases.sh").read_text()
    assert f"for service in {' '.join(SETTINGS)}; do" in script
    assert 'CREATE DATABASE :"role" OWNER latchkey_owner;' in script
    example = (ROOT / ".env.example").read_text()
    assert "owner_database_password" in services["postgres"]["secrets"]
    assert "OWNER_DATABASE_PASSWORD=\n" in example
    for name in SETTINGS:
        url = services[name]["environment"]["LATCHKEY_DATABASE_URL"]
        password = f"{name.upper()}_DATABASE_PASSWORD"
        assert re.fullmatch(
            rf"postgresql\+asyncpg://{name}:\$\{{{password}:\?[^}}]+\}}@postgres:5432/{name}", url
        )
        assert f"{name}_database_password" in services["postgres"]["secrets"]
        assert f"{password}=\n" in example


def test_services_are_confined(services: dict[str, dict[str, Any]]) -> None:
    """What runs our image can write nowhere but where it must, and gains no privilege."""
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        if service["image"] == "latchkey":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            writable = [volume for volume in service.get("volumes", []) if volume[-3:] != ":ro"]
            assert bool(writable) == (name == "certificates"), name
    assert re.search(r"^USER latchkey$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_nothing_is_published_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    """Every port is on the loopback, and each once."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
    hosts = [port.split(":")[1] for port in published]
    assert len(hosts) == len(set(hosts)) == len(PORTS)


def test_what_is_mounted_is_there(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    """Volumes and secrets are declared and used; what is mounted from here is in the repository."""
    mounts = {
        mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])
    }
    files = {mount for mount in mounts if mount.startswith(".")}
    assert mounts - files == set(compose["volumes"])
    assert all((ROOT / file).exists() for file in files)
    secrets = {secret for service in services.values() for secret in service.get("secrets", [])}
    assert secrets == set(compose["secrets"])
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"] / "Dockerfile").is_file()


def test_what_the_image_copies_is_let_in() -> None:
    """The build sees only what .dockerignore lets in, and that is what is copied."""
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    ignore = (ROOT / ".dockerignore").read_text().split()
    assert {f"!{name}" for name in copied} == {line for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_holds_what_it_runs_compiled() -> None:
    """Nothing is written at run time, so what is not compiled then is compiled at every start."""
    copied, compiled = (ROOT / "Dockerfile").read_text().split("compileall -q ")
    for folder in compiled.splitlines()[0].split():
        assert f"COPY {folder} " in copied
    assert {"libs", "services"} <= set(compiled.splitlines()[0].split())


def test_images_are_pinned_and_come_from_the_default_registry(
    services: dict[str, dict[str, Any]],
) -> None:
    """No host in an image's name, and a version in each that is not built here."""
    for name, service in services.items():
        image = service["image"]
        assert re.fullmatch(r"latchkey|[a-z]+:[0-9]+[0-9.]*(-alpine)?", image), name
    assert tuple(map(int, re.findall(r"\d+", services["nats"]["image"]))) >= (2, 12)


def test_the_broker_keeps_what_it_acknowledges(services: dict[str, dict[str, Any]]) -> None:
    """JetStream stores in a volume, syncs every message, and tells its health."""
    assert "nats-data:/data" in services["nats"]["volumes"]
    assert "./deploy/nats.conf:/etc/nats/latchkey.conf:ro" in services["nats"]["volumes"]
    assert services["nats"]["command"] == ["--config", "/etc/nats/latchkey.conf"]
    config = (ROOT / "deploy/nats.conf").read_text()
    jetstream = re.search(r"^jetstream \{(.*?)^\}", config, re.MULTILINE | re.DOTALL)
    assert jetstream is not None
    assert 'store_dir: "/data"' in jetstream[1]
    assert "sync_interval: always" in jetstream[1]
    monitoring = re.search(r'^http: "127\.0\.0\.1:(\d+)"', config, re.MULTILINE)
    assert monitoring is not None
    asked = services["nats"]["healthcheck"]["test"][-1]
    assert asked == f"http://127.0.0.1:{monitoring[1]}/healthz"


def test_each_service_is_a_user_of_the_broker(services: dict[str, dict[str, Any]]) -> None:
    """The broker is given every user's password, each service its own and no other's."""
    config = (ROOT / "deploy/nats.conf").read_text()
    assert re.search(r'^include "nats-users.conf"$', config, re.MULTILINE)
    assert "./deploy/nats-users.conf:/etc/nats/nats-users.conf:ro" in services["nats"]["volumes"]
    rights = (ROOT / "deploy/nats-users.conf").read_text()
    users = re.findall(r"^ +user: (\w+)$", rights, re.MULTILINE)
    passwords = {f"{user.upper()}_NATS_PASSWORD" for user in users}
    assert tuple(users) == nats.USERS and {*SETTINGS} < {*users}
    assert set(services["nats"]["environment"]) == passwords
    assert set(re.findall(r"password: \$(\w+)$", rights, re.MULTILINE)) == passwords
    example = (ROOT / ".env.example").read_text()
    for password in passwords:
        assert f"{password}=\n" in example
        assert services["nats"]["environment"][password].startswith(f"${{{password}:?")
    for name in SETTINGS:
        assert services[name]["secrets"] == [f"{name}_nats_password"]
        environment = services[name]["environment"]
        assert environment["LATCHKEY_NATS_PASSWORD_FILE"] == f"/run/secrets/{name}_nats_password"
