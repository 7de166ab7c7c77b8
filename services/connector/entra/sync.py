"""Reads a tenant: users, groups, their members, apps, and who is assigned to them.

Related objects are never asked for with `$expand`: it returns about twenty and says nothing of the
others. The manager, of whom there is one, is the exception. Source: Microsoft Learn, "Use query
parameters", limitations of `$expand` on directory objects.

A checkpoint is JSON: the phase, and where in it reading goes on. Groups and apps are gone through
in the order of their ids, so that a sync that was cut off needs to know only the last one.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.connector.domain.directory import (
    INTEGRATED_APP_TAG,
    DirectoryObject,
    DirectoryPage,
    Phase,
    ReadFailed,
)
from services.connector.entra import objects
from services.connector.entra.lists import Gone, ListPage, Lists

_MOST_OBJECTS = 1000
_TOP = "999"
_END = "end"
_FOLLOWING = dict(zip(Phase, (*list(Phase)[1:], _END), strict=True))
_USERS = {
    "$select": "id,displayName,userPrincipalName,mail,accountEnabled,jobTitle,department",
    # With it a page holds 100 at most, whatever $top says.
    "$expand": "manager($select=id)",
    "$top": _TOP,
}
_GROUPS = {
    "$select": "id,displayName,description,groupTypes,mailEnabled,securityEnabled,"
    "isAssignableToRole,onPremisesSyncEnabled",
    "$top": _TOP,
}
_SERVICE_PRINCIPALS = {
    "$select": "id,appId,displayName,description,accountEnabled,appRoles,tags,"
    "appOwnerOrganizationId",
    "$top": _TOP,
}
_MEMBERS = {"$select": "id", "$top": _TOP}
_ASSIGNED_TO = {"$top": _TOP}


@dataclass(frozen=True, slots=True)
class _Position:
    """Where reading goes on: in `phase`, behind the group or app `after`.

    `link` is the next link of the list there; within the group or app `within`, if that is set.
    """

    phase: str
    link: str = ""
    after: str = ""
    within: str = ""

    def text(self) -> str:
        fields = {"link": self.link, "after": self.after, "within": self.within}
        return json.dumps({"phase": self.phase} | {k: v for k, v in fields.items() if v})


def _position(checkpoint: str) -> _Position:
    if not checkpoint:
        return _Position(Phase.USERS)
    try:
        position = _Position(**json.loads(checkpoint))
    except (ValueError, TypeError) as error:
        raise ReadFailed("the catalog's checkpoint of this sync can't be understood") from error
    if position.phase not in (*Phase, _END):
        raise ReadFailed("the catalog's checkpoint of this sync is of an unknown phase")
    return position


class TenantReader:
    """Reads one tenant, once."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        # What the phases before found; none when this run did not read them from their beginning.
        self._group_ids: list[str] | None = None
        self._app_ids: list[str] | None = None

    async def read(self, checkpoint: str) -> AsyncIterator[DirectoryPage]:
        """Everything behind a checkpoint; all of it when that is empty.

        Raises:
            ReadFailed: it can't be read.
        """
        position = _position(checkpoint)
        try:
            while position.phase != _END:
                phase = Phase(position.phase)
                end = _Position(_FOLLOWING[phase])
                async for page in self._phase(phase, position, end.text()):
                    yield page
                position = end
        except Gone as error:
            raise ReadFailed("Graph does not know one of its own lists") from error

    def _phase(self, phase: Phase, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        match phase:
            case Phase.USERS:
                return self._users(start, end)
            case Phase.GROUPS:
                return self._groups(start, end)
            case Phase.MEMBERSHIPS:
                return self._memberships(start, end)
            case Phase.SERVICE_PRINCIPALS:
                return self._service_principals(start, end)
            case Phase.APP_ROLE_ASSIGNMENTS:
                return self._assignments(start, end)

    async def _users(self, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        async for page in self._lists.pages("/users", _USERS, link=start.link or None):
            found = [objects.user(item) for item in page.items]
            for built in _pages(Phase.USERS, found, page, start.link, end):
                yield built
            start = _Position(Phase.USERS, page.next_link or "")

    async def _groups(self, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        ids: list[str] | None = None if start.link else []
        async for page in self._lists.pages("/groups", _GROUPS, link=start.link or None):
            found = [objects.group(item) for item in page.items]
            if ids is not None:
                ids += [group.entra_object_id for group in found]
            for built in _pages(Phase.GROUPS, found, page, start.link, end):
                yield built
            start = _Position(Phase.GROUPS, page.next_link or "")
        self._group_ids = ids

    async def _service_principals(self, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        ids: list[str] | None = None if start.link else []
        async for page in self._lists.pages(
            "/servicePrincipals", _SERVICE_PRINCIPALS, link=start.link or None
        ):
            every = [objects.service_principal(item) for item in page.items]
            protected = tuple(one.entra_object_id for one in every if one.is_protected)
            found = [
                one
                for one, item in zip(every, page.items, strict=True)
                if INTEGRATED_APP_TAG in (item.get("tags") or ())
            ]
            if ids is not None:
                ids += [one.entra_object_id for one in found]
            if protected:
                yield DirectoryPage(Phase.SERVICE_PRINCIPALS, (), start.text(), protected)
            for built in _pages(Phase.SERVICE_PRINCIPALS, found, page, start.link, end):
                yield built
            start = _Position(Phase.SERVICE_PRINCIPALS, page.next_link or "")
        self._app_ids = ids

    async def _memberships(self, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        ids = self._group_ids
        if ids is None:
            ids = await self._ids("/groups", {"$select": "id", "$top": _TOP})

        def members(group_id: str) -> AsyncIterator[ListPage]:
            link = start.link if group_id == start.within else None
            return self._lists.pages(f"/groups/{group_id}/members", _MEMBERS, link=link)

        found = (
            (group_id, page, objects.memberships(group_id, page.items))
            async for group_id, page in self._lists.of_each(_behind(ids, start), members)
        )
        async for built in _packed(Phase.MEMBERSHIPS, found, start, end):
            yield built

    async def _assignments(self, start: _Position, end: str) -> AsyncIterator[DirectoryPage]:
        ids = self._app_ids
        if ids is None:
            ids = await self._ids(
                "/servicePrincipals", {"$select": "id,tags", "$top": _TOP}, INTEGRATED_APP_TAG
            )

        def assigned(app_id: str) -> AsyncIterator[ListPage]:
            link = start.link if app_id == start.within else None
            path = f"/servicePrincipals/{app_id}/appRoleAssignedTo"
            return self._lists.pages(path, _ASSIGNED_TO, link=link)

        found = (
            (app_id, page, objects.role_assignments(app_id, page.items))
            async for app_id, page in self._lists.of_each(_behind(ids, start), assigned)
        )
        async for built in _packed(Phase.APP_ROLE_ASSIGNMENTS, found, start, end):
            yield built

    async def _ids(self, path: str, params: dict[str, str], tag: str = "") -> list[str]:
        """The ids of a list again, for a sync that goes on behind it."""
        return [
            objects.object_id(item)
            async for page in self._lists.pages(path, params)
            for item in page.items
            if not tag or tag in (item.get("tags") or ())
        ]


def _behind(ids: Iterable[str], start: _Position) -> list[str]:
    return [found for found in sorted(set(ids)) if found > start.after]


def _pages(
    phase: Phase, found: Sequence[DirectoryObject], page: ListPage, link: str, end: str
) -> Iterator[DirectoryPage]:
    """A page of a list as pages for the catalog: one, unless Graph sent more than asked for."""
    behind = _Position(phase, page.next_link).text() if page.next_link else end
    for start in range(0, len(found), _MOST_OBJECTS):
        is_last = start + _MOST_OBJECTS >= len(found)
        # Before the last part is committed, the whole page is read again.
        checkpoint = behind if is_last else _Position(phase, link).text()
        yield DirectoryPage(phase, tuple(found[start : start + _MOST_OBJECTS]), checkpoint)


async def _packed(
    phase: Phase,
    lists: AsyncIterator[tuple[str, ListPage, list[Any]]],
    start: _Position,
    end: str,
) -> AsyncIterator[DirectoryPage]:
    """Many small lists packed into few pages."""
    packed: list[DirectoryObject] = []
    position, finished = start, start.after
    async for current, page, found in lists:
        if packed and len(packed) + len(found) > _MOST_OBJECTS:
            yield DirectoryPage(phase, tuple(packed), position.text())
            packed = []
        while len(found) > _MOST_OBJECTS:
            yield DirectoryPage(phase, tuple(found[:_MOST_OBJECTS]), position.text())
            found = found[_MOST_OBJECTS:]
        packed += found
        if page.next_link is None:
            finished = current
            position = _Position(phase, after=finished)
        else:
            position = _Position(phase, page.next_link, finished, current)
    if packed:
        yield DirectoryPage(phase, tuple(packed), end)
