"""Many decide one access request at once: one of them wins, and everything agrees with that."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import grpc

from latchkey.ledger.v1 import event_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.callers import ADMIN
from tests.integration.requests_service.deciders import approve, deny, kinds, records
from tests.integration.requests_service.house import House, Person, Refusal, answer_of

T = TypeVar("T")

_APPROVED, _DENIED = pb.ACCESS_REQUEST_STATE_APPROVED, pb.ACCESS_REQUEST_STATE_DENIED
_NEITHER = frozenset({"AccessRequestCreated", "ApprovalRequested"})
_AFTER = {
    _APPROVED: {"ApprovalGiven", "AccessRequestApproved"},
    _DENIED: {"AccessRequestDenied"},
}


@dataclass(slots=True)
class Race:
    """What came of one or more races."""

    approved: int = 0
    denied: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    states: dict[str, pb.AccessRequestState.ValueType] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)


async def race(
    house: House, requester: Person, approvers: Sequence[Person], deniers: Sequence[Person]
) -> Race:
    """One race, from one view of the access request; what is wrong is in words."""
    made = await _insisting(lambda: requester.create(idempotency_key="race"))
    assert isinstance(made, pb.AccessRequest), made
    # Policy may have been too busy to answer in time.
    made = await requester.reaches(made.access_request_id, "PENDING")
    request_id, seen = made.access_request_id, Race()
    # Begun in turns, so that either may be first.
    calls: list[Callable[[], Awaitable[pb.AccessRequest]]] = []
    for one, other in zip(approvers, deniers, strict=True):
        calls += (partial(approve, one, made), partial(deny, other, made))
    answers = await asyncio.gather(*map(_insisting, calls))
    winners = [each for each in answers if not isinstance(each, Refusal)]
    for each in answers:
        if isinstance(each, Refusal):
            seen.refusals[f"{each.code.name} {each.reason}"] += 1
            if each.code is not grpc.StatusCode.ABORTED:
                seen.wrong.append(f"{request_id}: a loser was told {each.code} {each.reason}")
    found = await requester.get(request_id)
    seen.states[request_id] = found.state
    if len(winners) != 1:
        seen.wrong.append(f"{request_id}: {len(winners)} were told that they won")
        return seen
    if found.state != winners[0].state or found.etag != winners[0].etag:
        seen.wrong.append(f"{request_id}: the winner was told {winners[0].state}")
    seen.approved, seen.denied = int(found.state == _APPROVED), int(found.state == _DENIED)
    if seen.approved + seen.denied != 1:
        seen.wrong.append(f"{request_id}: it is {found.state}")
    if bool(found.lease_id) != bool(seen.approved):
        seen.wrong.append(f"{request_id}: {found.state} with the lease {found.lease_id!r}")
    if found.lease_id:
        seen.leases[request_id] = found.lease_id
        lease = await requester.lease(found.lease_id)
        if (lease.access_request_id, lease.state) != (request_id, lease_pb2.LEASE_STATE_GRANTED):
            seen.wrong.append(f"{request_id}: its lease is of {lease.access_request_id}")
    happened = kinds(found)
    verbs = [kind for kind in happened if kind in ("approved", "denied", "lease_granted")]
    if verbs != (["approved", "lease_granted"] if seen.approved else ["denied"]):
        seen.wrong.append(f"{request_id}: its timeline is {happened}")
    actions = [it.action for it in await records(house, request_id)]
    if actions != [
        "access_request.created",
        f"access_request.{'approved' if seen.approved else 'denied'}",
    ]:
        seen.wrong.append(f"{request_id}: its audit is {actions}")
    return seen


async def _insisting(call: Callable[[], Awaitable[T]]) -> T | Refusal:
    """The answer, asked for again while somebody is too busy to give one."""
    while True:
        answer = await answer_of(call())
        if not isinstance(answer, Refusal) or answer.code is not grpc.StatusCode.UNAVAILABLE:
            return answer


async def check_events(house: House, races: Sequence[Race]) -> list[str]:
    """What is wrong with what was published of all these races, in words."""
    published: dict[str, Counter[str]] = {}
    admin, last = house.person("Admin", [ADMIN]), 0
    while True:
        request = event_pb2.ListEventsRequest(after_position=last, page_size=500)
        answer = await admin.call(admin.events.ListEvents, request)
        if not answer.events:
            break
        last = answer.last_position
        for event in answer.events:
            name = event.type.rpartition(".")[2]
            published.setdefault(event.subject_id, Counter())[name] += 1
    wrong = []
    for each in races:
        for request_id, state in each.states.items():
            told = published.pop(request_id, Counter())
            if told != Counter(_NEITHER | _AFTER.get(state, set())):
                wrong.append(f"{request_id}: {state} and the events {dict(told)}")
        for lease_id in each.leases.values():
            if published.pop(lease_id, None) != Counter({"LeaseGranted": 1}):
                wrong.append(f"{lease_id}: it was not granted once")
    wrong.extend(f"{each}: nobody knows of it" for each in published)
    return wrong
