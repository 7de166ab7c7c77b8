"""Logs say what happened, and no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.process import logs

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Leaves the process's logging as it was."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _configure(*, console: bool = False) -> None:
    """Configures logging as in a process that has none yet; pytest puts its own back."""
    logging.getLogger().handlers[:] = []
    logs.configure("policy", console=console)


def _fail() -> None:
    password = "hunter2"
    raise ValueError(f"refused {TOKEN} for postgresql://latchkey:{password}@db/catalog")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is one JSON object with service, level, time and what happened."""
    _configure()
    structlog.get_logger().info("served", count=3, name="Zoë\nnext line")
    (line,) = _lines(capsys)
    assert (line["service"], line["level"], line["event"]) == ("policy", "info", "served")
    assert (line["count"], line["name"]) == (3, "Zoë\nnext line")
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize("console", [True, False])
def test_secrets_are_taken_out(capsys: pytest.CaptureFixture[str], console: bool) -> None:
    """Nothing that looks like a secret is written: not by key, not by form, however deep, not in
    tracebacks, and not by libraries."""
    _configure(console=console)
    log = structlog.get_logger()
    log.info(
        "call",
        client_secret="hunter2",
        authorization=f"Bearer {TOKEN}",
        token="hunter2",
        url="postgresql://latchkey:hunter2@db/catalog",
        text=f"a {TOKEN} b",
        nested={"headers": [{"Authorization": "hunter2"}, TOKEN], "password": "hunter2"},
    )
    try:
        _fail()
    except ValueError as error:
        log.error("failed", exc_info=error)
        logging.getLogger("sqlalchemy").error("lost %s", TOKEN, exc_info=error)
    written = capsys.readouterr().err
    assert "hunter2" not in written.replace('password = "hunter2"', "")
    assert "eyJ" not in written
    assert "latchkey:…@db" in written
    assert written.count("call") >= 1


def test_libraries_write_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library logs is a JSON object too, whatever its text holds."""
    _configure()
    logging.getLogger("asyncio").warning('quoted "%s"\n%s', "text", {"a": 1})
    (line,) = _lines(capsys)
    assert (line["logger"], line["level"], line["service"]) == ("asyncio", "warning", "policy")
    assert line["event"] == "quoted \"text\"\n{'a': 1}"


def test_anything_can_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """A value that JSON does not know is written in words."""
    _configure()
    structlog.get_logger().info("odd", raw=b"\xff", kinds={1}, keyed={(1, 2): "x"}, none=None)
    (line,) = _lines(capsys)
    assert (line["raw"], line["kinds"], line["none"]) == ("b'\\xff'", [1], None)
