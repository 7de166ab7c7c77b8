"""Reading a tenant: what becomes a page, and how it goes on in the middle."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.connector.domain.directory import (
    DirectoryPage,
    Phase,
    ReadFailed,
    ServicePrincipal,
    UnwritableReason,
    is_protected,
    unwritable_reason,
)
from services.connector.entra import objects
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.lists import Lists
from services.connector.entra.problems import Problem
from services.connector.entra.sync import TenantReader

_TAG = "WindowsAzureActiveDirectoryIntegratedApp"


class ScriptedGraph(Graph):
    """Graph over lists in memory, in pages of `size`."""

    def __init__(self, lists: Mapping[str, list[dict[str, Any]]], size: int) -> None:
        self.lists = lists
        self.size = size
        self.asked: list[str] = []

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | Problem:
        self.asked.append(path)
        parts = urlsplit(path)
        found = self.lists.get(parts.path)
        if found is None:
            return Problem(404, "Request_ResourceNotFound", "gone")
        start = int(parse_qs(parts.query).get("start", ["0"])[0])
        body: dict[str, Any] = {"value": found[start : start + self.size]}
        if start + self.size < len(found):
            body["@odata.nextLink"] = f"{parts.path}?start={start + self.size}"
        return Answer(200, body, path)


def _tenant(groups: int, members: int) -> dict[str, list[dict[str, Any]]]:
    lists: dict[str, list[dict[str, Any]]] = {
        "/users": [{"id": f"U-{n:04}", "displayName": f"User {n}"} for n in range(members)],
        "/groups": [{"id": f"G-{n:04}", "displayName": f"Group {n}"} for n in range(groups)],
        "/servicePrincipals": [
            {"id": "S-1", "tags": [_TAG], "appId": "a"},
            {"id": "S-2", "tags": [], "appId": "00000003-0000-0000-c000-000000000000"},
            {"id": "S-3", "tags": [_TAG], "appOwnerOrganizationId":
             "F8CDEF31-A31E-4B4A-93E4-5F571E91255A"},
        ],
        "/servicePrincipals/s-1/appRoleAssignedTo": [
            {"id": "x", "principalId": "U-0001", "principalType": "User", "appRoleId": "r"},
            {"id": "y", "principalId": "S-2", "principalType": "ServicePrincipal"},
            {"id": "z", "principalId": "G-0001", "principalType": "Group", "appRoleId": "r"},
        ],
    }  # fmt: skip
    for n in range(groups):
        # One group of three is gone when its members are asked for.
        if n % 3:
            lists[f"/groups/g-{n:04}/members"] = [
                {"@odata.type": "#microsoft.graph.user", "id": f"U-{m:04}"} for m in range(members)
            ] + [{"@odata.type": "#microsoft.graph.group", "id": "G-0000"}]
    return lists


async def _read(graph: Graph, checkpoint: str = "") -> list[DirectoryPage]:
    return [page async for page in TenantReader(Lists(graph)).read(checkpoint)]


def _objects(pages: list[DirectoryPage]) -> list[Any]:
    return [found for page in pages for found in page.objects]


async def test_goes_on_behind_any_page_with_what_is_missing() -> None:
    """From every checkpoint on, exactly the objects behind it are read."""
    lists = _tenant(groups=10, members=7)
    pages = await _read(ScriptedGraph(lists, size=3))
    everything = _objects(pages)
    assert len(everything) == 7 + 10 + 6 * 7 + 2 + 2
    for number, page in enumerate(pages):
        rest = _objects(await _read(ScriptedGraph(lists, size=3), page.checkpoint))
        if page.objects:
            assert rest == _objects(pages[number + 1 :]), page.checkpoint


async def test_small_groups_share_pages_and_no_page_is_too_large() -> None:
    """Up to 1000 memberships travel together; only people count as members."""
    lists = _tenant(groups=60, members=90)
    pages = [p for p in await _read(ScriptedGraph(lists, 999)) if p.phase is Phase.MEMBERSHIPS]
    sizes = [len(page.objects) for page in pages]
    assert sum(sizes) == 40 * 90
    assert max(sizes) <= 1000 and len(sizes) == 4


async def test_a_page_of_graph_that_is_too_large_is_split() -> None:
    """Before its last part is committed the whole page is read again."""
    lists = _tenant(groups=2, members=2500)
    pages = await _read(ScriptedGraph(lists, size=5000))
    users = [page for page in pages if page.phase is Phase.USERS]
    assert [len(page.objects) for page in users] == [1000, 1000, 500]
    assert [json.loads(page.checkpoint)["phase"] for page in users] == ["users", "users", "groups"]
    memberships = [page for page in pages if page.phase is Phase.MEMBERSHIPS]
    assert [len(page.objects) for page in memberships] == [1000, 1000, 500]


async def test_only_integrated_apps_are_in_scope_and_microsofts_own_are_named() -> None:
    """All are looked at; what is protected is told even when it is out of scope."""
    pages = await _read(ScriptedGraph(_tenant(1, 1), 999))
    apps = [found for found in _objects(pages) if isinstance(found, ServicePrincipal)]
    assert [(app.entra_object_id, app.is_protected) for app in apps] == [
        ("s-1", False),
        ("s-3", True),
    ]
    assert {found for page in pages for found in page.protected_ids} == {"s-2", "s-3"}


@pytest.mark.parametrize("checkpoint", ["x", "[]", '{"phase": "x"}', '{"other": 1}', "null"])
async def test_a_strange_checkpoint_is_a_failure(checkpoint: str) -> None:
    """Never a silent beginning anew, nor a silent end."""
    with pytest.raises(ReadFailed, match="checkpoint"):
        await _read(ScriptedGraph({}, 10), checkpoint)


async def test_behind_the_end_there_is_nothing() -> None:
    """The last checkpoint leads to no more requests."""
    graph = ScriptedGraph(_tenant(1, 1), 999)
    assert await _read(graph, (await _read(graph))[-1].checkpoint) == []


async def test_a_list_that_is_missing_is_a_failure() -> None:
    """A tenant without the list of users was not read."""
    with pytest.raises(ReadFailed):
        await _read(ScriptedGraph({}, 10))


def test_objects_without_an_id_are_a_failure() -> None:
    """What is not known by its id must not be passed over: the sync would remove it."""
    with pytest.raises(ReadFailed):
        objects.user({"displayName": "nobody"})


def test_nulls_read_as_empty() -> None:
    """Graph sends null for what is not set."""
    user = objects.user({"id": "U", "mail": None, "manager": None, "accountEnabled": None})
    assert (user.mail, user.manager_entra_object_id, user.account_enabled) == ("", "", False)
    app = objects.service_principal({"id": "S", "appRoles": None, "tags": None})
    assert app.app_roles == () and not app.is_protected


def test_only_roles_for_people_are_kept() -> None:
    """An application permission is no role that somebody could ask for."""
    app = objects.service_principal(
        {
            "id": "S",
            "appRoles": [
                {"id": "R-1", "allowedMemberTypes": ["User"], "isEnabled": True, "value": None},
                {"id": "R-2", "allowedMemberTypes": ["Application"], "isEnabled": True},
            ],
        }
    )
    assert [role.entra_app_role_id for role in app.app_roles] == ["r-1"]


@pytest.mark.parametrize(
    ("types", "mail", "synced", "roles", "expected"),
    [
        ((), False, False, False, None),
        (("Unified",), True, False, False, None),
        (("DynamicMembership",), False, False, False, UnwritableReason.DYNAMIC),
        (("DynamicMembership", "Unified"), True, False, False, UnwritableReason.DYNAMIC),
        ((), False, True, False, UnwritableReason.SYNCED),
        ((), True, True, False, UnwritableReason.SYNCED),
        ((), True, False, False, UnwritableReason.MAIL_ENABLED),
        ((), False, False, True, UnwritableReason.ROLE_ASSIGNABLE),
    ],
)
def test_which_groups_can_be_written(
    types: tuple[str, ...],
    mail: bool,
    synced: bool,
    roles: bool,
    expected: UnwritableReason | None,
) -> None:
    """As Graph refuses it, so that nobody asks for what can't be had."""
    found = unwritable_reason(
        group_types=frozenset(types), mail_enabled=mail, synced=synced, role_assignable=roles
    )
    assert found is expected


@pytest.mark.parametrize(
    ("app_id", "owner", "expected"),
    [
        ("00000003-0000-0000-C000-000000000000", "", True),
        ("a", "72F988BF-86F1-41AF-91AB-2D7CD011DB47", True),
        ("a", "f8cdef31-a31e-4b4a-93e4-5f571e91255a", True),
        ("a", "11111111-1111-1111-1111-111111111111", False),
        ("", "", False),
    ],
)
def test_which_apps_are_microsofts_own(app_id: str, owner: str, expected: bool) -> None:
    """By the tenant that owns it, or as Microsoft Graph itself; letters' size does not matter."""
    assert is_protected(entra_app_id=app_id, owner_tenant_id=owner) is expected
