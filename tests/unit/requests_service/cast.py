"""People with parts to play: who asks, who may decide, and who would like to."""

from datetime import timedelta
from typing import Any

import pytest

from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, Person
from libs.domain.errors import LatchkeyError
from libs.domain.ids import new_id
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.delegation import Delegation, Period
from services.requests.domain.gone import Gone
from services.requests.domain.person import PersonRef
from services.requests.domain.steps import (
    AppOwners,
    Approval,
    GroupMembers,
    Manager,
    People,
    Step,
)
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.house import ADA as ADA
from tests.unit.requests_service.house import House, person

SUE = person("Sue")
MAX, BIG = person("Max"), person("Big")
OLA, OTO = person("Ola"), person("Oto")
GIL, GUS, GIA = person("Gil"), person("Gus"), person("Gia")
DEE, DAN = person("Dee"), person("Dan")
HAL = person("Hal", HELPDESK)
ROOT = person("Root", ADMIN)
AUDREY = person("Audrey", AUDITOR)
EVERYBODY = (ADA, SUE, MAX, BIG, OLA, OTO, GIL, GUS, GIA, DEE, DAN, HAL, ROOT, AUDREY)
GROUP = "grp_approvers"

BY_MANAGER = Approval(Manager())
BY_OWNER = Approval(AppOwners())
BY_GROUP = Approval(GroupMembers(GROUP))


def ids(*people: Person) -> tuple[str, ...]:
    """Their ids."""
    return tuple(each.user_id for each in people)


def some(*people: Person) -> frozenset[str]:
    """Their ids, in no order."""
    return frozenset(ids(*people))


def by(*people: Person, **more: Any) -> Approval:
    """A step that these people decide."""
    return Approval(People(ids(*people)), **more)


def ref(who: Person) -> PersonRef:
    """Them, as a delegation names them."""
    return PersonRef(who.user_id, who.entra_tenant_id, f"object {who.user_id}", who.display_name)


def town(*steps: Step, **policies: tuple[Step, ...]) -> House:
    """A house where Max manages Ada and Sue, and Big manages Max; Ola and Oto own the app, and
    Gil, Gus and Gia are in the group. Policy answers with the steps."""
    house = House()
    house.catalog.names = {each.user_id: each.display_name for each in EVERYBODY}
    house.catalog.line = {each.user_id: list(ids(MAX, BIG)) for each in (ADA, SUE)}
    house.catalog.owners = list(ids(OLA, OTO))
    house.catalog.groups = {GROUP: list(ids(GIL, GUS, GIA))}
    house.policy.steps = steps
    house.policy.others = dict(policies)
    return house


def suspend(house: House, *people: Person) -> None:
    """They are disabled in the directory."""
    house.catalog.gone |= {each.user_id: Gone("They are disabled.") for each in people}


def enable(house: House, *people: Person) -> None:
    """They are enabled again."""
    for each in people:
        house.catalog.gone.pop(each.user_id, None)


def delegate(house: House, of: Person, to: Person, hours: int = 240) -> Delegation:
    """From now on somebody decides in another's place."""
    now = house.clock.now()
    made = Delegation.create(
        new_id("dlg"),
        delegator=ref(of),
        delegate=ref(to),
        period=Period(now, now + timedelta(hours=hours)),
        reason="",
        time=now,
    )
    house.store.kept_delegations[made.delegation_id] = made
    return made


async def for_sue(house: House, who: Person) -> AccessRequest:
    """Somebody asks for Sue."""
    return await house.ask(Wish(who, ENTITLEMENT, subject_user_id=SUE.user_id))


async def refused(attempt: Any, reason: str, **facts: str) -> LatchkeyError:
    """The error that an attempt is refused with, for this reason and with these facts."""
    with pytest.raises(LatchkeyError) as refusal:
        await attempt
    assert refusal.value.reason == reason
    assert facts.items() <= refusal.value.facts.items()
    return refusal.value


def told(house: House) -> list[object]:
    """What the last change tells those who follow."""
    return [fact.body for fact in house.last.facts]


def happened(seen: AccessRequest, kind: type) -> list[Any]:
    """The entries of one kind on a timeline."""
    return [entry.what for entry in seen.timeline if isinstance(entry.what, kind)]
