"""What sources of approvers stand for, in one statement of one shape: people and facts, a column
each. Only who holds an entitlement that is an owner is asked for beside it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Text,
    bindparam,
    case,
    func,
    select,
    union_all,
)

from libs.db.engine import Database
from services.catalog.domain.approvers import (
    MOST_APPROVERS,
    FoundGroup,
    GroupMembers,
    People,
    Source,
    Surroundings,
)
from services.catalog.domain.directory import User
from services.catalog.domain.owner import AppOwners, EntitlementOwners, Owner
from services.catalog.store.audience import governed, is_managed, provisionable
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.json_rows import json_column
from services.catalog.store.managers import LINE, read_above
from services.catalog.store.owners import (
    collected,
    owner_rows,
    owning_people,
    read_entitlement_owners,
    read_holders,
)
from services.catalog.store.rows import USER_COLUMNS, user_in_json
from services.catalog.store.rule_tables import entitlement_rules
from services.catalog.store.tables import (
    apps,
    directory_groups,
    directory_memberships,
    directory_users,
)

_AT_ONCE = 500
_ENTITLEMENT: BindParameter[str] = bindparam("entitlement", type_=Text())
_USERS = bindparam("users", expanding=True, type_=Text())
_GROUPS = bindparam("groups", expanding=True, type_=Text())
_asked = entitlements.alias("asked")
_APP = func.coalesce(
    select(_asked.c.app_id)
    .where(_asked.c.entitlement_id == _ENTITLEMENT)
    .correlate(None)
    .scalar_subquery(),
    bindparam("app", type_=Text()),
)
_OWNED = ([_ENTITLEMENT, _APP], [_APP])

_others = directory_memberships.alias("others")
# The member behind the last that a group may have: there is one where it has too many.
_behind = (
    select(_others.c.user_id)
    .where(_others.c.group_id == directory_groups.c.group_id)
    .order_by(_others.c.user_id)
    .offset(MOST_APPROVERS)
    .limit(1)
    .correlate(directory_groups)
    .scalar_subquery()
)
_groups = (
    select(
        directory_groups.c.group_id,
        directory_groups.c.display_name,
        directory_groups.c.entra_tenant_id,
        _behind.label("behind"),
    )
    .where(directory_groups.c.group_id.in_(_GROUPS))
    .cte("named_groups")
)
# All of a group's members, or none: the range ends before the first where there are too many. In
# each order of texts "v" is behind every id of a person; a "~" is before them in some.
_members = (
    select(_groups.c.group_id, directory_memberships.c.user_id)
    .join(directory_memberships, directory_memberships.c.group_id == _groups.c.group_id)
    .where(directory_memberships.c.user_id <= case((_groups.c.behind.is_(None), "v"), else_=""))
    .cte("named_members")
)
_PEOPLE = union_all(
    *(
        rows.with_only_columns(*USER_COLUMNS)
        for rows in (
            LINE[0],
            *owning_people(*_OWNED),
            select(directory_users).where(directory_users.c.user_id.in_(_USERS)),
            select(directory_users).join(_members, _members.c.user_id == directory_users.c.user_id),
        )
    )
)
_ABOUT = select(
    apps.c.entra_tenant_id.label("app_tenant_id"),
    apps.c.app_id,
    json_column(_PEOPLE).label("people"),
    json_column(union_all(*owner_rows(*_OWNED))).label("owners"),
    json_column(select(_groups)).label("groups"),
    json_column(select(_members)).label("members"),
).where(apps.c.app_id == _APP)


class StoredApproverSources:
    """What sources of approvers stand for, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def around(
        self,
        sources: Collection[Source],
        *,
        app_id: str = "",
        entitlement_id: str = "",
        subject_user_id: str = "",
    ) -> Surroundings | None:
        asked = {
            "app": app_id,
            "entitlement": entitlement_id,
            "subject": subject_user_id,
            "users": sorted(
                {
                    each
                    for source in sources
                    if isinstance(source, People)
                    for each in source.user_ids
                }
            ),
            "groups": sorted(
                {source.group_id for source in sources if isinstance(source, GroupMembers)}
            ),
        }

        def work(connection: Connection) -> Surroundings | None:
            row = connection.execute(_ABOUT, asked).one_or_none()
            return (
                None if row is None else _around(connection, row, entitlement_id, subject_user_id)
            )

        return await self._database.read(work, at_once=True)

    async def owners_of_requestable(
        self, app_id: str, after: str
    ) -> Sequence[tuple[str, tuple[Owner, ...]]]:
        query = (
            select(entitlements.c.entitlement_id)
            .join(apps, apps.c.app_id == entitlements.c.app_id)
            .join(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
            .where(
                apps.c.app_id == app_id,
                entitlements.c.entitlement_id > after,
                is_managed(),
                apps.c.is_protected.is_(False),
                entitlement_rules.c.enabled.is_(True),
                governed(),
                provisionable(),
            )
            .order_by(entitlements.c.entitlement_id)
            .limit(_AT_ONCE)
        )

        def work(connection: Connection) -> Sequence[tuple[str, tuple[Owner, ...]]]:
            found = dict.fromkeys(connection.execute(query).scalars(), app_id)
            owners = read_entitlement_owners(connection, found)
            return [(each, owners[each].counting) for each in found]

        return await self._database.read(work)

    async def above(
        self, people: Sequence[User], levels: int, known: Mapping[str, User]
    ) -> Mapping[str, User]:
        return await self._database.read(lambda each: read_above(each, people, levels, known))


def _around(
    connection: Connection, row: Any, entitlement_id: str, subject_user_id: str
) -> Surroundings:
    people = {user.user_id: user for user in map(user_in_json, row.people or ())}
    given, in_entra = collected(sorted(row.owners or (), key=lambda owner: (owner[2], owner[1])))
    of_app = AppOwners(given[row.app_id], in_entra[row.app_id])
    its = EntitlementOwners(given[entitlement_id], of_app).counting
    members: defaultdict[str, list[str]] = defaultdict(list)
    for group_id, user_id in row.members or ():
        members[group_id].append(user_id)
    return Surroundings(
        app_tenant_id=row.app_tenant_id,
        subject=people.get(subject_user_id),
        people=people,
        app_owners=of_app.counting,
        entitlement_owners=its,
        holders=read_holders(connection, {*of_app.counting, *its}),
        groups={
            group_id: FoundGroup(name, tenant_id, tuple(members[group_id]), behind is not None)
            for group_id, name, tenant_id, behind in row.groups or ()
        },
    )
