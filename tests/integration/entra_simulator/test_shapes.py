"""What the simulator sends against Microsoft's own metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tools.entra_simulator.graph.shapes import PROPERTIES

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMAS = Path(__file__).parents[4] / "shared" / "graph" / "v1.0-schemas.json"

TYPES = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    if not SCHEMAS.exists():
        pytest.skip(f"needs the schemas of Microsoft's metadata at {SCHEMAS}")
    schemas: dict[str, Any] = json.loads(SCHEMAS.read_text())["$defs"]
    return schemas


def violations(
    value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str
) -> Iterator[str]:
    """The part of JSON Schema that those schemas use."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        found = [list(violations(value, choice, schemas, where)) for choice in schema["anyOf"]]
        if all(found):
            yield from found[0]
        return
    if schema.get("type") == "null":
        if value is not None:
            yield f"{where} is not null"
        return
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        yield f"{where} is not of type {schema['type']}: {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {schema['enum']}: {value!r}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} does not match {schema['pattern']}: {value!r}"
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from violations(item, schema.get("items", {}), schemas, f"{where}[{index}]")
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in schema.get("properties", {}):
            yield from violations(item, schema["properties"][name], schemas, f"{where}.{name}")
        elif "properties" in schema and "@" not in name:
            yield f"{where}.{name} is not a property"


@pytest.mark.parametrize(
    ("type", "address"),
    [
        ("organization", "/v1.0/organization"),
        ("user", f"/v1.0/users?$top=999&$select={','.join(PROPERTIES['user'])}"),
        ("user", "/v1.0/users?$expand=manager"),
        ("group", "/v1.0/groups?$top=999"),
        ("servicePrincipal", "/v1.0/servicePrincipals?$top=999"),
        ("appRoleAssignment", f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo"),
        ("appRoleAssignment", f"/v1.0/users/{cast.GRETA}/appRoleAssignments"),
        ("appRoleAssignment", f"/v1.0/groups/{cast.ENGINEERING}/appRoleAssignments"),
        ("user", f"/v1.0/groups/{cast.ENGINEERING}/members"),
        ("user", f"/v1.0/servicePrincipals/{cast.ATELIER}/owners"),
    ],
)
async def test_responses_fit_microsofts_schemas(
    reader: httpx.AsyncClient, schemas: dict[str, Any], type: str, address: str
) -> None:
    """Every property sent exists in Graph v1.0 and has the type that Graph gives it."""
    schema = schemas[f"microsoft.graph.{type}"]
    items = (await reader.get(address)).json()["value"]
    assert items
    found = [violation for item in items for violation in violations(item, schema, schemas, type)]
    assert found == []


async def test_every_selectable_property_exists(schemas: dict[str, Any]) -> None:
    """The simulator lets a client select nothing that Graph does not have."""
    for type, properties in PROPERTIES.items():
        known = schemas[f"microsoft.graph.{type}"]["properties"]
        assert set(properties) <= set(known), type
