"""Who answers for apps and entitlements: as given, as in Entra, and which people that makes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    union_all,
)

from libs.db.committer import Guarded
from libs.domain.changes import Write
from services.catalog.domain.directory import User
from services.catalog.domain.owner import AppOwners, EntitlementOwners, Owner
from services.catalog.store.rows import user_of
from services.catalog.store.tables import (
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    entitlement_targets,
    owners,
)

# So many people answer for a thing at most, however many hold an entitlement that does.
MOST_PEOPLE = 100

# Made once: `ResolveEntitlement` asks both each time.
_OWNERS = union_all(
    select(
        literal(1).label("given"),
        owners.c.of_id.label("of_id"),
        owners.c.owner_id.label("owner_id"),
        owners.c.position.label("position"),
    ).where(owners.c.of_id.in_(bindparam("of_ids", expanding=True))),
    select(
        literal(0),
        directory_app_owners.c.app_id,
        directory_app_owners.c.user_id,
        literal(0),
    ).where(directory_app_owners.c.app_id.in_(bindparam("app_ids", expanding=True))),
).order_by("position", "owner_id")
_ENABLED = select(directory_users).where(
    directory_users.c.user_id.in_(bindparam("user_ids", expanding=True)),
    directory_users.c.account_enabled,
)


def read_app_owners(connection: Connection, app_ids: Collection[str]) -> Mapping[str, AppOwners]:
    """Who answers for each of these apps, in one statement."""
    given, in_entra = _read(connection, app_ids, app_ids)
    return {each: AppOwners(given[each], in_entra[each]) for each in app_ids}


def read_entitlement_owners(
    connection: Connection, app_ids: Mapping[str, str]
) -> Mapping[str, EntitlementOwners]:
    """Who answers for each of these entitlements, given with their apps, in one statement."""
    apps = set(app_ids.values())
    given, in_entra = _read(connection, {*app_ids, *apps}, apps)
    return {
        entitlement_id: EntitlementOwners(
            given[entitlement_id], AppOwners(given[app_id], in_entra[app_id])
        )
        for entitlement_id, app_id in app_ids.items()
    }


def _read(
    connection: Connection, of_ids: Collection[str], app_ids: Collection[str]
) -> tuple[Mapping[str, tuple[Owner, ...]], Mapping[str, tuple[str, ...]]]:
    """The owners given of these, and those that these apps have in Entra."""
    given: defaultdict[str, tuple[Owner, ...]] = defaultdict(tuple)
    in_entra: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    asked = {"of_ids": list(of_ids), "app_ids": list(app_ids)}
    for row in connection.execute(_OWNERS, asked):
        if row.given:
            given[row.of_id] += (Owner(row.owner_id),)
        else:
            in_entra[row.of_id] += (row.owner_id,)
    return given, in_entra


def read_owner_people(
    connection: Connection, app_id: str, entitlement_id: str
) -> tuple[tuple[User, ...], tuple[User, ...]]:
    """The enabled people who answer for an app and for an entitlement of it, 100 each at most.

    Those named come first, then who holds an entitlement that is named.
    """
    found = read_entitlement_owners(connection, {entitlement_id: app_id})[entitlement_id]
    of_app = found.of_app.counting
    people = _people(connection, {*of_app, *found.counting})
    return _listed(of_app, people), _listed(found.counting, people)


def _listed(counting: Sequence[Owner], people: Mapping[str, Sequence[User]]) -> tuple[User, ...]:
    found: dict[str, User] = {}
    for owner in sorted(counting, key=lambda each: not each.is_person):
        found |= {user.user_id: user for user in people[owner.owner_id]}
    return tuple(found.values())[:MOST_PEOPLE]


def _people(connection: Connection, named: Iterable[Owner]) -> Mapping[str, Sequence[User]]:
    """The enabled people that owners stand for, by the owner's id."""
    people: defaultdict[str, list[User]] = defaultdict(list)
    persons = [each.owner_id for each in named if each.is_person]
    holders = [each.owner_id for each in named if not each.is_person]
    if persons:
        for row in connection.execute(_ENABLED, {"user_ids": persons}):
            people[row.user_id] = [user_of(row)]
    if holders:
        for entitlement_id, targets in _targets(connection, holders).items():
            rows = connection.execute(_holders(targets))
            people[entitlement_id] = [user_of(row) for row in rows]
    return people


def _targets(
    connection: Connection, entitlement_ids: Collection[str]
) -> Mapping[str, list[Row[Any]]]:
    """What entitlements are fulfilled with, with the group where it is being a member of one."""
    query = (
        select(entitlement_targets, directory_groups.c.group_id)
        .outerjoin(
            directory_groups,
            directory_groups.c.directory_entitlement_id
            == entitlement_targets.c.directory_entitlement_id,
        )
        .where(entitlement_targets.c.entitlement_id.in_(entitlement_ids))
    )
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.entitlement_id].append(row)
    return found


def _holders(targets: Sequence[Row[Any]]) -> Select[Any]:
    """The enabled people who hold all of these directly.

    They are looked for among those of one target: of the members of a group, if there is one,
    since those are found in their order and no more than are taken.
    """
    first, *rest = sorted(targets, key=lambda each: each.group_id is None)
    members, assigned, users = directory_memberships.c, directory_assignments.c, directory_users.c
    if first.group_id is not None:
        who, among = members.user_id, [members.group_id == first.group_id]
    else:
        who, among = assigned.principal_id, _assigned(first)
    return (
        select(directory_users)
        .join_from(who.table, directory_users, users.user_id == who)
        .where(*among, users.account_enabled, *(_holds(each) for each in rest))
        .order_by(who)
        .limit(MOST_PEOPLE)
    )


def _assigned(target: Row[Any]) -> list[ColumnElement[bool]]:
    """Which assignments are of a target. Its app is that of the entitlement."""
    assigned = directory_assignments.c
    return [
        assigned.app_id == target.app_id,
        assigned.directory_entitlement_id == target.directory_entitlement_id,
    ]


def _holds(target: Row[Any]) -> ColumnElement[bool]:
    """Whether a row of the people holds a target directly."""
    member, assigned = directory_memberships.alias(), directory_assignments.alias()
    wanted, user_id = target.directory_entitlement_id, directory_users.c.user_id
    return or_(
        exists().where(member.c.user_id == user_id, member.c.directory_entitlement_id == wanted),
        exists().where(
            assigned.c.principal_id == user_id, assigned.c.directory_entitlement_id == wanted
        ),
    )


def owner_writes(of_id: str, given: Sequence[Owner]) -> tuple[Write, ...]:
    """Keeps who answers for an app or an entitlement, in place of who did."""
    return (
        Guarded(delete(owners).where(owners.c.of_id == of_id)),
        Guarded(
            insert(owners),
            parameters=[
                {"of_id": of_id, "owner_id": each.owner_id, "position": position}
                for position, each in enumerate(given)
            ],
        ),
    )
