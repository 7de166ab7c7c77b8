"""The entitlement rules of apps."""

from sqlalchemy import Connection, delete, insert, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.rules import EntitlementRules
from services.catalog.store.apps import touched
from services.catalog.store.tables import (
    entitlement_rules,
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
        version=row.version,
    )


class StoredRules:
    """The rules in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_app(self, app_id: str) -> EntitlementRules:
        return await self._database.read(
            lambda connection: read_rules(connection, app_id), at_once=True
        )

    def applied(
        self, before: App, after: App, replaced: EntitlementRules, rules: EntitlementRules
    ) -> tuple[Write, ...]:
        table = entitlement_rules
        values = {
            "enabled": rules.enabled,
            "policy_id": rules.policy_id,
            "max_duration": rules.max_duration,
            "emergency_policy_id": "",
            "version": rules.version,
        }
        return (
            touched(before, after),
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
