"""The access profiles and who is in them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile, Member, Reasons
from services.catalog.domain.directory import User
from services.catalog.ports import Expressions
from services.catalog.store.members import read_among, read_behind, read_members
from services.catalog.store.membership import listed, read_reasons
from services.catalog.store.rule_tables import (
    access_profile_groups,
    access_profile_members,
    access_profiles,
    rule_access_profiles,
)
from services.catalog.store.tables import directory_users
from services.catalog.store.text import paged, search_name


def name_key(display_name: str) -> str:
    """What no two access profiles share."""
    return search_name(display_name)


class StoredAccessProfiles:
    """The access profiles in the database."""

    def __init__(self, database: Database, expressions: Expressions) -> None:
        self._database = database
        self._expressions = expressions

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        query = select(access_profiles).where(
            access_profiles.c.access_profile_id == access_profile_id
        )
        found = await self._database.read(
            lambda connection: _with_lists(connection, connection.execute(query).all())
        )
        return found[0] if found else None

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        table = access_profiles
        built_in = table.c.access_profile_id == EVERYONE_ID
        others = paged(
            select(table).where(~built_in), (table.c.name_key, table.c.access_profile_id), page
        )

        def key(row: Row[Any]) -> tuple[str, str]:
            # No name is empty, so the built-in profile comes before every other.
            profile_id = row.access_profile_id
            return "" if profile_id == EVERYONE_ID else row.name_key, profile_id

        def work(connection: Connection) -> Page[AccessProfile]:
            rows = [*connection.execute(others)]
            if page.after(2) is None:
                rows = [*connection.execute(select(table).where(built_in)), *rows][: page.size + 1]
            found = page.page(rows, key=key)
            return Page(tuple(_with_lists(connection, found.items)), found.next_page_token)

        return await self._database.read(work)

    async def name_taken(self, display_name: str) -> bool:
        query = select(access_profiles.c.access_profile_id).where(
            access_profiles.c.name_key == name_key(display_name)
        )
        return await self._database.read(
            lambda connection: connection.execute(query).one_or_none() is not None
        )

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        table, profile_ids = directory_users, [*access_profile_ids]
        counts = and_(table.c.entra_tenant_id == entra_tenant_id, table.c.account_enabled.is_(True))
        if EVERYONE_ID in access_profile_ids:
            everyone = select(func.count()).where(counts)
            return await self._database.read(lambda each: each.execute(everyone).scalar_one())
        named = access_profiles.c.access_profile_id.in_(profile_ids)
        # Nothing but the list to begin with: SQLite would begin with everybody.
        query = select(func.count(case((counts, 1)))).where(
            table.c.user_id.in_(listed(profile_ids))
        )

        def listed_or_profiles(connection: Connection) -> int | list[AccessProfile]:
            asked = select(access_profiles.c.expression).where(named)
            if not any(connection.execute(asked).scalars()):
                return connection.execute(query).scalar_one()
            return _with_lists(connection, connection.execute(select(access_profiles).where(named)))

        profiles = await self._database.read(listed_or_profiles)
        if isinstance(profiles, int):
            return profiles
        # Whom one names needs no expression to be asked of.
        profiles.sort(key=lambda profile: bool(profile.expression))
        count, after = 0, ""
        # In visits of their own, so that other calls get their turn between two batches.
        while True:
            found, after = await self._database.read(
                partial(
                    read_behind,
                    expressions=self._expressions,
                    profiles=profiles,
                    entra_tenant_id=entra_tenant_id,
                    after=after,
                )
            )
            count += len(found)
            if not after:
                return count

    async def members_behind(
        self, profile: AccessProfile, entra_tenant_id: str, after: str
    ) -> tuple[Sequence[User], str]:
        asked = ([profile], entra_tenant_id, after)
        return await self._database.read(
            lambda connection: read_behind(connection, self._expressions, *asked)
        )

    async def members_among(
        self, profile: AccessProfile, entra_tenant_id: str, user_ids: Collection[str]
    ) -> Sequence[User]:
        return await self._database.read(
            lambda connection: read_among(
                connection, self._expressions, profile, entra_tenant_id, user_ids
            )
        )

    async def members(self, profile: AccessProfile, page: PageRequest) -> Page[Member]:
        return await self._database.read(
            lambda connection: read_members(connection, self._expressions, profile, page)
        )

    async def reasons(self, profile: AccessProfile, person: User) -> Reasons:
        return await self._database.read(
            lambda connection: read_reasons(connection, self._expressions, profile, [person])[0]
        )

    async def apps_naming(self, access_profile_id: str) -> tuple[str, ...]:
        table = rule_access_profiles
        query = (
            select(table.c.app_id)
            .where(table.c.access_profile_id == access_profile_id)
            .order_by(table.c.app_id)
        )
        return await self._database.read(
            lambda connection: tuple(connection.execute(query).scalars())
        )

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (
            Guarded(
                insert(access_profiles).values(
                    access_profile_id=profile.access_profile_id,
                    create_time=profile.create_time,
                    **_values(profile),
                )
            ),
            *_listed(profile),
        )

    def updated(self, before: AccessProfile, after: AccessProfile) -> tuple[Write, ...]:
        return (
            Guarded(update(access_profiles).where(_as(before)).values(**_values(after)), expects=1),
            *_unlisted(before),
            *_listed(after),
        )

    def deleted(self, profile: AccessProfile) -> tuple[Write, ...]:
        named = exists().where(
            rule_access_profiles.c.access_profile_id == profile.access_profile_id
        )
        return (
            *_unlisted(profile),
            Guarded(delete(access_profiles).where(_as(profile), ~named), expects=1),
        )


def _values(profile: AccessProfile) -> dict[str, Any]:
    return {
        "display_name": profile.display_name,
        "name_key": name_key(profile.display_name),
        "description": profile.description,
        "expression": profile.expression,
        "version": profile.version,
    }


def _as(profile: AccessProfile) -> ColumnElement[bool]:
    return and_(
        access_profiles.c.access_profile_id == profile.access_profile_id,
        access_profiles.c.version == profile.version,
    )


def _listed(profile: AccessProfile) -> tuple[Guarded, ...]:
    of = {"access_profile_id": profile.access_profile_id}
    return (
        Guarded(
            insert(access_profile_members),
            parameters=[{**of, "user_id": user_id} for user_id in profile.user_ids],
        ),
        Guarded(
            insert(access_profile_groups),
            parameters=[{**of, "group_id": group_id} for group_id in profile.group_ids],
        ),
    )


def _unlisted(profile: AccessProfile) -> tuple[Guarded, ...]:
    return tuple(
        Guarded(delete(table).where(table.c.access_profile_id == profile.access_profile_id))
        for table in (access_profile_members, access_profile_groups)
    )


def _with_lists(connection: Connection, rows: Iterable[Row[Any]]) -> list[AccessProfile]:
    rows = list(rows)
    profile_ids = [row.access_profile_id for row in rows]
    people = _lists(connection, access_profile_members, "user_id", profile_ids)
    groups = _lists(connection, access_profile_groups, "group_id", profile_ids)
    return [
        AccessProfile(
            access_profile_id=row.access_profile_id,
            display_name=row.display_name,
            description=row.description,
            user_ids=tuple(people[row.access_profile_id]),
            create_time=row.create_time,
            version=row.version,
            group_ids=tuple(groups[row.access_profile_id]),
            expression=row.expression,
        )
        for row in rows
    ]


def _lists(
    connection: Connection, table: Table, column: str, profile_ids: Sequence[str]
) -> dict[str, list[str]]:
    found = defaultdict(list)
    query = (
        select(table.c.access_profile_id, table.c[column])
        .where(table.c.access_profile_id.in_(profile_ids))
        .order_by(table.c.access_profile_id, table.c[column])
    )
    for profile_id, listed_id in connection.execute(query) if profile_ids else ():
        found[profile_id].append(listed_id)
    return found
