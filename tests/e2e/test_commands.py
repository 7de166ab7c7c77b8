"""What a newcomer types: `make demo`, `make up`, the printed commands, `make down`."""

import json
import re
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
