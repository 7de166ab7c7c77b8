"""People with whom they answer to, and groups."""

from typing import Any

from latchkey.catalog.v1 import directory_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import root
from tests.integration.catalog.tenant import Tenant, sync, user_id
from tests.support.issuer import TENANT, object_id

_LINE = [f"Boss {number}" for number in range(8)]
_PEOPLE = Tenant(
    users={
        **dict(zip(_LINE, [*_LINE[1:], ""], strict=True)),
        "Ada": "Boss 0",
        "Ben": "Boss 0",
        "Cleo": "Dov",
        "Dov": "Cleo",
        "Eve": "Eve",
    },
    disabled=frozenset({"Ben"}),
    groups={"Editors": ("Ada", "Ben")},
)


async def _names(catalog: RunningCatalog, **which: Any) -> list[str]:
    request = directory_pb2.ListUsersRequest(**which)
    response = await catalog.directory.ListUsers(request, metadata=root(catalog))
    return [user.display_name for user in response.users]


async def _managers(catalog: RunningCatalog, name: str) -> list[str]:
    response = await catalog.directory.ListManagers(
        directory_pb2.ListManagersRequest(user_id=user_id(name)), metadata=root(catalog)
    )
    return [user.display_name for user in response.managers]


async def test_whom_people_answer_to(catalog: RunningCatalog) -> None:
    """Up to the fifth, and never anybody twice, also where a line comes round."""
    await sync(catalog, _PEOPLE)
    assert await _managers(catalog, "Ada") == _LINE[:5]
    assert await _managers(catalog, "Boss 6") == ["Boss 7"]
    assert await _managers(catalog, "Boss 7") == []
    assert await _managers(catalog, "Cleo") == ["Dov"]
    assert await _managers(catalog, "Eve") == []
    unknown = directory_pb2.ListManagersRequest(user_id=user_id("nobody"))
    refusal = await refused(catalog.directory.ListManagers(unknown, metadata=root(catalog)))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")


async def test_people_by_what_they_are(catalog: RunningCatalog) -> None:
    """By department, manager, and whether they can sign in; and by all of it together."""
    await sync(catalog, _PEOPLE)
    [people, *_] = _PEOPLE.pages()
    assert await _names(catalog, manager_user_id=user_id("Boss 0")) == ["Ada", "Ben"]
    assert await _names(catalog, account_enabled=False) == ["Ben"]
    assert "Ben" not in await _names(catalog, account_enabled=True)
    department = next(user.department for user in people.page.users)
    same = {user.display_name for user in people.page.users if user.department == department}
    assert set(await _names(catalog, department=department, page_size=100)) == same
    assert await _names(catalog, department="none of that name") == []
    both = {"manager_user_id": user_id("Boss 0"), "account_enabled": True, "query": "a"}
    assert await _names(catalog, **both) == ["Ada"]
    first = await catalog.directory.ListUsers(
        directory_pb2.ListUsersRequest(page_size=2, account_enabled=True), metadata=root(catalog)
    )
    other = directory_pb2.ListUsersRequest(page_size=2, page_token=first.next_page_token)
    refusal = await refused(catalog.directory.ListUsers(other, metadata=root(catalog)))
    assert refusal.reason == "PAGE_TOKEN_INVALID"


async def test_one_group(catalog: RunningCatalog) -> None:
    """With how many are in it."""
    await sync(catalog, _PEOPLE)
    group_id = ids.group_id(TENANT, object_id("Editors"))
    found = await catalog.directory.GetGroup(
        directory_pb2.GetGroupRequest(group_id=group_id), metadata=root(catalog)
    )
    assert (found.group.display_name, found.group.member_count) == ("Editors", 2)
    gone = directory_pb2.GetGroupRequest(group_id=ids.group_id(TENANT, object_id("nothing")))
    refusal = await refused(catalog.directory.GetGroup(gone, metadata=root(catalog)))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "GROUP_NOT_FOUND")
