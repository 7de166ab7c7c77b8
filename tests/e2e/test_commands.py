"""What a newcomer types: `make demo`, `make up`, the printed commands, `make down`."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.dev.child import ROOT


def _dev(*words: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.dev", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A house's folder; whatever happens, no house is left behind in it."""
    path = tmp_path_factory.mktemp("up")
    yield path
    _dev("down", "--folder", str(path))


def test_the_demonstration_ends_well_and_shows_the_two_writes() -> None:
    """`make demo` exits 0 only with both writes in Entra, and shows the timeline and them."""
    told = _dev("demo")
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-4000:]
    for expected in (
        "FULFILLED",
        "/appRoleAssignedTo → 201",
        "/members/$ref → 204",
        "app assignment in Entra: yes; group membership in Entra: yes",
        "app assignment in Entra: no; group membership in Entra: no",
        "requests LeaseGranted",
        "connector AccessProvisioned",
    ):
        assert expected in told.stdout


def test_up_prints_commands_that_work_and_state_survives_a_restart(folder: Path) -> None:
    """The buf commands answer as printed; after down and up the connection is still there."""
    first = _dev("up", "--folder", str(folder))
    assert first.returncode == 0, first.stdout + first.stderr
    for label in ("admin", "nora", "diego"):
        assert re.search(rf"^  {label}: .+\n    eyJ", first.stdout, re.MULTILINE)
    assert first.stdout.count("\n  grpcurl -plaintext ") == 3

    apps, catalog, syncs = (_run(command) for command in _buf_commands(first.stdout))
    assert len(apps["apps"]) == 5
    assert catalog == {}
    assert [sync["state"] for sync in syncs["syncs"]] == ["SYNC_STATE_SUCCEEDED"]

    assert "down" in _dev("down", "--folder", str(folder)).stdout
    second = _dev("up", "--folder", str(folder))
    assert second.returncode == 0, second.stdout + second.stderr
    again, _, syncs_again = (_run(command) for command in _buf_commands(second.stdout))
    assert (again, syncs_again) == (apps, syncs)
    assert _dev("down", "--folder", str(folder)).stdout == "The house is down.\n"
    assert _dev("down", "--folder", str(folder)).stdout == "No house is up.\n"


def test_a_house_that_was_killed_leaves_nobody_behind(folder: Path) -> None:
    """After SIGKILL of the house its parts go on; `down` ends them, and so does `up` before it
    starts others on the same databases. No two houses are in one folder."""
    assert _dev("up", "--folder", str(folder)).returncode == 0
    second = _dev("run", "--folder", str(folder))
    assert second.returncode == 1
    assert second.stderr.startswith("Another house is up in ")
    for command, others in (("up", 6), ("down", 0)):
        house = json.loads((folder / "house.json").read_text())["pid"]
        parts = _parts(folder)
        assert len(parts) == 6
        os.kill(house, signal.SIGKILL)
        assert all(map(_lives, parts))
        ended = _dev(command, "--folder", str(folder))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert not any(map(_lives, parts))
        assert len(_parts(folder)) == others
    assert _dev("down", "--folder", str(folder)).stdout == "No house is up.\n"


@pytest.mark.parametrize("url", ["postgresql+asyncpg://a@127.0.0.1:1/b", "sqlite:///latchkey.db"])
def test_a_house_that_cannot_start_says_why_and_leaves_nobody_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A database that is not there ends the house with a sentence, and no part of it goes on."""
    monkeypatch.setenv("LATCHKEY_DATABASE_URL", url)
    ended = _dev("run", "--folder", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.startswith("LATCHKEY_DATABASE_URL: ")
    assert not (tmp_path / "parts.json").exists()
    assert not list(tmp_path.glob("nats/*.ports"))


def _parts(folder: Path) -> list[int]:
    listed = folder / "parts.json"
    return [int(pid) for pid in json.loads(listed.read_text())] if listed.exists() else []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")


def _buf_commands(printed: str) -> list[str]:
    commands = re.findall(r"^  (\.venv/bin/buf curl .+)$", printed, re.MULTILINE)
    assert len(commands) == 3
    buf = Path(sys.executable).parent / "buf"
    return [command.replace(".venv/bin/buf", str(buf), 1) for command in commands]


def _run(command: str) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return answer
