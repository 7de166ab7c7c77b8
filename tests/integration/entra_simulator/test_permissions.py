"""The table of permissions against Microsoft's own data."""

from __future__ import annotations

import json
import re
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


# Routes that Microsoft's data does not list, or lists without what its documentation says:
# members alone are also written by PATCH with the permissions that POST of a reference takes.
BY_DOCUMENTATION = {
    ("POST", "/$batch"),
    ("GET", "/directoryObjects/delta"),
    ("POST", "/users/{id}/checkMemberGroups"),
    ("PATCH", "/groups/{id}"),
    ("PATCH", "/groups/{id}/members/$ref"),
    ("POST", "/groups/{id}/members/$ref"),
    ("GET", "/groups/{id}/members/{memberId}/$ref"),
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}"),
}


def test_permissions_are_those_microsoft_lists() -> None:
    """The table accepts exactly what Microsoft's data lists, but for what it leaves out."""
    if not PERMISSIONS.exists():
        pytest.skip(f"needs Microsoft's permission data at {PERMISSIONS}")
    operations = {
        name.lower(): listed
        for name, listed in json.loads(PERMISSIONS.read_text())["operations"].items()
    }
    for (method, template), requirement in REQUIRED.items():
        if (method, template) in BY_DOCUMENTATION:
            continue
        path = re.sub(r"\{\w+\}", "{id}", template).removesuffix("/$ref")
        listed = operations[f"{method} {path}".lower()]
        expected = {
            entry["permission"] for entry in listed if not entry["permission"].startswith(LEFT_OUT)
        }
        assert set().union(*requirement) == expected, f"{method} {template}"
