"""The table of permissions against Microsoft's own data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.entra_simulator.graph.routes import ROUTES
from tools.entra_simulator.permissions import REQUIRED

PERMISSIONS = Path(__file__).parents[4] / "shared" / "graph" / "permissions.json"

# What permissions.json lists and the simulator's table leaves out on purpose: permissions of
# device management, agents, cross-cloud sync and nested groups, which no connector asks for,
# and User.ReadBasic.All, whose narrower view of a user is not simulated.
LEFT_OUT = (
    "Agent",
    "DeviceManagement",
    "Group-",
    "Group.ManageProtection.All",
    "User.ReadBasic.All",
    "User.ReadWrite.CrossCloud",
)


def test_every_route_has_a_requirement() -> None:
    """No route can be added and its permissions forgotten, nor the other way round."""
    assert {(route.method, route.template) for route in ROUTES} == set(REQUIRED)


def test_permissions_are_those_microsoft_lists() -> None:
    """The table accepts exactly what Microsoft's data lists, but for what it leaves out."""
    if not PERMISSIONS.exists():
        pytest.skip(f"needs Microsoft's permission data at {PERMISSIONS}")
    operations = json.loads(PERMISSIONS.read_text())["operations"]
    compared = 0
    for (method, template), requirement in REQUIRED.items():
        path = template.lower().replace("{memberid}", "{id}").replace("{assignmentid}", "{id}")
        listed = operations.get(f"{method} {path.removesuffix('/$ref')}")
        if listed is None:
            assert template.endswith("/members/$ref"), f"{method} {template} is not listed"
            continue
        expected = {
            entry["permission"] for entry in listed if not entry["permission"].startswith(LEFT_OUT)
        }
        assert set().union(*requirement) == expected, f"{method} {template}"
        compared += 1
    assert compared == len(REQUIRED) - 1
