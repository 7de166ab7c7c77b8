"""requirements.lock: everything pinned, everything hashed, no place named."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _locked() -> list[str]:
    """One string for each requirement: its pin, its marker, and its hashes."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").strip().splitlines()


def _pinned() -> dict[str, Requirement]:
    requirements = (Requirement(line.split("--hash", 1)[0].strip()) for line in _locked())
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def _wanted() -> list[Requirement]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        document = tomllib.load(file)
    groups = document["project"]["optional-dependencies"].values()
    texts = [
        *document["project"]["dependencies"],
        *document["build-system"]["requires"],
        *(text for group in groups for text in group),
    ]
    return [Requirement(text) for text in texts]


def test_names_no_place() -> None:
    """Where packages come from is the machine's setting, never the repository's."""
    text = LOCK.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index|--extra-index|--find-links|--trusted)", text, re.M)
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert not [line for line in comments if "/" in line]


def test_everything_is_pinned_and_hashed() -> None:
    """Exactly one version of each, and only files that were there when it was locked."""
    for line in _locked():
        pin, *hashes = line.split("--hash", 1)
        assert [each.operator for each in Requirement(pin.strip()).specifier] == ["=="], pin
        assert hashes and HASH.match("--hash" + hashes[0]), pin


def test_has_what_the_project_asks_for() -> None:
    """Every group of pyproject.toml, and what building it takes, is in the one lock."""
    pinned = _pinned()
    for wanted in _wanted():
        found = pinned.get(canonicalize_name(wanted.name))
        assert found is not None, f"{wanted} is not locked: run `make lock`"
        (version,) = (specifier.version for specifier in found.specifier)
        assert wanted.specifier.contains(version), f"{wanted} is locked at {version}"
        assert found.marker is None, f"{wanted} is locked for some machines only"
