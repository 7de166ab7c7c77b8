"""A company: its people, its apps, and what may be asked for of them."""

import random
from datetime import timedelta

from libs.domain.callers import ADMIN, Person
from libs.domain.ids import derived_id
from services.requests.domain.person import PersonRef
from services.requests.domain.resolution import EmergencyTerms
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    GiveUp,
    Manager,
    Step,
    TimeLimit,
)
from services.requests.domain.target import AppRoleAssignment, GroupMembership, Target
from tests.fakes.requests_neighbours import FakePolicy
from tests.simulation.catalog import CompanyCatalog, Offer
from tests.unit.connector.provisioning_house import CONNECTION, TENANT
from tests.unit.requests_service.house import person

_REPORTS = 8
_DAY = TimeLimit(timedelta(hours=24), GiveUp())
_BY_MANAGER = Approval(Manager(), AppOwners(), time_limit=_DAY, distinct=True)
_BY_OWNER = Approval(AppOwners(), time_limit=_DAY, distinct=True)
POLICIES: dict[str, tuple[Step, ...]] = {
    "pol_auto": (Accept(),),
    "pol_manager": (_BY_MANAGER,),
    "pol_two": (_BY_MANAGER, _BY_OWNER),
}
NEEDED = {"pol_auto": 0, "pol_manager": 1, "pol_two": 2}
_LIMITS = (None, *(timedelta(hours=each) for each in (8, 24, 72)))


class Company:
    """Everybody has a manager but the first; an administrator is none of them."""

    def __init__(self, chance: random.Random, people: int, apps: int) -> None:
        self._chance = chance
        self.policy = FakePolicy(others=dict(POLICIES))
        self.catalog = CompanyCatalog()
        self.people: dict[str, Person] = {}
        self.admin = Person(TENANT, person("Root").entra_object_id, "Root", frozenset({ADMIN}))
        self.catalog.people[self.admin.user_id] = PersonRef.of(self.admin)
        for number in range(people):
            self.join(f"Person {number}")
        for number in range(apps):
            self._app(number)

    @property
    def enabled(self) -> list[Person]:
        """Who works here."""
        return [who for key, who in self.people.items() if key not in self.catalog.gone]

    def join(self, name: str) -> Person:
        """Somebody begins."""
        who = Person(TENANT, person(name).entra_object_id, name)
        everybody = [*self.people]
        above = everybody[(len(everybody) - 1) // _REPORTS] if everybody else None
        line = [] if above is None else [above, *self.catalog.line[above]]
        self.people[who.user_id] = who
        self.catalog.people[who.user_id] = PersonRef.of(who)
        self.catalog.line[who.user_id] = line[:3]
        return who

    def _app(self, number: int) -> None:
        """One app: an app role that a virtual role has too, and a group with two names."""
        app_id, chance = derived_id("app", f"{number}"), self._chance
        self.catalog.owners[app_id] = [
            each.user_id for each in chance.sample([*self.people.values()], 2)
        ]
        principal = f"sp-{number}"
        role = _target(f"role {number}", AppRoleAssignment(principal, f"r-{number}"))
        group = _target(f"group {number}", GroupMembership(f"g-{number}"))
        other = _target(f"other {number}", GroupMembership(f"o-{number}"))
        emergency = EmergencyTerms("pol_auto", timedelta(hours=1))
        for name, targets in (
            ("access", (role,)),
            ("role", (role, other)),
            ("editors", (group,)),
            ("alias of editors", (group,)),
        ):
            entitlement_id = derived_id("ent", f"{name} {number}")
            self.catalog.offers[entitlement_id] = Offer(
                entitlement_id,
                f"{name} of {number}",
                app_id,
                targets,
                chance.choice([*POLICIES]),
                chance.choice(_LIMITS),
                emergency if name == "role" else None,
            )


def _target(name: str, kind: GroupMembership | AppRoleAssignment) -> Target:
    return Target(derived_id("den", name), CONNECTION.connection_id, name, kind)
