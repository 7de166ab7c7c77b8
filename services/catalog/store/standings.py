"""Where entitlements stand for a person: read once a visit, as much as the person has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, true

from services.catalog.domain.app_catalog import CatalogState, Standing, standing
from services.catalog.domain.use import Use
from services.catalog.store.audience import read_held
from services.catalog.store.holdings import is_held, maybe_held
from services.catalog.store.tables import apps, entitlements, uses
from services.catalog.store.uses import read_uses


@dataclass(frozen=True, slots=True)
class Standings:
    """The entitlements that a person holds as of the last sync, and their uses by entitlement."""

    held: frozenset[str]
    uses: Mapping[str, Sequence[Use]]

    def of(self, entitlement_id: str) -> Standing:
        """Where an entitlement stands."""
        return standing(entitlement_id in self.held, self.uses.get(entitlement_id, ()))

    def apps_that_stand_so(self, state: CatalogState | None) -> ColumnElement[bool]:
        """Whether a row of `apps` is of an entitlement that may stand so; true of each where those
        are all but a few."""
        if state is None or state is CatalogState.REQUESTABLE:
            return true()
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


def read_standings(connection: Connection, user_id: str) -> Standings:
    """Where everything stands for a person."""
    held = read_held(connection, user_id)
    found = defaultdict(list)
    for use in read_uses(connection, uses.c.user_id == user_id):
        found[use.entitlement_id].append(use)
    rows = connection.execute(maybe_held(held)) if held else ()
    return Standings(
        frozenset(
            row.entitlement_id for row in rows if is_held(row.fulfilment, row.groups_only, held)
        ),
        found,
    )
