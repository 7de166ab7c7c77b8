"""The entitlement rules of apps."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.settings import NO_OVERRIDE, Defaults, EmergencySettings
from services.catalog.ports import RulesMaterial
from services.catalog.store.apps import touched
from services.catalog.store.entitlement_tables import entitlements, resource_types
from services.catalog.store.json_rows import json_column
from services.catalog.store.rows import (
    app_of,
    emergency_columns,
    entitlement_of,
    override_columns,
    select_entitlements,
)
from services.catalog.store.rule_tables import (
    access_profiles,
    entitlement_rules,
    rule_access_profiles,
    rule_resource_types,
)
from services.catalog.store.shown_entitlements import select_shown, shown_of
from services.catalog.store.tables import apps


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


_APP: BindParameter[str] = bindparam("app", type_=Text())


def _listed(table: Table, column: str) -> ColumnElement[Any]:
    """What the rules of the app list, each with its position."""
    return json_column(select(table.c[column], table.c.position).where(table.c.app_id == _APP))


# Made once, and asked at once: each statement more costs a round trip.
_WHOLE = (
    *rules_columns(),
    entitlement_rules.c.enabled.label("rules_enabled"),
    entitlement_rules.c.version.label("rules_version"),
    _listed(rule_resource_types, "resource_type_id").label("rules_types"),
    _listed(rule_access_profiles, "access_profile_id").label("rules_profiles"),
)
_RULES: Select[Any] = select(*_WHOLE).where(entitlement_rules.c.app_id == _APP)
_MATERIAL: Select[Any] = (
    select(
        apps,
        *_WHOLE,
        json_column(
            select(resource_types.c.resource_type_id).where(resource_types.c.app_id == _APP)
        ).label("types"),
        json_column(
            select(access_profiles.c.access_profile_id).where(
                access_profiles.c.access_profile_id.in_(bindparam("profiles", expanding=True))
            )
        ).label("profiles"),
    )
    .outerjoin(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
    .where(apps.c.app_id == _APP)
)


def _rules_of(app_id: str, row: Row[Any] | None) -> EntitlementRules:
    """The rules in a row with `_WHOLE`; disabled and empty ones where there are none."""
    if row is None or row.rules_version is None:
        return EntitlementRules(app_id)
    says = said_by_rules(row)

    def listed(rows: Sequence[tuple[str, int]] | None) -> tuple[str, ...]:
        return tuple(each for each, _ in sorted(rows or (), key=lambda row: row[1]))

    return EntitlementRules(
        app_id=app_id,
        enabled=row.rules_enabled,
        resource_type_ids=listed(row.rules_types),
        access_profile_ids=listed(row.rules_profiles),
        policy_id=says.policy_id,
        max_duration=says.max_duration,
        emergency=says.emergency,
        version=row.rules_version,
    )


class StoredRules:
    """The rules in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_app(self, app_id: str) -> EntitlementRules:
        row = await self._database.read(
            lambda connection: connection.execute(_RULES, {"app": app_id}).one_or_none()
        )
        return _rules_of(app_id, row)

    async def material(
        self,
        app_id: str,
        resource_type_ids: Collection[str],
        access_profile_ids: Collection[str],
    ) -> RulesMaterial | None:
        asked = {"app": app_id, "profiles": [*access_profile_ids]}
        offered = (
            select_shown()
            .where(
                entitlements.c.app_id == app_id,
                entitlements.c.resource_type_id.in_(resource_type_ids),
            )
            .order_by(entitlements.c.entitlement_id)
        )

        def work(connection: Connection) -> RulesMaterial | None:
            row = connection.execute(_MATERIAL, asked).one_or_none()
            if row is None:
                return None
            found = connection.execute(offered).all() if resource_type_ids else ()
            return RulesMaterial(
                app_of(row),
                _rules_of(app_id, row),
                tuple(each for (each,) in row.types or ()),
                tuple(each for (each,) in row.profiles or ()),
                shown_of(connection, found),
            )

        return await self._database.read(work, at_once=True)

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
