"""The documents of the repository, for tests of what they say."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SERVICES = ("catalog", "connector", "policy", "requests")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "protos").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
_FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.M | re.S)


def fenced(text: str, language: str) -> list[str]:
    """The blocks of a document in one language."""
    return [body for found, body in _FENCE.findall(text) if found == language]


def without_blocks(text: str) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", text)


def proto(package: str, name: str) -> str:
    """The text of a proto file."""
    return (ROOT / f"protos/latchkey/{package}/v1/{name}.proto").read_text()
