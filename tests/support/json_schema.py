"""The part of JSON Schema that schemas made from Microsoft's metadata use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, Any] = {
    "number": int | float,
    "string": str,
    "boolean": bool,
    "integer": int,
    "array": list,
    "object": dict,
}


def violations(
    value: Any, schema: dict[str, Any], known: dict[str, Any], where: str
) -> Iterator[str]:
    """What is wrong with the value. `known` holds the schemas that others refer to, by name."""
    if "$ref" in schema:
        schema = known[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        found = [list(violations(value, choice, known, where)) for choice in schema["anyOf"]]
        if all(found):
            yield from found[0]
        return
    if schema.get("type") == "null":
        if value is not None:
            yield f"{where} is not null"
        return
    wanted = schema.get("type")
    if wanted is not None and (
        not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) != (wanted == "boolean"))
    ):
        yield f"{where} is not of type {wanted}: {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {schema['enum']}: {value!r}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} does not match {schema['pattern']}: {value!r}"
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from violations(item, schema.get("items", {}), known, f"{where}[{index}]")
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in schema.get("properties", {}):
            yield from violations(item, schema["properties"][name], known, f"{where}.{name}")
        elif "properties" in schema and "@" not in name and not name.startswith("extension_"):
            yield f"{where}.{name} is not a property"
