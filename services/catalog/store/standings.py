"""Who visits the app catalog, and where entitlements stand for them: as much as the person has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    select,
    true,
    union_all,
)

from services.catalog.domain.app_catalog import CatalogState, Standing, standing
from services.catalog.domain.directory import User
from services.catalog.domain.use import Use
from services.catalog.ports import Expressions
from services.catalog.store.audience import held_by
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.holdings import is_held, maybe_held
from services.catalog.store.json_rows import json_column
from services.catalog.store.membership import profile_rows, profiles_of
from services.catalog.store.rows import USER_COLUMNS, user_of
from services.catalog.store.tables import apps, directory_users
from services.catalog.store.use_tables import uses
from services.catalog.store.uses import USE_COLUMNS, use_in_json


@dataclass(frozen=True, slots=True)
class Standings:
    """The entitlements that a person holds as of the last sync, and their uses by entitlement."""

    held: frozenset[str]
    uses: Mapping[str, Sequence[Use]]

    def of(self, entitlement_id: str) -> Standing:
        """Where an entitlement stands."""
        return standing(entitlement_id in self.held, self.uses.get(entitlement_id, ()))

    def apps_that_stand_so(self, state: CatalogState | None) -> ColumnElement[bool] | None:
        """Whether a row of `apps` is of an entitlement that may stand so; none where those are all
        but a few."""
        if state is None or state is CatalogState.REQUESTABLE:
            return None
        some = select(entitlements.c.app_id).where(self.stands_so(state))
        return apps.c.app_id.in_(some)

    def stands_so(self, state: CatalogState | None) -> ColumnElement[bool]:
        """Whether a row of `entitlements` stands so; true of each where nothing is asked."""
        if state is None:
            return true()
        by_state = defaultdict(set)
        for entitlement_id in {*self.held, *self.uses}:
            by_state[self.of(entitlement_id).state].add(entitlement_id)
        if state is CatalogState.REQUESTABLE:
            others = by_state[CatalogState.HELD] | by_state[CatalogState.REQUESTED]
            return entitlements.c.entitlement_id.not_in(sorted(others))
        return entitlements.c.entitlement_id.in_(sorted(by_state[state]))


_PERSON: BindParameter[str] = bindparam("person", type_=Text())
_held = union_all(*held_by(_PERSON))
# Made once, and asked at once: each statement more costs a round trip.
_VISITOR: Select[Any] = select(
    *USER_COLUMNS,
    json_column(union_all(*profile_rows(true(), _PERSON))).label("profiles"),
    json_column(_held).label("all_held"),
    json_column(maybe_held(_held)).label("maybe_held"),
    json_column(select(*USE_COLUMNS).where(uses.c.user_id == _PERSON)).label("uses"),
).where(directory_users.c.user_id == _PERSON)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person, the access profiles that they are in, and where everything stands for them.

    `profiles`: none while they are disabled; of those with an expression only those that the rules
    of some app name.
    """

    person: User
    profiles: frozenset[str]
    standings: Standings


def read_visitor(connection: Connection, expressions: Expressions, user_id: str) -> Visitor | None:
    """The person with this id, with all that decides what an app catalog shows them."""
    row = connection.execute(_VISITOR, {"person": user_id}).one_or_none()
    if row is None:
        return None
    person = user_of(row)
    held = frozenset(den for (den,) in row.all_held or ())
    found = defaultdict(list)
    # Oldest first: ids of access requests sort by their creation.
    for use in sorted(map(use_in_json, row.uses or ()), key=lambda each: each.access_request_id):
        found[use.entitlement_id].append(use)
    standings = Standings(
        frozenset(
            entitlement_id
            for entitlement_id, fulfilment, only_groups in row.maybe_held or ()
            if is_held(fulfilment, bool(only_groups), held)
        ),
        found,
    )
    return Visitor(person, profiles_of(person, row.profiles or (), expressions), standings)
