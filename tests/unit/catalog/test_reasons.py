"""Every reason that the catalog gives is in its dictionary."""

import ast
from collections.abc import Iterator
from pathlib import Path

from latchkey.catalog.v1 import errors_pb2
from libs.domain import errors

# `Unavailable` begins with who is away, and gives always the same reason.
_CLASSES = {name for name in dir(errors) if isinstance(getattr(errors, name), type)} - {
    "Unavailable"
}
_SERVICE = Path(__file__).parents[3] / "services" / "catalog"


def _reasons(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        if not (isinstance(function, ast.Name) and function.id in _CLASSES):
            continue
        named = [word.value for word in node.keywords if word.arg == "reason"]
        for value in (*named, *(node.args[:1] if isinstance(node.func, ast.Name) else ())):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def test_reasons_are_in_the_contract() -> None:
    """And each of the catalog's own in the contract is given somewhere."""
    given = {
        reason
        for file in _SERVICE.rglob("*.py")
        for reason in _reasons(ast.parse(file.read_text()))
    }
    known = {
        name.removeprefix("ERROR_REASON_"): number
        for name, number in errors_pb2.ErrorReason.items()
    }
    assert given <= known.keys()
    # Below 20 are those that every service shares.
    assert {reason for reason, number in known.items() if number >= 20} <= given
