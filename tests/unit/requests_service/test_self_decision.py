"""Nobody decides for themselves, in whatever disguise."""

from collections.abc import Awaitable, Callable

import pytest

from libs.domain.callers import ADMIN, Person
from services.requests.domain import decision_facts
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import AppOwners, Approval, Manager, People
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.cast import (
    AUDREY,
    BY_GROUP,
    BY_MANAGER,
    BY_OWNER,
    DAN,
    DEE,
    GIL,
    GROUP,
    HAL,
    MAX,
    OLA,
    ROOT,
    SUE,
    by,
    delegate,
    for_sue,
    ids,
    refused,
    some,
    told,
    town,
)
from tests.unit.requests_service.house import ADA, House, person

Verb = Callable[[House, AccessRequest, Person], Awaitable[AccessRequest]]


async def _approve(house: House, seen: AccessRequest, who: Person) -> AccessRequest:
    return await house.approve(seen, who)


async def _deny(house: House, seen: AccessRequest, who: Person) -> AccessRequest:
    return await house.deny(seen, who)


async def _reassign(house: House, seen: AccessRequest, who: Person) -> AccessRequest:
    return await house.reassign(seen, who, DAN)


def _as_app_owner(house: House) -> None:
    house.policy.steps = (BY_OWNER,)
    house.catalog.owners = list(ids(ADA, OLA))


def _through_a_group(house: House) -> None:
    house.policy.steps = (BY_GROUP,)
    house.catalog.groups[GROUP] = list(ids(ADA, GIL))


def _as_who_is_named(house: House) -> None:
    house.policy.steps = (by(ADA, OLA),)


def _as_their_own_manager(house: House) -> None:
    house.policy.steps = (BY_MANAGER,)
    house.catalog.line[ADA.user_id] = list(ids(ADA))
    house.policy.steps = (Approval(Manager(), fallback=AppOwners()),)


def _as_delegate_of_an_approver(house: House) -> None:
    house.policy.steps = (BY_OWNER,)
    delegate(house, OLA, ADA)


def _in_the_fallback(house: House) -> None:
    house.policy.steps = (Approval(Manager(2), fallback=People(ids(ADA, OLA))),)
    house.catalog.line[ADA.user_id] = []


@pytest.mark.parametrize("verb", [_approve, _deny, _reassign])
@pytest.mark.parametrize(
    "disguise",
    [
        _as_app_owner,
        _through_a_group,
        _as_who_is_named,
        _as_their_own_manager,
        _as_delegate_of_an_approver,
        _in_the_fallback,
    ],
)
async def test_a_requester_decides_nothing_in_any_disguise(
    disguise: Callable[[House], None], verb: Verb
) -> None:
    """SELF_DECISION; it stays as it was, is not in their inbox, and the audit says who tried."""
    house = town()
    disguise(house)
    seen = await house.create()
    assert seen.state is State.PENDING
    assert ADA.user_id not in seen.awaiting
    for who in (ADA, person("Ada", ADMIN)):
        await refused(verb(house, seen, who), "SELF_DECISION", role="the requester")
        assert house.kept(seen.access_request_id) == seen
        audit = house.last.audit
        assert (audit.actor, audit.action) == (who, "access_request.self_decision_refused")
        assert not house.last.writes
        assert not house.last.facts
    assert len(house.store.changes) == 3


@pytest.mark.parametrize("verb", [_approve, _deny, _reassign])
@pytest.mark.parametrize("initiator", [MAX, HAL, person("Ivo", ADMIN)])
async def test_neither_initiator_nor_subject_decides_what_is_asked_on_behalf(
    initiator: Person, verb: Verb
) -> None:
    """Both are named by the step, and neither may; nor may who decides in the place of one."""
    house = town(by(initiator, SUE, OLA))
    seen = await for_sue(house, initiator)
    assert seen.awaiting == some(OLA)
    delegate(house, initiator, DEE)
    delegate(house, SUE, DAN)
    for who, role in (
        (initiator, "the requester"),
        (SUE, "the subject"),
        (DEE, "the delegate of the requester"),
        (DAN, "the delegate of the subject"),
    ):
        await refused(verb(house, seen, who), "SELF_DECISION", role=role)
        assert house.kept(seen.access_request_id) == seen
    assert len(house.store.changes) == 5


async def test_a_manager_who_asks_for_their_report_does_not_approve_as_manager() -> None:
    """The step's manager is the requester: nobody is left, and that is said with the reason."""
    house = town(BY_MANAGER)
    seen = await for_sue(house, MAX)
    assert seen.state is State.NO_APPROVER
    assert seen.progress is not None
    assert "the requester may not decide" in seen.progress.problem
    assert told(house)[1:] == [
        decision_facts.NoApproverFound(seen.access_request_id, 0, seen.progress.problem)
    ]


async def test_the_delegate_of_a_requester_decides_in_their_own_place_and_for_others() -> None:
    """What they may not is decide in the requester's place: they are an approver, or for one."""
    house = town(by(DEE, needed=2, fallback=People(ids(DEE, OLA))))
    seen = await house.create()
    delegate(house, ADA, DEE)
    seen = await house.approve(seen, DEE)
    delegate(house, OLA, DAN)
    delegate(house, SUE, DAN)
    seen = await house.approve(seen, DAN)
    assert seen.state is State.APPROVED
    assert [each.user_ids for each in seen.approvals] == [some(DEE), some(DAN, OLA)]


async def test_a_requesters_delegate_is_told_and_otherwise_sees_nothing() -> None:
    """They can't read it, comment on it or find it; and strangers are not even refused."""
    house = town(BY_OWNER)
    seen = await house.create()
    delegate(house, ADA, DEE)
    for who in (DEE, DAN):
        await refused(house.seats.see(who, seen.access_request_id), "ACCESS_REQUEST_NOT_FOUND")
        await refused(house.comment(seen, who), "ACCESS_REQUEST_NOT_FOUND")
    await refused(house.approve(seen, DEE), "SELF_DECISION")
    await refused(house.approve(seen, DAN), "ACCESS_REQUEST_NOT_FOUND")
    assert (await house.seats.see(OLA, seen.access_request_id)) == seen


async def test_who_asks_for_others() -> None:
    """Their manager, the helpdesk and administrators; nobody else, whatever it is."""
    house = town(BY_OWNER)
    for who in (person("Big"), OLA, AUDREY, GIL):
        await refused(for_sue(house, who), "ON_BEHALF_NOT_ALLOWED")
    for who in (MAX, HAL, ROOT):
        seen = await for_sue(house, who)
        assert (seen.requester.user_id, seen.subject.user_id) == (who.user_id, SUE.user_id)
        await house.cancel(seen.access_request_id, ROOT)
    assert (await house.ask(Wish(SUE, ENTITLEMENT))).subject.user_id == SUE.user_id
