"""The access profiles and who is in them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, literal, select

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile
from services.catalog.store.tables import (
    access_profile_members,
    access_profiles,
    directory_users,
)
from services.catalog.store.text import paged, search_name


def name_key(display_name: str) -> str:
    """What no two access profiles share."""
    return search_name(display_name)


class StoredAccessProfiles:
    """The access profiles in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        query = select(access_profiles).where(
            access_profiles.c.access_profile_id == access_profile_id
        )
        found = await self._database.read(
            lambda connection: _with_members(connection, connection.execute(query).all())
        )
        return found[0] if found else None

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        table = access_profiles
        # No name is empty, so the built-in profile comes before every other.
        sort_key = case(
            (table.c.access_profile_id == EVERYONE_ID, literal("")), else_=table.c.name_key
        )
        query = paged(
            select(table, sort_key.label("sort_key")),
            (sort_key, table.c.access_profile_id),
            page,
        )

        def work(connection: Connection) -> Page[AccessProfile]:
            rows = connection.execute(query).all()
            found = page.page(rows, key=lambda row: (row.sort_key, row.access_profile_id))
            return Page(tuple(_with_members(connection, found.items)), found.next_page_token)

        return await self._database.read(work)

    async def existing(self, access_profile_ids: Collection[str]) -> frozenset[str]:
        query = select(access_profiles.c.access_profile_id).where(
            access_profiles.c.access_profile_id.in_(access_profile_ids)
        )
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )

    async def name_taken(self, display_name: str) -> bool:
        query = select(access_profiles.c.access_profile_id).where(
            access_profiles.c.name_key == name_key(display_name)
        )
        return await self._database.read(
            lambda connection: connection.execute(query).one_or_none() is not None
        )

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        query = (
            select(func.count())
            .select_from(directory_users)
            .where(
                directory_users.c.entra_tenant_id == entra_tenant_id,
                directory_users.c.account_enabled.is_(True),
            )
        )
        if EVERYONE_ID not in access_profile_ids:
            query = query.where(
                directory_users.c.user_id.in_(
                    select(access_profile_members.c.user_id).where(
                        access_profile_members.c.access_profile_id.in_(access_profile_ids)
                    )
                )
            )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (
            Guarded(
                insert(access_profiles).values(
                    access_profile_id=profile.access_profile_id,
                    display_name=profile.display_name,
                    name_key=name_key(profile.display_name),
                    description=profile.description,
                    expression="",
                    create_time=profile.create_time,
                    version=profile.version,
                )
            ),
            Guarded(
                insert(access_profile_members),
                parameters=[
                    {"access_profile_id": profile.access_profile_id, "user_id": user_id}
                    for user_id in profile.user_ids
                ],
            ),
        )


def _with_members(connection: Connection, rows: Iterable[Row[Any]]) -> list[AccessProfile]:
    rows = list(rows)
    table = access_profile_members
    members = defaultdict(list)
    query = (
        select(table)
        .where(table.c.access_profile_id.in_([row.access_profile_id for row in rows]))
        .order_by(table.c.access_profile_id, table.c.user_id)
    )
    for member in connection.execute(query) if rows else ():
        members[member.access_profile_id].append(member.user_id)
    return [
        AccessProfile(
            access_profile_id=row.access_profile_id,
            display_name=row.display_name,
            description=row.description,
            user_ids=tuple(members[row.access_profile_id]),
            create_time=row.create_time,
            version=row.version,
        )
        for row in rows
    ]
