"""What the other services ask about, each in one visit to the database.

All of an answer is of one moment: half of the rules of before and half of those of after could
allow what neither of them does. The statements are few, since each is a round trip, and are made
once, since making one takes as long as running it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal,
    select,
    union_all,
)

from libs.db.engine import Database
from services.catalog.domain.app import App
from services.catalog.domain.directory import User
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.managers import line_of
from services.catalog.domain.resolution import Offer, Question
from services.catalog.ports import Expressions
from services.catalog.store.audience import groups_only, read_held
from services.catalog.store.managers import read_line
from services.catalog.store.membership import is_in_audience
from services.catalog.store.owners import read_owner_people
from services.catalog.store.rows import app_of, entitlement_of, read_user
from services.catalog.store.rules import rules_columns, said_by_rules
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    entitlement_rules,
    entitlement_targets,
    entitlements,
    rule_resource_types,
    syncs,
)

_APP_PREFIX = "app_s_"
_ENTITLEMENT: BindParameter[str] = bindparam("entitlement", type_=Text())
_SUBJECT: BindParameter[str] = bindparam("subject", type_=Text())


def _governing() -> Any:
    """Whether the rules govern the entitlement, whatever it says itself."""
    return and_(
        entitlement_rules.c.enabled,
        exists().where(
            rule_resource_types.c.app_id == entitlements.c.app_id,
            rule_resource_types.c.resource_type_id == entitlements.c.resource_type_id,
        ),
    )


_OFFER: Select[Any] = (
    select(
        entitlements,
        apps.c.connection_id,
        *(column.label(_APP_PREFIX + column.name) for column in apps.c),
        *rules_columns(),
        func.coalesce(_governing(), False).label("governing"),
        groups_only().label("groups_only"),
        select(func.max(syncs.c.complete_time))
        .where(syncs.c.entra_tenant_id == apps.c.entra_tenant_id)
        .scalar_subquery()
        .label("tenant_sync_time"),
    )
    .join(apps, apps.c.app_id == entitlements.c.app_id)
    .outerjoin(entitlement_rules, entitlement_rules.c.app_id == entitlements.c.app_id)
    .where(entitlements.c.entitlement_id == _ENTITLEMENT)
)

_TARGETS = entitlement_targets.c.entitlement_id == _ENTITLEMENT
# Of the fulfilment: what the subject holds, without a reason, and the groups, with theirs.
_FULFILMENT = union_all(
    *(
        select(held.c.directory_entitlement_id, literal("").label("unwritable_reason"))
        .join(
            entitlement_targets,
            entitlement_targets.c.directory_entitlement_id == held.c.directory_entitlement_id,
        )
        .where(_TARGETS, person == _SUBJECT)
        for held, person in (
            (directory_memberships, directory_memberships.c.user_id),
            (directory_assignments, directory_assignments.c.principal_id),
        )
    ),
    select(directory_groups.c.directory_entitlement_id, directory_groups.c.unwritable_reason)
    .join(
        entitlement_targets,
        entitlement_targets.c.directory_entitlement_id
        == directory_groups.c.directory_entitlement_id,
    )
    .where(_TARGETS),
)


@dataclass(frozen=True, slots=True)
class _Found:
    """An offer with what only the question about a requester needs."""

    offer: Offer
    sync_time: datetime | None


class _AppOf:
    """The app in a row of `_OFFER`, by the names of its own columns."""

    def __init__(self, row: Row[Any]) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, _APP_PREFIX + name)


class StoredOffers:
    """Entitlements with everything around them, in the database."""

    def __init__(self, database: Database, expressions: Expressions) -> None:
        self._database = database
        self._expressions = expressions

    async def question(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Question:
        def work(connection: Connection) -> Question:
            found = _find(connection, entitlement_id)
            people = read_line(connection, subject_user_id, requester_user_id)
            requester, subject = people.get(requester_user_id), people.get(subject_user_id)
            if found is None:
                return Question(requester, subject, (), None, False, {}, frozenset())
            groups, held = _fulfilment(connection, entitlement_id, subject_user_id)
            app_id = found.offer.app.app_id
            app_owners, its_owners = read_owner_people(connection, app_id, entitlement_id)
            return Question(
                requester=requester,
                subject=subject,
                managers=() if subject is None else line_of(subject, people),
                offer=found.offer,
                in_audience=requester is not None
                and is_in_audience(connection, self._expressions, requester, app_id),
                groups=groups,
                held=held,
                app_owners=app_owners,
                entitlement_owners=its_owners,
                sync_time=found.sync_time,
            )

        return await self._database.read(work, at_once=True)

    async def for_write(
        self, entitlement_id: str, subject_user_id: str, directory_entitlement_ids: Collection[str]
    ) -> tuple[Offer | None, User | None, frozenset[str]]:
        def work(connection: Connection) -> tuple[Offer | None, User | None, frozenset[str]]:
            found = _find(connection, entitlement_id)
            return (
                None if found is None else found.offer,
                read_user(connection, subject_user_id),
                read_held(connection, subject_user_id, directory_entitlement_ids),
            )

        return await self._database.read(work, at_once=True)


def _find(connection: Connection, entitlement_id: str) -> _Found | None:
    row = connection.execute(_OFFER, {"entitlement": entitlement_id}).one_or_none()
    if row is None:
        return None
    app: App = app_of(_AppOf(row))
    rules = said_by_rules(row) if row.governing else None
    offer = Offer(entitlement_of(row), app, rules, row.groups_only)
    return _Found(offer, row.tenant_sync_time)


def _fulfilment(
    connection: Connection, entitlement_id: str, subject_user_id: str
) -> tuple[dict[str, UnwritableReason], frozenset[str]]:
    """The groups of a fulfilment that are in the directory, and what of it the subject holds."""
    asked = {"entitlement": entitlement_id, "subject": subject_user_id}
    groups, held = {}, set()
    for target_id, reason in connection.execute(_FULFILMENT, asked):
        if reason:
            groups[target_id] = UnwritableReason(reason)
        else:
            held.add(target_id)
    return groups, frozenset(held)
