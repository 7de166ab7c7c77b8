"""People with their managers and filters, and single groups."""

from dataclasses import replace

from latchkey.catalog.v1 import directory_pb2
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import root
from tests.integration.catalog.tenant import MARLOWE, sync, user_id


async def _managers(catalog: RunningCatalog, name: str) -> list[str]:
    answer = await catalog.directory.ListManagers(
        directory_pb2.ListManagersRequest(user_id=user_id(name)), metadata=catalog.by("requests")
    )
    return [user.display_name for user in answer.managers]


async def _users(catalog: RunningCatalog, **which: object) -> list[str]:
    answer = await catalog.directory.ListUsers(
        directory_pb2.ListUsersRequest(**which),  # type: ignore[arg-type]
        metadata=root(catalog),
    )
    return [user.display_name for user in answer.users]


async def test_people_groups_and_managers(catalog: RunningCatalog) -> None:
    """A chain ends after ten, before anybody comes twice, and where nobody is known."""
    chain = {f"M{n:02}": f"M{n + 1:02}" for n in range(12)} | {"M12": "Nobody"}
    circle = {"X": "Y", "Y": "Z", "Z": "X", "Self": "Self"}
    await sync(catalog, replace(MARLOWE, users=MARLOWE.users | chain | circle))
    assert await _managers(catalog, "Ben") == ["Ada"]
    assert await _managers(catalog, "X") == ["Y", "Z"]
    assert await _managers(catalog, "Self") == await _managers(catalog, "M12") == []
    assert await _managers(catalog, "M00") == [f"M{n:02}" for n in range(1, 11)]
    ada = user_id("Ada")
    assert await _users(catalog, manager_user_id=ada) == ["Ben", "Cleo", "Dov"]
    assert await _users(catalog, manager_user_id=ada, account_enabled=True) == ["Ben", "Cleo"]
    assert await _users(catalog, account_enabled=False) == ["Dov"]
    assert await _users(catalog, department="Nowhere") == []
    groups = await catalog.directory.ListGroups(
        directory_pb2.ListGroupsRequest(), metadata=root(catalog)
    )
    one = groups.groups[0]
    asked = directory_pb2.GetGroupRequest(group_id=one.group_id)
    assert (await catalog.directory.GetGroup(asked, metadata=root(catalog))).group == one
    asked.group_id = "grp_" + "0" * 26
    call = catalog.directory.GetGroup(asked, metadata=root(catalog))
    assert (await refused(call)).reason == "GROUP_NOT_FOUND"
    nobody = directory_pb2.ListManagersRequest(user_id=user_id("Nobody"))
    missing = catalog.directory.ListManagers(nobody, metadata=root(catalog))
    assert (await refused(missing)).reason == "USER_NOT_FOUND"
