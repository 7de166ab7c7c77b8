"""Settings."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.process.settings import Settings, SettingsError, load


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings(Settings):
    repeat_seconds: float = 2.0


NEEDED = {
    "LATCHKEY_IDENTITY": "dev_house",
    "LATCHKEY_LISTEN": "127.0.0.1:0",
    "LATCHKEY_DATABASE_URL": "sqlite:///x",
    "LATCHKEY_NATS_URL": "nats://127.0.0.1:4222",
    "LATCHKEY_JWKS_FILE": "/jwks.json",
    "LATCHKEY_AUDIT_KEY_FILE": "/audit.pem",
    "LATCHKEY_ISSUER": "https://issuer",
}


def _problem(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        load(_Settings, environment)
    return str(raised.value)


def test_reads_the_environment() -> None:
    """A setting is a variable with our prefix; others are not ours to look at."""
    settings = load(_Settings, {**NEEDED, "LATCHKEY_REPEAT_SECONDS": "0.5", "PATH": "/bin"})
    assert settings.listen == "127.0.0.1:0"
    assert settings.repeat_seconds == 0.5
    assert settings.jwks_file == Path("/jwks.json")
    assert settings.migrate is False


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    """What the file says counts unless the environment says something else."""
    file = tmp_path / "settings.toml"
    file.write_text('audience = "from the file"\nissuer = "from the file"\nmigrate = true\n')
    settings = load(_Settings, {**NEEDED, "LATCHKEY_SETTINGS_FILE": str(file)})
    assert (settings.audience, settings.issuer) == ("from the file", "https://issuer")
    assert settings.migrate is True


def test_unknown_variable_is_refused() -> None:
    """A misspelt variable is named, with what there is to set."""
    problem = _problem({**NEEDED, "LATCHKEY_LISTN": "x"})
    assert problem.startswith("LATCHKEY_LISTN (from the environment): is not a setting")
    assert "LATCHKEY_LISTEN" in problem
    assert "LATCHKEY_REPEAT_SECONDS" in problem


def test_unknown_key_in_the_file_is_refused(tmp_path: Path) -> None:
    """A misspelt key in the file is named, with the file."""
    file = tmp_path / "settings.toml"
    file.write_text('audiense = "x"\n')
    problem = _problem({**NEEDED, "LATCHKEY_SETTINGS_FILE": str(file)})
    assert problem.startswith(f"LATCHKEY_AUDIENSE (from {file}): is not a setting")


def test_missing_and_wrong_settings_are_all_named() -> None:
    """Everything that is wrong is said at once, each with its name, and no value."""
    environment = {**NEEDED, "LATCHKEY_REPEAT_SECONDS": "s3cret", "LATCHKEY_MIGRATE": "perhaps"}
    del environment["LATCHKEY_NATS_URL"]
    problem = _problem(environment)
    assert len(problem.splitlines()) == 3
    assert "LATCHKEY_NATS_URL: Field required" in problem
    assert "LATCHKEY_REPEAT_SECONDS (from the environment)" in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", ":7401"),
        ("LISTEN", "127.0.0.1:x"),
        ("LISTEN", "127.0.0.1:65536"),
        ("NATS_URL", "http://127.0.0.1:4222"),
        ("NATS_URL", "nats://"),
        ("NATS_URL", "nats://127.0.0.1:x"),
        ("NATS_URL", "nats://127.0.0.1:65536"),
        ("DATABASE_URL", "mysql://127.0.0.1/latchkey"),
        ("ISSUER", ""),
        ("AUDIENCE", ""),
    ],
)
def test_what_nothing_can_be_reached_by_is_refused(key: str, value: str) -> None:
    """An address without a host or a port, a port that there is not, an issuer without a name."""
    problem = _problem({**NEEDED, f"LATCHKEY_{key}": value})
    assert problem.startswith(f"LATCHKEY_{key} (from the environment): ")


@pytest.mark.parametrize(
    "url",
    ["nats://nats", "tls://a:p%40ss@nats.example:4222", "nats://[::1]:4222"],
)
def test_addresses_of_each_kind_are_taken(url: str) -> None:
    """A password, a name, IPv6; what the broker asks for."""
    listen = "[::1]:7401"
    settings = load(_Settings, {**NEEDED, "LATCHKEY_NATS_URL": url, "LATCHKEY_LISTEN": listen})
    assert (settings.nats_url, settings.listen) == (url, listen)


@pytest.mark.parametrize(
    ("key", "value", "must"),
    [
        ("CALLS_PER_SECOND", "0", "must be a number of above 0 and at most 1e+06"),
        ("CALLS_PER_SECOND", "nan", "must be a number of above 0 and at most 1e+06"),
        ("SCHEMA_SECONDS", "-1", "must be a number of at least 0 and at most 3600"),
        ("CALLS_AT_ONCE", "8.5", "must be a whole number of at least 8 and at most 100000"),
        ("MIGRATE", "", "must be true or false"),
        ("LOG_FORMAT", "xml", "must be json or console"),
        ("DATABASE_ROLE", 64 * "r", "must be the name of a role"),
    ],
)
def test_what_a_setting_must_be_is_said(key: str, value: str, must: str) -> None:
    """Bounds, words and lengths, by the name of the setting and without the value."""
    problem = _problem({**NEEDED, f"LATCHKEY_{key}": value})
    assert problem == f"LATCHKEY_{key} (from the environment): {must}"


def test_a_file_has_values_of_its_own_kinds(tmp_path: Path) -> None:
    """TOML's numbers, lists and booleans are taken where they are meant, and nowhere else."""
    file = tmp_path / "settings.toml"
    file.write_text("migrate = true\ncalls_at_once = 8\ncalls_per_second = 1\n")
    settings = load(_Settings, {**NEEDED, "LATCHKEY_SETTINGS_FILE": str(file)})
    assert (settings.migrate, settings.calls_at_once, settings.calls_per_second) == (True, 8, 1.0)
    file.write_text(
        "audience = 1\nlogin_ca_file = 2\ncalls_at_once = true\nschema_seconds = []\n"
        "entra_tenant_ids = 3\nlog_format = []\nmigrate = 4\nlisten = 5\nnats_url = 6\n"
    )
    given = {key: NEEDED[key] for key in NEEDED if key[9:] not in ("LISTEN", "NATS_URL")}
    problem = _problem({**given, "LATCHKEY_SETTINGS_FILE": str(file)})
    assert len(problem.splitlines()) == 9
    assert all(f" (from {file}): must be " in line for line in problem.splitlines())


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file that is not there, is no TOML or no text is an error and not an empty one."""
    file = tmp_path / "settings.toml"
    contents = {"missing": None, "no TOML": b"= 1", "no text": b"\xff"}
    for content in contents.values():
        if content is not None:
            file.write_bytes(content)
        problem = _problem({**NEEDED, "LATCHKEY_SETTINGS_FILE": str(file)})
        assert problem.startswith(f"LATCHKEY_SETTINGS_FILE: {file}: ")
