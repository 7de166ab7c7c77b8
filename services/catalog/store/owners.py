"""Who answers for apps and entitlements: as given, as in Entra, and which people that makes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
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
    union,
    union_all,
    update,
)

from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.directory import User
from services.catalog.domain.owner import MOST_PEOPLE, AppOwners, EntitlementOwners, Owner
from services.catalog.store.audience import held_by
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements, owners
from services.catalog.store.rows import user_of
from services.catalog.store.tables import (
    apps,
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
)


def owner_rows(of_ids: Any, app_ids: Any) -> tuple[Select[Any], ...]:
    """Whose, who, where among them, and whether given: of these, and in Entra of these apps.

    Each is what `in_` takes.
    """
    theirs = directory_app_owners.c
    return (
        select(
            owners.c.of_id.label("of_id"),
            owners.c.owner_id.label("owner_id"),
            owners.c.position.label("position"),
            literal(1).label("given"),
        ).where(owners.c.of_id.in_(of_ids)),
        select(theirs.app_id, theirs.user_id, literal(0), literal(0)).where(
            theirs.app_id.in_(app_ids)
        ),
    )


def owning_people(of_ids: Any, app_ids: Any) -> tuple[Select[Any], ...]:
    """The people among the owners that `owner_rows` tells of."""
    theirs, user_id = directory_app_owners.c, directory_users.c.user_id
    return (
        select(directory_users)
        .join(owners, owners.c.owner_id == user_id)
        .where(owners.c.of_id.in_(of_ids)),
        select(directory_users)
        .join(directory_app_owners, theirs.user_id == user_id)
        .where(theirs.app_id.in_(app_ids)),
    )


# Made once: making one takes as long as asking it.
_OWNERS = union_all(
    *owner_rows(bindparam("of_ids", expanding=True), bindparam("app_ids", expanding=True))
).order_by("position", "owner_id")


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
    asked = {"of_ids": list(of_ids), "app_ids": list(app_ids)}
    return collected(connection.execute(_OWNERS, asked))


def collected(
    rows: Iterable[tuple[str, str, int, int]],
) -> tuple[Mapping[str, tuple[Owner, ...]], Mapping[str, tuple[str, ...]]]:
    """The owners given by what they own, and those in Entra, of ordered `owner_rows`."""
    given: defaultdict[str, tuple[Owner, ...]] = defaultdict(tuple)
    in_entra: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for of_id, owner_id, _, is_given in rows:
        if is_given:
            given[of_id] += (Owner(owner_id),)
        else:
            in_entra[of_id] += (owner_id,)
    return given, in_entra


def read_holders(connection: Connection, named: Iterable[Owner]) -> Mapping[str, Sequence[User]]:
    """The enabled people who hold the entitlements that are named as owners, 100 each at most."""
    holders = {each.owner_id for each in named if not each.is_person}
    if not holders:
        return {}
    return {
        entitlement_id: [user_of(row) for row in connection.execute(_holders(targets))]
        for entitlement_id, targets in _targets(connection, holders).items()
    }


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


def read_owned(
    connection: Connection, entitlement_ids: Collection[str]
) -> Mapping[str, tuple[str, ...]]:
    """What whoever holds these entitlements answers for, without what nobody can change."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    query = (
        select(owners.c.owner_id, owners.c.of_id)
        .where(owners.c.owner_id.in_(entitlement_ids), _changeable())
        .order_by(owners.c.owner_id, owners.c.of_id)
    )
    for owner_id, of_id in connection.execute(query):
        found[owner_id] += (of_id,)
    return found


def _changeable() -> ColumnElement[bool]:
    """Whether what a row of the owners is about can be given other owners."""
    of, theirs = apps.alias("of_app"), apps.alias("of_entitlement")
    return or_(
        exists().where(of.c.app_id == owners.c.of_id, ~of.c.removed),
        exists().where(
            entitlements.c.entitlement_id == owners.c.of_id,
            ~entitlements.c.role_gone,
            theirs.c.app_id == entitlements.c.app_id,
            ~theirs.c.removed,
        ),
    )


def no_owner_writes(entitlement_ids: Collection[str], app_id: str = "") -> tuple[Write, ...]:
    """Forgets who answers for these entitlements, for this app, and what the former answer for.

    They answer for nothing that stays and can be changed, or somebody has said so meanwhile.
    """
    theirs = owners.c.owner_id.in_(entitlement_ids)
    going = [*entitlement_ids, app_id]
    return (
        Guarded(
            update(owners)
            .where(theirs, owners.c.of_id.not_in(going), _changeable())
            .values(position=owners.c.position),
            expects=0,
        ),
        Guarded(delete(owners).where(or_(theirs, owners.c.of_id.in_(going)))),
    )


def owned_by_person(user_id: str) -> CompoundSelect[Any]:
    """The apps that a person answers for.

    Who is given here counts, and whoever holds all that an entitlement given here takes; while
    nobody is given, who is it in Entra.
    """
    theirs, given, needed = directory_app_owners, owners.alias("given"), entitlement_targets.alias()
    targets, held = entitlement_targets.c, union_all(*held_by(user_id))
    return union(
        select(owners.c.of_id).where(owners.c.owner_id == user_id),
        select(owners.c.of_id)
        .join(entitlement_targets, targets.entitlement_id == owners.c.owner_id)
        .where(
            targets.directory_entitlement_id.in_(held),
            ~exists().where(
                needed.c.entitlement_id == targets.entitlement_id,
                needed.c.directory_entitlement_id.not_in(held),
            ),
        ),
        select(theirs.c.app_id).where(
            theirs.c.user_id == user_id, ~exists().where(given.c.of_id == theirs.c.app_id)
        ),
    )


def owner_writes(of_id: str, before: Sequence[Owner], given: Sequence[Owner]) -> tuple[Write, ...]:
    """Keeps who answers for an app or an entitlement, in place of who did.

    Entitlements among them are still there, whoever takes them away meanwhile.
    """
    if before == given:
        return ()
    held = {each.owner_id for each in given if not each.is_person}
    return (
        Guarded(
            update(entitlements)
            .where(entitlements.c.entitlement_id.in_(held))
            .values(version=entitlements.c.version),
            expects=len(held),
        ),
        Guarded(delete(owners).where(owners.c.of_id == of_id)),
        Guarded(
            insert(owners),
            parameters=[
                {"of_id": of_id, "owner_id": each.owner_id, "position": position}
                for position, each in enumerate(given)
            ],
        ),
    )
