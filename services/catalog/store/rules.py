"""The entitlement rules of apps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.settings import NO_OVERRIDE, Defaults, EmergencySettings
from services.catalog.store.apps import touched
from services.catalog.store.rows import (
    emergency_columns,
    emergency_of,
    entitlement_of,
    override_columns,
    select_entitlements,
)
from services.catalog.store.tables import (
    entitlement_rules,
    entitlements,
    rule_access_profiles,
    rule_resource_types,
)


def read_rules(connection: Connection, app_id: str) -> EntitlementRules:
    """The rules of an app; disabled and empty ones before the first apply."""
    row = connection.execute(
        select(entitlement_rules).where(entitlement_rules.c.app_id == app_id)
    ).one_or_none()
    if row is None:
        return EntitlementRules(app_id)
    types, profiles = rule_resource_types, rule_access_profiles
    return EntitlementRules(
        app_id=app_id,
        enabled=row.enabled,
        resource_type_ids=tuple(
            connection.execute(
                select(types.c.resource_type_id)
                .where(types.c.app_id == app_id)
                .order_by(types.c.position)
            ).scalars()
        ),
        access_profile_ids=tuple(
            connection.execute(
                select(profiles.c.access_profile_id)
                .where(profiles.c.app_id == app_id)
                .order_by(profiles.c.position)
            ).scalars()
        ),
        policy_id=row.policy_id,
        max_duration=row.max_duration,
        emergency=emergency_of(row),
        version=row.version,
    )


def rules_columns() -> tuple[ColumnElement[Any], ...]:
    """What rules say of the entitlements that they govern, for `said_by_rules`."""
    rules = entitlement_rules.c
    return (
        rules.policy_id.label("rules_policy_id"),
        rules.max_duration.label("rules_max_duration"),
        rules.emergency_policy_id.label("rules_emergency_policy_id"),
        rules.emergency_max_duration.label("rules_emergency_max_duration"),
    )


def said_by_rules(row: Row[Any]) -> Defaults:
    """What the rules in a row with `rules_columns` say."""
    longest = row.rules_emergency_max_duration
    return Defaults(
        row.rules_policy_id,
        row.rules_max_duration,
        None if longest is None else EmergencySettings(row.rules_emergency_policy_id, longest),
    )


class StoredRules:
    """The rules in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_app(self, app_id: str) -> EntitlementRules:
        return await self._database.read(
            lambda connection: read_rules(connection, app_id), at_once=True
        )

    async def clearable(self, app_id: str) -> tuple[Entitlement, ...]:
        query = (
            select_entitlements().where(_clearable(app_id)).order_by(entitlements.c.entitlement_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(map(entitlement_of, rows))

    def applied(
        self,
        before: App,
        after: App,
        replaced: EntitlementRules,
        rules: EntitlementRules,
        cleared: Sequence[Entitlement] = (),
    ) -> tuple[Write, ...]:
        table = entitlement_rules
        values = {
            "enabled": rules.enabled,
            "policy_id": rules.policy_id,
            "max_duration": rules.max_duration,
            **emergency_columns(rules.emergency),
            "version": rules.version,
        }
        return (
            touched(before, after),
            *_cleared(cleared),
            Guarded(insert(table).values(app_id=rules.app_id, **values))
            if replaced.version == 0
            else Guarded(
                update(table)
                .where(table.c.app_id == rules.app_id, table.c.version == replaced.version)
                .values(**values),
                expects=1,
            ),
            Guarded(
                delete(rule_resource_types).where(rule_resource_types.c.app_id == rules.app_id)
            ),
            Guarded(
                delete(rule_access_profiles).where(rule_access_profiles.c.app_id == rules.app_id)
            ),
            Guarded(
                insert(rule_resource_types),
                parameters=[
                    {"app_id": rules.app_id, "resource_type_id": type_id, "position": position}
                    for position, type_id in enumerate(rules.resource_type_ids)
                ],
            ),
            Guarded(
                insert(rule_access_profiles),
                parameters=[
                    {"app_id": rules.app_id, "access_profile_id": profile_id, "position": position}
                    for position, profile_id in enumerate(rules.access_profile_ids)
                ],
            ),
        )


def _clearable(app_id: str) -> ColumnElement[bool]:
    """Which entitlements of an app `EntitlementOverride.cleared_by_rules` is true of."""
    columns = entitlements.c
    return and_(
        columns.app_id == app_id,
        columns.locked.is_(False),
        or_(
            columns.policy_id != "",
            columns.max_duration.is_not(None),
            columns.emergency_max_duration.is_not(None),
            columns.not_requestable.is_(True),
        ),
    )


def _cleared(cleared: Sequence[Entitlement]) -> tuple[Write, ...]:
    """Clears overrides, each as it was read: what is told of is what is cleared."""
    return tuple(
        Guarded(
            update(entitlements)
            .where(
                entitlements.c.entitlement_id == each.entitlement_id,
                entitlements.c.version == each.version,
            )
            .values(**override_columns(NO_OVERRIDE), version=each.version + 1),
            expects=1,
        )
        for each in cleared
    )
