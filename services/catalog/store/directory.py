"""The people and groups of the directory, for reading."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, func, select

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.directory import Group, User, UserFilter
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.managers import line_of
from services.catalog.store.linked_groups import counted_members
from services.catalog.store.managers import read_line
from services.catalog.store.rows import read_user, user_of
from services.catalog.store.tables import (
    directory_groups,
    directory_memberships,
    directory_users,
)
from services.catalog.store.text import containing, read_wanted

_GROUPS = select(
    directory_groups,
    counted_members(directory_groups.c.group_id).label("member_count"),
)


class StoredDirectory:
    """The directory in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def user(self, user_id: str) -> User | None:
        return await self._database.read(lambda connection: read_user(connection, user_id))

    async def managers(self, user_id: str) -> tuple[User, ...] | None:
        people = await self._database.read(
            lambda connection: read_line(connection, user_id, user_id)
        )
        user = people.get(user_id)
        return None if user is None else line_of(user, people)

    async def users(self, which: UserFilter, page: PageRequest) -> Page[User]:
        table = directory_users
        # What an index answers in the order of the list, the narrowest first.
        indexed = []
        if which.manager_user_id:
            indexed.append(table.c.manager_user_id == which.manager_user_id)
        if which.department:
            indexed.append(table.c.department == which.department)
        if which.account_enabled is not None:
            indexed.append(table.c.account_enabled.is_(which.account_enabled))
        by_query = [containing(table.c.search_name, which.query)] if which.query else []
        query, key = select(table).where(*indexed[:1]), (table.c.search_name, table.c.user_id)
        wanted = (*indexed[1:], *by_query)
        found = await self._database.read(
            lambda connection: read_wanted(connection, query, key, page, wanted)
        )
        return Page(tuple(map(user_of, found.items)), found.next_page_token)

    async def group(self, group_id: str) -> Group | None:
        members = select(func.count()).where(directory_memberships.c.group_id == group_id)
        query = select(directory_groups, members.scalar_subquery().label("member_count")).where(
            directory_groups.c.group_id == group_id
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _group_of(row)

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        table = directory_groups
        key = (table.c.search_name, table.c.group_id)
        wanted = [containing(table.c.search_name, query)] if query else []
        found = await self._database.read(
            lambda connection: read_wanted(connection, _GROUPS, key, page, wanted)
        )
        return Page(tuple(map(_group_of, found.items)), found.next_page_token)

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        query = select(directory_users.c.user_id).where(directory_users.c.user_id.in_(user_ids))
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )

    async def existing_groups(self, group_ids: Collection[str]) -> frozenset[str]:
        query = select(directory_groups.c.group_id).where(
            directory_groups.c.group_id.in_(group_ids)
        )
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )


def _group_of(row: Row[Any]) -> Group:
    return Group(
        group_id=row.group_id,
        directory_entitlement_id=row.directory_entitlement_id,
        entra_tenant_id=row.entra_tenant_id,
        entra_object_id=row.entra_object_id,
        display_name=row.display_name,
        description=row.description,
        unwritable_reason=UnwritableReason(row.unwritable_reason),
        member_count=row.member_count,
    )
