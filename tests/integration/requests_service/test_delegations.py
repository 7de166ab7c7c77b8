"""DelegationService over the wire, on both databases."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.requests.v1 import delegation_pb2 as pb
from latchkey.requests.v1 import delegation_pb2_grpc as pb_grpc
from latchkey.requests.v1 import events_pb2
from libs.domain import ids
from libs.domain.callers import ADMIN, AUDITOR
from libs.domain.ids import new_id
from libs.rpc.well_known import timestamp
from tests.integration.requests_service.house import House, Refusal, answer_of, refused
from tests.support.eventually import eventually
from tests.support.issuer import TENANT, bearer, object_id

_INVALID = grpc.StatusCode.INVALID_ARGUMENT


def _id(name: str) -> str:
    return ids.user_id(TENANT, object_id(name))


class Delegator:
    """Somebody who calls DelegationService."""

    def __init__(self, house: House, name: str, *roles: str, port: int = 0) -> None:
        self._channel = house.channel(port or house.port)
        self._stub = pb_grpc.DelegationServiceStub(self._channel)
        self._metadata = bearer(house.issuer.named(name, roles))

    async def name(self, delegate: str, start: float = 0, end: float = 1, **fields: Any) -> str:
        """Names a delegate for some days from now; returns the delegation's id."""
        begin = datetime.now(UTC)
        request = pb.CreateDelegationRequest(
            **{
                "delegate_user_id": _id(delegate),
                "start_time": timestamp(begin + timedelta(days=start)) if start else None,
                "end_time": timestamp(begin + timedelta(days=end)),
                "reason": "away",
            }
            | fields
        )
        return (await self.create(request)).delegation_id

    async def create(self, request: pb.CreateDelegationRequest) -> pb.Delegation:
        """Names a delegate."""
        call = self._stub.CreateDelegation(request, metadata=self._metadata, timeout=10)
        answer: pb.CreateDelegationResponse = await call
        return answer.delegation

    async def listed(self, **fields: Any) -> pb.ListDelegationsResponse:
        """A page of delegations."""
        request = pb.ListDelegationsRequest(**fields)
        call = self._stub.ListDelegations(request, metadata=self._metadata, timeout=10)
        answer: pb.ListDelegationsResponse = await call
        return answer

    async def ids(self, **fields: Any) -> list[str]:
        """The ids of a page."""
        return [it.delegation_id for it in (await self.listed(**fields)).delegations]

    async def end(self, delegation_id: str, **fields: Any) -> None:
        """Ends one."""
        request = pb.DeleteDelegationRequest(delegation_id=delegation_id, **fields)
        await self._stub.DeleteDelegation(request, metadata=self._metadata, timeout=10)


async def test_named_seen_and_ended(house: House) -> None:
    """By and to oneself in the order of their ends, page by page; others see nothing of it; ended
    by the delegate, the delegator is free to name another one. Each change is told and recorded."""
    ada, ben, dan = (Delegator(house, name) for name in ("Ada", "Ben", "Dan"))
    admin, auditor = Delegator(house, "Admin", ADMIN), Delegator(house, "Audrey", AUDITOR)
    end = timestamp(datetime.now(UTC) + timedelta(days=3))
    request = pb.CreateDelegationRequest(
        delegate_user_id=_id("Ben"), end_time=end, reason=" away \n", idempotency_key="k"
    )
    made = await ada.create(request)
    assert (made.delegator.user_id, made.delegate.user_id) == (_id("Ada"), _id("Ben"))
    assert made.delegate.entra_tenant_id == made.delegator.entra_tenant_id == TENANT
    assert made.delegate.entra_object_id == f"object {_id('Ben')}"
    assert made.delegate.display_name == "Somebody"
    assert made.delegation_id.startswith("dlg_")
    assert (made.start_time, made.end_time, made.reason) == (made.create_time, end, "away")
    assert await ada.create(request) == made

    later = await ben.name("Cleo", 1, 2)
    first = await admin.name("Ada", end=0.5, delegator_user_id=_id("Dan"))
    assert await ada.ids() == [first, made.delegation_id]
    assert await ben.ids() == [later, made.delegation_id]
    assert await Delegator(house, "Eve").ids() == []
    for all_seeing in (admin, auditor):
        page = await all_seeing.listed(page_size=2)
        rest = await all_seeing.listed(page_size=2, page_token=page.next_page_token)
        found = [*page.delegations, *rest.delegations]
        assert [it.delegation_id for it in found] == [first, later, made.delegation_id]
        assert found[2] == made
        assert not rest.next_page_token
    page = await ben.listed(page_size=1)
    assert await ben.ids(page_size=1, page_token=page.next_page_token) == [made.delegation_id]
    assert (await refused(ada.listed(page_token=page.next_page_token))).fields == ["page_token"]

    refusal = await refused(ada.name("Eve", 2.9, 4))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "DELEGATION_EXISTS",
    )
    assert refusal.facts == {"delegation_id": made.delegation_id}
    await ben.end(made.delegation_id, idempotency_key="e")
    await ben.end(made.delegation_id, idempotency_key="e")
    await ada.name("Eve", 0, 4)
    assert await ben.ids() == [later]
    assert await house.actions(made.delegation_id) == ["delegation.created", "delegation.deleted"]
    told = [it for it in await house.events() if it.subject_id == made.delegation_id]
    created = events_pb2.DelegationCreated.FromString(told[0].payload)
    assert (created.delegator_user_id, created.delegate_user_id) == (_id("Ada"), _id("Ben"))
    assert created.actor.person.entra_object_id == object_id("Ada")
    deleted = events_pb2.DelegationDeleted.FromString(told[1].payload)
    assert deleted.actor.person.entra_object_id == object_id("Ben")
    await dan.end(first)


async def test_who_may_not(house: House) -> None:
    """Whoever names for others, ends what they may only see, or asks for what is not theirs; and
    services."""
    ada = Delegator(house, "Ada")
    made = await ada.name("Ben")
    auditor = Delegator(house, "Audrey", AUDITOR)
    denied, missing = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND
    cases: list[tuple[Awaitable[Any], grpc.StatusCode, str]] = [
        (auditor.name("Ada", delegator_user_id=_id("Ben")), denied, "CALLER_NOT_ALLOWED"),
        (auditor.end(made), denied, "CALLER_NOT_ALLOWED"),
        (Delegator(house, "Eve").end(made), missing, "DELEGATION_NOT_FOUND"),
        (ada.end(new_id("dlg")), missing, "DELEGATION_NOT_FOUND"),
    ]
    for call, code, reason in cases:
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (code, reason)
    service = house.as_service("connector")
    stub = pb_grpc.DelegationServiceStub(house.channel(house.port))
    refusal = await refused(service.call(stub.ListDelegations, pb.ListDelegationsRequest()))
    assert refusal.reason == "CALLER_NOT_ALLOWED"


async def test_bad_input_names_the_field(house: House) -> None:
    """FIELD_INVALID with each path; people who are unknown, disabled or of another tenant are
    named; while the catalog is away nothing is made."""
    ada = Delegator(house, "Ada")
    now = datetime.now(UTC)
    nonsense = Timestamp(seconds=1 << 60)
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"delegate_user_id": ""}, ["delegate_user_id"]),
        ({"delegate_user_id": "app_1"}, ["delegate_user_id"]),
        ({"delegate_user_id": _id("Ada")}, ["delegate_user_id"]),
        ({"delegator_user_id": "x"}, ["delegator_user_id"]),
        ({"end_time": None}, ["end_time"]),
        ({"end_time": nonsense}, ["end_time"]),
        ({"end_time": timestamp(now)}, ["end_time"]),
        ({"end_time": timestamp(now + timedelta(days=367))}, ["end_time"]),
        ({"start_time": timestamp(now + timedelta(days=2))}, ["end_time"]),
        ({"start_time": nonsense, "reason": "\x00"}, ["start_time", "reason"]),
        ({"reason": "x" * 2001, "idempotency_key": "\x07"}, ["reason", "idempotency_key"]),
    ]
    for fields, paths in wrong:
        refusal = await refused(ada.name("Ben", **fields))
        assert (refusal.code, refusal.reason, refusal.fields) == (
            _INVALID,
            "FIELD_INVALID",
            paths,
        ), fields
    for call in (ada.listed(page_size=501), ada.end("req_1"), ada.listed(page_token="x" * 2001)):
        assert (await refused(call)).reason == "FIELD_INVALID"
    assert (await refused(ada.listed(page_token="x"))).reason == "PAGE_TOKEN_INVALID"
    assert house.catalog.calls == 0

    house.catalog.strangers |= {_id("Ben")}
    house.catalog.disabled |= {_id("Cleo")}
    house.catalog.tenants[_id("Dan")] = "another"
    for name in ("Ben", "Cleo", "Dan"):
        refusal = await refused(ada.name(name))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "DELEGATE_NOT_FOUND",
        )
        assert refusal.facts == {"user_id": _id(name)}
    await house.catalog.stop()
    refusal = await refused(ada.name("Eve"))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
    )
    assert await house.actions() == []


async def test_a_word_of_the_catalog_ends_them(house: House) -> None:
    """Those by and to somebody who is deactivated, once that is true."""
    ada, cleo = Delegator(house, "Ada"), Delegator(house, "Cleo")
    made = await ada.name("Ben")
    bens = await Delegator(house, "Ben").name("Cleo", 5, 6)
    others = await cleo.name("Dan")
    deactivated = catalog_events_pb2.UserDeactivated(user_id=_id("Ben"))
    house.catalog.disabled |= {_id("Ben")}
    await house.connector.publish(deactivated, _id("Ben"))

    async def ended() -> bool:
        return await ada.ids() == [] and await cleo.ids() == [others]

    await eventually(ended, 10)
    for found in (made, bens):
        assert await house.actions(found) == ["delegation.created", "delegation.deleted"]


async def test_of_many_at_once_no_two_overlap_and_none_go_in_a_circle(house: House) -> None:
    """Through two replicas, again and again: four that make a circle together, of which three are
    made; and four by one person for the same time, of which one is."""
    _, port = await house.start()
    ports = (house.port, port)
    for turn in range(6):
        names = [f"{name} {turn}" for name in ("A", "B", "C", "D")]
        circle = [
            Delegator(house, names[at], port=ports[at % 2]).name(names[(at + 1) % 4])
            for at in range(4)
        ]
        one = f"E {turn}"
        same = [Delegator(house, one, port=ports[at % 2]).name(names[at]) for at in range(4)]
        answers = await asyncio.gather(*(answer_of(call) for call in (*circle, *same)))
        assert _reasons(answers[:4]) == ["DELEGATION_LOOP"]
        assert _reasons(answers[4:]) == ["DELEGATION_EXISTS"] * 3
    assert (await house.event_types()).count("DelegationCreated") == 6 * 4


def _reasons(answers: list[str | Refusal]) -> list[str]:
    return [answer.reason for answer in answers if isinstance(answer, Refusal)]
