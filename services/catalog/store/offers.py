"""What the other services ask about, each in one visit to the database.

All of an answer is of one moment: half of the rules of before and half of those of after could
allow what neither of them does.
"""

from collections.abc import Collection

from sqlalchemy import Connection, select

from libs.db.engine import Database
from services.catalog.domain.directory import User
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.resolution import Offer, Question
from services.catalog.ports import Expressions
from services.catalog.store.audience import groups_only, read_held
from services.catalog.store.membership import read_profiles
from services.catalog.store.rows import app_of, entitlement_of, select_entitlements, user_of
from services.catalog.store.rules import read_rules
from services.catalog.store.tables import apps, directory_groups, directory_users, entitlements


class StoredOffers:
    """Entitlements with everything around them, in the database."""

    def __init__(self, database: Database, expressions: Expressions) -> None:
        self._database = database
        self._expressions = expressions

    async def question(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Question:
        def work(connection: Connection) -> Question:
            people = _people(connection, {requester_user_id, subject_user_id})
            subject = people.get(subject_user_id)
            manager_id = subject.manager_user_id if subject is not None else ""
            if manager_id and manager_id not in people:
                people |= _people(connection, {manager_id})
            offer, requester = _offer(connection, entitlement_id), people.get(requester_user_id)
            return Question(
                requester=requester,
                subject=subject,
                manager=people.get(manager_id),
                offer=offer,
                in_audience=offer is not None
                and requester is not None
                and not read_profiles(
                    connection, self._expressions, requester, offer.app.app_id
                ).isdisjoint(offer.rules.access_profile_ids),
                groups={} if offer is None else _groups(connection, offer),
                held=frozenset()
                if offer is None
                else read_held(connection, subject_user_id, _provisioned(offer)),
            )

        return await self._database.read(work, at_once=True)

    async def for_write(
        self, entitlement_id: str, subject_user_id: str, directory_entitlement_ids: Collection[str]
    ) -> tuple[Offer | None, User | None, frozenset[str]]:
        return await self._database.read(
            lambda connection: (
                _offer(connection, entitlement_id),
                _people(connection, {subject_user_id}).get(subject_user_id),
                read_held(connection, subject_user_id, directory_entitlement_ids),
            ),
            at_once=True,
        )


def _people(connection: Connection, user_ids: Collection[str]) -> dict[str, User]:
    query = select(directory_users).where(directory_users.c.user_id.in_(user_ids))
    return {row.user_id: user_of(row) for row in connection.execute(query)}


def _offer(connection: Connection, entitlement_id: str) -> Offer | None:
    row = connection.execute(
        select_entitlements().where(entitlements.c.entitlement_id == entitlement_id)
    ).one_or_none()
    if row is None:
        return None
    app = connection.execute(
        select(apps, groups_only().label("groups_only")).where(apps.c.app_id == row.app_id)
    ).one()
    rules = read_rules(connection, row.app_id)
    return Offer(entitlement_of(row), app_of(app), rules, app.groups_only)


def _provisioned(offer: Offer) -> list[str]:
    return [target.directory_entitlement_id for target in offer.entitlement.fulfilment]


def _groups(connection: Connection, offer: Offer) -> dict[str, UnwritableReason]:
    query = select(
        directory_groups.c.directory_entitlement_id, directory_groups.c.unwritable_reason
    ).where(directory_groups.c.directory_entitlement_id.in_(_provisioned(offer)))
    return {
        row.directory_entitlement_id: UnwritableReason(row.unwritable_reason)
        for row in connection.execute(query)
    }
