"""Microsoft's own SDK for Python reads and writes a simulated tenant."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph import GraphServiceClient
from msgraph.generated.groups.delta.delta_get_response import (
    DeltaGetResponse as GroupsDelta,
)
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.app_role_assignment_collection_response import (
    AppRoleAssignmentCollectionResponse,
)
from msgraph.generated.models.directory_object_collection_response import (
    DirectoryObjectCollectionResponse,
)
from msgraph.generated.models.group_collection_response import GroupCollectionResponse
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.organization_collection_response import (
    OrganizationCollectionResponse,
)
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal_collection_response import (
    ServicePrincipalCollectionResponse,
)
from msgraph.generated.models.user_collection_response import UserCollectionResponse
from msgraph.generated.users.delta.delta_get_response import DeltaGetResponse as UsersDelta

from tests.peers.simulated import Served, served

NO_ROLE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    numbers = ("--users", "250", "--groups", "40", "--memberships", "1200", "--apps", "20")
    with served(tmp_path_factory.mktemp("peer"), *numbers, "--assignments", "600") as running:
        yield running


def run(simulator: Served, use: Callable[[GraphServiceClient], Awaitable[Any]]) -> Any:
    async def using() -> Any:
        async with simulator.sdk() as client:
            return await use(client)

    return asyncio.run(using())


async def pages(builder: Any, first: Any) -> list[Any]:
    """Every object of a collection, page after page."""
    found: list[Any] = []
    page = first
    while page is not None:
        found += page.value or []
        link = page.odata_next_link
        page = await builder.with_url(link).get() if link else None
    return found


def test_collections_are_read_whole(simulator: Served) -> None:
    """Users, groups, members, service principals and assignments are the simulator's own."""

    async def read(client: GraphServiceClient) -> Any:
        users = await pages(client.users, await client.users.get())
        groups = await pages(client.groups, await client.groups.get())
        apps = await pages(client.service_principals, await client.service_principals.get())
        members = set()
        for group in groups:
            builder = client.groups.by_group_id(group.id).members
            for member in await pages(builder, await builder.get()):
                members.add((group.id, member.id))
        assignments = set()
        for app in apps:
            builder = client.service_principals.by_service_principal_id(app.id)
            assigned_to = builder.app_role_assigned_to
            for held in await pages(assigned_to, await assigned_to.get()):
                role = (str(held.principal_id), str(held.resource_id), str(held.app_role_id))
                assignments.add((held.id, *role))
        ids = [{found.id for found in each} for each in (users, groups, apps)]
        return *ids, members, assignments

    users, groups, apps, members, assignments = run(simulator, read)
    state = simulator.state()
    assert users == {user["id"] for user in state["users"]}
    assert groups == {group["id"] for group in state["groups"]}
    assert apps == {app["id"] for app in state["servicePrincipals"]}
    assert members == {
        (group["id"], member) for group in state["groups"] for member in group["members"]
    }
    assert assignments == {
        (held["id"], held["principalId"], held["resourceId"], held["appRoleId"])
        for held in state["appRoleAssignments"]
    }


def attribute(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def misread(model: Any, document: dict[str, Any], where: str) -> Iterator[str]:
    """What the SDK's model did not understand of the JSON, all the way down."""
    for name in model.additional_data:
        if "@" not in name:
            yield f"{where}.{name} is unknown to the SDK"
    for name, value in document.items():
        if value is None or "@" in name:
            continue
        read = getattr(model, attribute(name), None)
        if read is None:
            yield f"{where}.{name} = {value!r} was read as nothing"
        elif isinstance(value, dict) and hasattr(read, "additional_data"):
            yield from misread(read, value, f"{where}.{name}")
        elif isinstance(value, list):
            if len(read) != len(value):
                yield f"{where}.{name} lost some of its items"
            for index, (item, inner) in enumerate(zip(read, value, strict=False)):
                if isinstance(inner, dict) and hasattr(item, "additional_data"):
                    yield from misread(item, inner, f"{where}.{name}[{index}]")


USER = (
    "id,displayName,givenName,surname,userPrincipalName,mail,accountEnabled,jobTitle,department,"
    "employeeId,userType,companyName,createdDateTime,usageLocation,onPremisesSyncEnabled,"
    "onPremisesLastSyncDateTime,externalUserState,creationType,mailNickname,businessPhones"
)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/organization", OrganizationCollectionResponse),
        (f"/users?$top=999&$select={USER}", UserCollectionResponse),
        ("/users?$expand=manager($select=id,displayName)", UserCollectionResponse),
        ("/groups?$top=999", GroupCollectionResponse),
        ("/servicePrincipals?$top=999", ServicePrincipalCollectionResponse),
        ("/groups/{group}/members", DirectoryObjectCollectionResponse),
        ("/servicePrincipals/{app}/appRoleAssignedTo", AppRoleAssignmentCollectionResponse),
        (f"/users/delta?$select={USER},manager", UsersDelta),
        ("/groups/delta?$select=id,displayName,groupTypes,members,owners", GroupsDelta),
    ],
)
def test_every_field_is_understood(simulator: Served, path: str, model: Any) -> None:
    """Names that the SDK does not know hold an `@`, and no value is read as nothing."""
    state = simulator.state()
    filled = max(state["groups"], key=lambda group: len(group["members"]))
    assigned = state["appRoleAssignments"][0]["resourceId"]
    document = simulator.raw(path.format(group=filled["id"], app=assigned))
    assert document["value"]
    node = JsonParseNodeFactory().get_root_parse_node(
        "application/json", json.dumps(document).encode()
    )
    assert list(misread(node.get_object_value(model), document, "answer")) == []


def test_delta_is_followed(simulator: Served) -> None:
    """A round to its delta link, a change in the portal, and the next round tells just that."""

    async def changed(client: GraphServiceClient) -> Any:
        async def round(page: Any) -> Any:
            found: list[Any] = []
            while True:
                found += page.value or []
                if page.odata_delta_link:
                    return found, page.odata_delta_link
                page = await client.groups.delta.with_url(page.odata_next_link).get()

        first, link = await round(await client.groups.delta.get())
        _, user_link = await follow_users(client)
        state = simulator.state()
        group = next(group for group in state["groups"] if group["members"])
        newcomer = simulator.control("POST", "/users", {"displayName": "Ada New"})["id"]
        simulator.control("POST", f"/groups/{group['id']}/members", {"memberId": newcomer})
        second, _ = await round(await client.groups.delta.with_url(link).get())
        users = await client.users.delta.with_url(user_link).get()
        return {found.id for found in first}, second, group, newcomer, users.value

    async def follow_users(client: GraphServiceClient) -> Any:
        page = await client.users.delta.get()
        while not page.odata_delta_link:
            page = await client.users.delta.with_url(page.odata_next_link).get()
        return page, page.odata_delta_link

    first, second, group, newcomer, users = run(simulator, changed)
    assert first == {found["id"] for found in simulator.state()["groups"]}
    assert [found.id for found in second] == [group["id"]]
    [member] = second[0].additional_data["members@delta"]
    assert str(member["id"]) == newcomer
    assert [found.id for found in users] == [newcomer]


def test_throttling_is_waited_out(simulator: Served) -> None:
    """The SDK retries a 429 by itself, after the Retry-After that the simulator sent."""
    since = simulator.control("GET", "/journal?last=0")["lastNumber"]
    fault = {"kind": "throttle", "path": "/organization", "times": 1, "retryAfter": 1}
    simulator.control("POST", "/faults", fault)
    found = run(simulator, lambda client: client.organization.get())
    assert found.value[0].display_name
    entries = simulator.control("GET", f"/journal?since={since}&path=/organization")["entries"]
    assert [entry["status"] for entry in entries] == [429, 200]
    quotas = simulator.control("GET", "/quotas")
    assert quotas["earlyCalls"]["count"] == 0


def test_access_is_written(simulator: Served) -> None:
    """Memberships and assignments are made and taken back, and refusals arrive as ODataError."""
    state = simulator.state()
    group = next(
        group
        for group in state["groups"]
        if not group["groupTypes"]
        and not group["mailEnabled"]
        and not group.get("onPremisesSyncEnabled")
        and not group.get("isAssignableToRole")
    )
    app = next(app for app in state["servicePrincipals"] if app["tags"] and not app["appRoles"])
    held = {each["principalId"] for each in state["appRoleAssignments"]} | {*group["members"]}
    user = next(user["id"] for user in state["users"] if user["id"] not in held)

    async def write(client: GraphServiceClient) -> str:
        members = client.groups.by_group_id(group["id"]).members
        reference = ReferenceCreate(
            odata_id=f"https://graph.microsoft.com/v1.0/directoryObjects/{user}"
        )
        await members.ref.post(reference)
        with pytest.raises(ODataError) as refused:
            await members.ref.post(reference)
        assert refused.value.error is not None
        assert refused.value.error.code == "Request_BadRequest"
        await members.by_directory_object_id(user).ref.delete()
        builder = client.service_principals.by_service_principal_id(app["id"])
        wanted = AppRoleAssignment()
        wanted.principal_id, wanted.resource_id, wanted.app_role_id = user, app["id"], NO_ROLE
        made = await builder.app_role_assigned_to.post(wanted)
        assert made is not None
        await builder.app_role_assigned_to.by_app_role_assignment_id(made.id).delete()
        return str(made.id)

    made = run(simulator, write)
    assert len(made) == 43
    after = simulator.state()
    assert made not in {held["id"] for held in after["appRoleAssignments"]}
