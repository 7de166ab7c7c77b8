"""Questions to the journal."""

from __future__ import annotations

from typing import Any

import pytest

from tools.entra_simulator.fields import FieldError
from tools.entra_simulator.journal_queries import JournalQuery, counts, route_of

GROUP = "c0bd383a-9649-47ee-a9e1-226228e60e1b"
USER = "6fe5e73b-7a84-4b03-b866-fcd69f3fd6d7"
ASSIGNMENT = "e3_lb4R6s0u4Zvzbn9P-1xQ3SE9aWVlbYWJjZGVmZ2g"


def entry(
    number: int, method: str | None, path: str | None, status: int | None, **rest: Any
) -> Any:
    known = {"source": "graph" if method else "hand", "clientAppId": "app", "fault": None}
    return {"number": number, "method": method, "path": path, "status": status, **known, **rest}


ENTRIES = [
    entry(1, "POST", "/t/oauth2/v2.0/token", 200, source="login"),
    entry(2, "GET", "/v1.0/users?$top=5", 200),
    entry(3, "POST", f"/v1.0/groups/{GROUP}/members/$ref", 204),
    entry(4, "POST", f"/v1.0/groups/{USER}/members/$ref", 429, fault="throttle"),
    entry(5, None, None, None, clientAppId=None),
    entry(6, "GET", "/beta/users", 404, clientAppId="other"),
]


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"method": "post"}, [1, 3, 4]),
        ({"path": "/users"}, [2, 6]),
        ({"path": "/groups/*/members/$ref", "status": "204"}, [3]),
        ({"status": "4xx"}, [4, 6]),
        ({"source": "hand"}, [5]),
        ({"clientAppId": "other"}, [6]),
        ({"fault": "any"}, [4]),
        ({"fault": "reset"}, []),
        ({"limit": "2"}, [1, 2]),
        ({"last": "2"}, [5, 6]),
        ({"last": "0"}, []),
    ],
)
def test_filters(parameters: dict[str, str], numbers: list[int]) -> None:
    """By caller, method, path below the version, status or its class, source and fault."""
    query = JournalQuery.from_parameters(parameters)
    assert [found["number"] for found in query.select(ENTRIES)] == numbers


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": "yesterday"},
        {"status": "many"},
        {"source": "moon"},
        {"page": "2"},
        {"limit": "-1"},
    ],
)
def test_wrong_filters_are_refused(parameters: dict[str, str]) -> None:
    """The error names the filter: a misspelt one must not answer with the whole journal."""
    with pytest.raises(FieldError) as refused:
        JournalQuery.from_parameters(parameters)
    assert refused.value.field == next(iter(parameters))


def test_counts_by_route() -> None:
    """Calls of one route count together, whatever ids and queries they carry."""
    assert {"source": "graph", "method": "GET", "route": "/users", "status": 200, "count": 1} in (
        counts(ENTRIES)
    )
    statuses = {
        each["status"]: each["count"]
        for each in counts([*ENTRIES, ENTRIES[2]])
        if each["route"] == "/groups/{id}/members/$ref"
    }
    assert statuses == {204: 2, 429: 1}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (f"/v1.0/groups/{GROUP}/members/{USER}/$ref", "/groups/{id}/members/{id}/$ref"),
        (
            f"/v1.0/servicePrincipals/{GROUP}/appRoleAssignedTo/{ASSIGNMENT}",
            "/servicePrincipals/{id}/appRoleAssignedTo/{id}",
        ),
        ("/v1.0/users/ada@x.example/manager", "/users/{id}/manager"),
        ("/v1.0/users/delta?$deltatoken=abc", "/users/delta"),
        (f"/{GROUP}/oauth2/v2.0/token", "/{id}/oauth2/v2.0/token"),
    ],
)
def test_routes(path: str, route: str) -> None:
    """Ids of every kind become `{id}`."""
    assert route_of(path) == route
