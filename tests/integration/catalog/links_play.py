"""One app of one tenant, taken through steps and compared with the model after each."""

import asyncio
from copy import deepcopy
from typing import Any

from sqlalchemy import Connection, delete, func, select

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.writes import Writes
from libs.domain.changes import Fact
from libs.domain.paging import PageRequest
from services.catalog.store import entitlement_tables, rule_tables, use_tables
from services.catalog.store import tables as t
from services.catalog.translate.events import fact_to_message
from tests.fakes.clock import FakeClock
from tests.integration.catalog.links_steps import APP, Step, Steps
from tests.unit.catalog.things import NOW


class Play(Steps):
    """The app, compared after each step."""

    async def step(self, step: Step) -> None:
        """One step; everything is then as the model says."""
        move = await self.move(step)
        expected = move.foretell(self.model)
        self.previewed = expected
        assert await move.make() == expected
        assert self.previewed == expected
        assert await self.observed() == self.model.expected()

    async def at_once(self, first: Step, second: Step) -> None:
        """Two steps beside each other; everything is as after one of them and then the other."""
        moves = [await self.move(first), await self.move(second)]
        reasons = await asyncio.gather(*(move.make() for move in moves))
        found = await self.observed()
        outcomes = []
        for order in ((0, 1), (1, 0)):
            model = deepcopy(self.model)
            told = {which: moves[which].foretell(model) for which in order}
            outcomes.append(([told[0], told[1]], model.expected()))
            if outcomes[-1] == (reasons, found):
                self.model = model
                return
        raise AssertionError((first, second, reasons, found, outcomes))

    async def observed(self) -> dict[str, Any]:
        """Everything that is kept of the app."""
        page = PageRequest(50, "", ("l",))
        app, offered = await self.apps.find(APP), await self.offered()
        names = {each: name for name, each, _ in offered}
        # What is there anew has another id than it had before, and what stays keeps its own.
        ended = {each for each in self.ids.values() if each not in names}
        self.ids = {name: each for name, each in self.ids.items() if each in names} | {
            f"once {each}": each for each in ended
        }
        for each, name in names.items():
            assert each not in ended
            assert self.ids.setdefault(name, each) == each
        rows = await self.database.read(self._rows)
        called = {
            (one.entitlement.entitlement_id, target.directory_entitlement_id): target.display_name
            for one in (await self.entitlements.page(APP, "", PageRequest(50, "", ("e",)))).items
            for target in one.entitlement.fulfilment
        }
        targets = {(row.entitlement_id, row.directory_entitlement_id) for row in rows["targets"]}
        assert {(row[0], row[1]) for row in rows["noted"]} <= targets
        return {
            "app": None if app is None else (app.manage_time is not None, app.removed),
            "listed": [
                (
                    each.group_display_name,
                    each.directory_entitlement_id,
                    each.choice.value,
                    each.gone,
                )
                for each in (await self.links.page(APP, page)).items
            ],
            "bound": {
                each.directory_entitlement_id: (
                    names[each.entitlement_id],
                    each.state.value,
                    called[each.entitlement_id, each.directory_entitlement_id],
                )
                for each in (await self.links.bindings(APP, page)).items
            },
            "fulfilled": {name: targets for name, _, targets in offered},
            "targets": sorted((names[entitlement_id], den) for entitlement_id, den in targets),
            **{table.name: rows[table.name] for table in _COUNTED},
            "owners": [names[row.owner_id] for row in rows["owners"]],
            "used": {row.access_request_id: row.entitlement_id for row in rows["uses"]},
        }

    def _rows(self, connection: Connection) -> dict[str, Any]:
        whole = {
            "targets": entitlement_tables.entitlement_targets,
            "noted": use_tables.unmanaged_access,
            "owners": entitlement_tables.owners,
            "uses": use_tables.uses,
        }
        found: dict[str, Any] = {
            name: connection.execute(select(table)).all() for name, table in whole.items()
        }
        for table in _COUNTED:
            counted = select(func.count()).select_from(table)
            found[table.name] = connection.execute(counted).scalar_one()
        return found


def _empty(connection: Connection) -> None:
    for table in reversed(t.metadata.sorted_tables):
        if table in _OF_THE_PLAY:
            connection.execute(delete(table))


_COUNTED = (
    entitlement_tables.resource_types,
    entitlement_tables.resources,
    rule_tables.entitlement_rules,
)


_OF_THE_PLAY = (
    *(
        rule_tables.rule_resource_types,
        rule_tables.rule_access_profiles,
        rule_tables.entitlement_rules,
        entitlement_tables.bindings,
        entitlement_tables.links,
    ),
    *(
        use_tables.unmanaged_access,
        entitlement_tables.owners,
        use_tables.uses,
        entitlement_tables.entitlement_targets,
        entitlement_tables.entitlements,
        entitlement_tables.resources,
    ),
    *(entitlement_tables.resource_types, t.apps, t.directory_assignments, t.directory_memberships),
    *(t.directory_groups, t.directory_users, t.past_grants, t.syncs),
)


def _encode(fact: Fact) -> EncodedFact:
    message = fact_to_message(fact)
    return EncodedFact(message.DESCRIPTOR.full_name, message.SerializeToString())


async def play(url: str, steps: list[Step | tuple[Step, Step]], *, managed: bool) -> None:
    """Steps one after the other, and pairs of them at once, in a database that is emptied first."""
    database = Database.open(url)
    try:
        await database.write(_empty)
        async with Committer(database, t.ledger, FakeClock(NOW), _encode) as committer:
            one = Play(database, Writes(database, t.ledger, committer))
            await one.sync(one.model)
            if managed:
                await one.step(("manage", "", ""))
            for step in steps:
                if isinstance(step[0], tuple):
                    await one.at_once(*step)
                else:
                    await one.step(step)
    finally:
        await database.close()
