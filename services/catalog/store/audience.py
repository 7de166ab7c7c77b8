"""Who may ask for what, as SQL, and what somebody holds.

What always says the same is made once: making it takes as long as asking it.
"""

from collections.abc import Collection
from functools import cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    exists,
    literal,
    or_,
    select,
)

from services.catalog.domain.link import UnwritableReason
from services.catalog.store.entitlement_tables import bindings, entitlements
from services.catalog.store.rule_tables import (
    entitlement_rules,
    rule_access_profiles,
    rule_resource_types,
)
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    syncs,
)


@cache
def is_managed() -> ColumnElement[bool]:
    """Whether a row of `apps` is a managed app that Entra still has."""
    return and_(apps.c.manage_time.is_not(None), apps.c.removed.is_(False))


def open_to(profile_ids: Collection[str], entra_tenant_id: str) -> ColumnElement[bool]:
    """Whether somebody in these profiles may ask for something of an app, if it is `governed`.

    Of a row of `apps` joined with `entitlement_rules`. Together with `provisionable` they say in
    SQL what `domain.resolution` decides for one entitlement; a test holds both against each other.
    """
    return and_(
        is_managed(),
        apps.c.is_protected.is_(False),
        apps.c.entra_tenant_id == entra_tenant_id,
        entitlement_rules.c.enabled.is_(True),
        exists().where(
            rule_access_profiles.c.app_id == apps.c.app_id,
            rule_access_profiles.c.access_profile_id.in_(profile_ids),
        ),
    )


@cache
def named_by_rules() -> ColumnElement[bool]:
    """Whether the rules of its app name the resource type of a row of `entitlements`."""
    return exists().where(
        rule_resource_types.c.app_id == entitlements.c.app_id,
        rule_resource_types.c.resource_type_id == entitlements.c.resource_type_id,
    )


@cache
def governed() -> ColumnElement[bool]:
    """Whether the rules of its app name the resource type of a row of `entitlements`, and its
    override leaves it at that."""
    return and_(entitlements.c.not_requestable.is_(False), named_by_rules())


@cache
def groups_only() -> ColumnElement[bool]:
    """Whether the connection of a row of `apps` provisions by group memberships only."""
    # Of that very row, however deep in subqueries it is asked.
    return (
        exists()
        .where(syncs.c.connection_id == apps.c.connection_id, syncs.c.groups_only)
        .correlate(apps)
    )


@cache
def provisionable() -> ColumnElement[bool]:
    """Whether a row of `entitlements`, joined with its app, can be given to somebody.

    Its role must be one that people can be given. Each of the groups that it provisions is bound
    to it: they must be in the directory and writable, and there must be one where nothing but
    groups can be written.
    """
    writable = exists().where(
        directory_groups.c.directory_entitlement_id == bindings.c.directory_entitlement_id,
        directory_groups.c.unwritable_reason == UnwritableReason.WRITABLE.value,
    )
    of_it = bindings.c.entitlement_id == entitlements.c.entitlement_id
    # Asked entitlement by entitlement: as EXISTS beside an OR, PostgreSQL would read all bindings.
    group = select(literal(1)).where(of_it).limit(1).scalar_subquery().is_not(None)
    return and_(
        entitlements.c.role_gone.is_(False),
        ~exists().where(of_it, ~writable),
        or_(group, ~groups_only()),
    )


def held_by(
    user_id: str | ColumnElement[str],
) -> tuple[Select[str], Select[str]]:
    """The directory entitlements that a person holds directly."""
    memberships, assignments = directory_memberships.c, directory_assignments.c
    by_group = select(memberships.directory_entitlement_id).where(memberships.user_id == user_id)
    by_app = select(assignments.directory_entitlement_id).where(assignments.principal_id == user_id)
    return by_group, by_app


def held_by_many(
    people: BindParameter[str], among: BindParameter[str]
) -> tuple[Select[str, str], Select[str, str]]:
    """Which of some directory entitlements people hold directly, each with who holds it."""
    memberships, assignments = directory_memberships.c, directory_assignments.c
    by_group = select(memberships.user_id, memberships.directory_entitlement_id).where(
        memberships.user_id.in_(people), memberships.directory_entitlement_id.in_(among)
    )
    by_app = select(assignments.principal_id, assignments.directory_entitlement_id).where(
        assignments.principal_id.in_(people), assignments.directory_entitlement_id.in_(among)
    )
    return by_group, by_app
