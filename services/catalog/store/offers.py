"""What the other services ask about, each in one visit to the database.

All that allows or forbids is of one moment: half of the rules of before and half of those of after
could allow what neither of them does. The statements are few, since each is a round trip, and are
made once, since making one takes as long as running it.
"""

from collections.abc import Sequence
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
    func,
    select,
    union_all,
)

from libs.db.engine import Database
from libs.db.gathered import padded
from services.catalog.domain.app import App
from services.catalog.domain.approvers import Surroundings
from services.catalog.domain.held import HeldItem, HeldState
from services.catalog.domain.resolution import Offer, Question
from services.catalog.ports import Expressions, ForWriting, WritingAnswer
from services.catalog.store.around import AROUND, HOLDINGS, around_of, around_parameters
from services.catalog.store.audience import groups_only, held_by_many, named_by_rules
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.held_items import read_held_items
from services.catalog.store.holdings import holdings_of
from services.catalog.store.json_rows import json_column
from services.catalog.store.managers import read_line
from services.catalog.store.owners import read_holders
from services.catalog.store.rows import USER_COLUMNS, app_of, entitlement_of, user_in_json
from services.catalog.store.rule_tables import entitlement_rules
from services.catalog.store.rules import rules_columns, said_by_rules
from services.catalog.store.tables import apps, directory_users, syncs

_APP_PREFIX = "app_s_"
_ENTITLEMENT: BindParameter[str] = bindparam("entitlement", type_=Text())


_OFFERS: Select[Any] = (
    select(
        entitlements,
        apps.c.connection_id,
        *(column.label(_APP_PREFIX + column.name) for column in apps.c),
        *rules_columns(),
        # Whatever the entitlement says itself.
        func.coalesce(and_(entitlement_rules.c.enabled, named_by_rules()), False).label(
            "governing"
        ),
        groups_only().label("groups_only"),
        select(func.max(syncs.c.complete_time))
        .where(syncs.c.entra_tenant_id == apps.c.entra_tenant_id)
        .scalar_subquery()
        .label("tenant_sync_time"),
    )
    .join(apps, apps.c.app_id == entitlements.c.app_id)
    .outerjoin(entitlement_rules, entitlement_rules.c.app_id == entitlements.c.app_id)
)
_OFFER = _OFFERS.where(entitlements.c.entitlement_id == _ENTITLEMENT)

_QUESTION = _OFFER.add_columns(*AROUND)
_QUESTION_WITH_HOLDINGS = _QUESTION.add_columns(*HOLDINGS)
_SUBJECTS: BindParameter[str] = bindparam("subjects", expanding=True, type_=Text())
_AMONG: BindParameter[str] = bindparam("among", expanding=True, type_=Text())
# For many questions about few entitlements: people and what they hold are the same in each row.
_FOR_WRITING = _OFFERS.where(
    entitlements.c.entitlement_id.in_(bindparam("entitlements", expanding=True, type_=Text()))
).add_columns(
    json_column(select(*USER_COLUMNS).where(directory_users.c.user_id.in_(_SUBJECTS))).label(
        "people"
    ),
    json_column(union_all(*held_by_many(_SUBJECTS, _AMONG))).label("held"),
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
        self,
        entitlement_id: str,
        requester_user_id: str,
        subject_user_id: str,
        *,
        include_holdings: bool,
    ) -> Question:
        question = _QUESTION_WITH_HOLDINGS if include_holdings else _QUESTION
        asked = around_parameters(entitlement_id, requester_user_id, subject_user_id)

        def work(connection: Connection) -> Question:
            row = connection.execute(question, asked).one_or_none()
            if row is None:
                people = read_line(connection, subject_user_id, requester_user_id)
                nothing = Surroundings("", people.get(subject_user_id))
                return Question(
                    people.get(requester_user_id), nothing, None, False, {}, frozenset()
                )
            found = _found_in(row)
            around = around_of(row, requester_user_id, subject_user_id)
            app = found.offer.app
            of_app, its = around.owners_of(app.app_id, entitlement_id)
            return Question(
                requester=around.requester,
                around=Surroundings(
                    app_tenant_id=app.entra_tenant_id,
                    subject=around.subject,
                    people=around.people,
                    app_owners=of_app,
                    entitlement_owners=its,
                    holders=read_holders(connection, {*of_app, *its}),
                ),
                offer=found.offer,
                in_audience=around.is_in_audience(self._expressions),
                groups=around.groups,
                held=around.held,
                sync_time=found.sync_time,
                holdings=holdings_of(row) if include_holdings else (),
            )

        return await self._database.read(work)

    async def for_writing(self, asked: Sequence[ForWriting]) -> list[WritingAnswer]:
        values = {
            "entitlements": padded(sorted({each.entitlement_id for each in asked})),
            "subjects": padded(sorted({each.subject_user_id for each in asked})),
            "among": padded(
                sorted({id for each in asked for id in each.directory_entitlement_ids})
            ),
        }
        rows = await self._database.read(lambda c: c.execute(_FOR_WRITING, values).all())
        offers = {row.entitlement_id: _found_in(row).offer for row in rows}
        found = [user_in_json(values) for row in rows[:1] for values in row.people or ()]
        people = {user.user_id: user for user in found}
        held = {(user, target) for row in rows[:1] for user, target in row.held or ()}
        return [
            WritingAnswer(
                offers.get(each.entitlement_id),
                people.get(each.subject_user_id),
                frozenset(
                    id
                    for id in each.directory_entitlement_ids
                    if (each.subject_user_id, id) in held
                ),
            )
            for each in asked
        ]

    async def held(
        self, connection_id: str, items: Sequence[HeldItem]
    ) -> tuple[str, tuple[HeldState, ...]]:
        return await self._database.read(
            lambda connection: read_held_items(connection, connection_id, items), at_once=True
        )


def _found_in(row: Row[Any]) -> _Found:
    app: App = app_of(_AppOf(row))
    rules = said_by_rules(row) if row.governing else None
    offer = Offer(entitlement_of(row), app, rules, row.groups_only)
    return _Found(offer, row.tenant_sync_time)
