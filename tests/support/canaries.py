"""Looks for secrets where none may be: tokens of any kind, and those that the house was given.

A token is told by its form, so that no list of them has to be kept: people's, services', and those
that the simulated Entra gives the connector for Graph are all signed JWTs; private keys say that
they are. A token that was cut is found as long as its claims began.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{8,}")
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SHOWN = 40


def found_in(text: bytes, secrets: Iterable[bytes] = ()) -> Iterator[str]:
    """What is in a text and must not be: where it stands, with the beginning of it."""
    for pattern in (_TOKEN, _KEY, *(re.compile(re.escape(secret)) for secret in secrets)):
        for hit in pattern.finditer(text):
            start = max(0, hit.start() - _SHOWN)
            before = text[start : hit.start()].decode(errors="replace")
            yield f"…{before!r} {hit[0][:12].decode(errors='replace')}…"


def found_below(folder: Path, spared: Iterable[Path], secrets: Iterable[bytes]) -> list[str]:
    """What is in any file below a folder, but for the files and folders that are `spared`."""
    skipped, known, found = tuple(spared), tuple(secrets), []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(file.is_relative_to(each) for each in skipped):
            hits = found_in(file.read_bytes(), known)
            found += [f"{file.relative_to(folder)}: {hit}" for hit in hits]
    return found
