"""Events that are forged, replayed or late, published as each service: they change nothing."""

from typing import Any

import nats
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from latchkey.catalog.v1 import events_pb2 as catalog_events
from latchkey.connector.v1 import events_pb2 as connector_events
from latchkey.ledger.v1 import event_pb2, event_pb2_grpc
from latchkey.policy.v1 import events_pb2 as policy_events
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2 as requests_events
from latchkey.requests.v1 import lease_pb2
from libs.domain.ids import new_id
from libs.events.broker import STREAM
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.decisions import Decider

pytestmark = pytest.mark.asyncio(loop_scope="module")

_EVENTS = {
    "catalog": catalog_events.DESCRIPTOR,
    "connector": connector_events.DESCRIPTOR,
    "policy": policy_events.DESCRIPTOR,
    "requests": requests_events.DESCRIPTOR,
}


async def _fulfilled(ready: Ready, member: Member) -> lease_pb2.Lease:
    guide = ready.guide(member)
    request = await guide.ask(ready.access_entitlement_id, "I draw.", member.label)
    async for now in guide.watch_request(request.access_request_id):
        request = now
    assert request.state == pb.ACCESS_REQUEST_STATE_FULFILLED
    return await guide.lease(request.lease_id)


def _ids(lease: lease_pb2.Lease, ready: Ready) -> dict[str, str]:
    """What a forger may know, by the name of the field."""
    return {
        "lease_id": lease.lease_id,
        "access_request_id": lease.access_request_id,
        "app_id": lease.app_id,
        "entitlement_id": lease.entitlement_id,
        "access_entitlement_id": ready.access_entitlement_id,
        "directory_entitlement_id": lease.targets[0].directory_entitlement_id,
        "user_id": lease.subject.user_id,
        "subject_user_id": lease.subject.user_id,
        "connection_id": lease.targets[0].connection_id,
    }


def _forged(kind: type[Message], known: dict[str, str]) -> Message:
    """An event of this kind about what is known, every switch on."""
    event: Any = kind()
    for field in kind.DESCRIPTOR.fields:
        value = known.get(field.name)
        if value is not None and field.type == FieldDescriptor.TYPE_STRING:
            setattr(event, field.name, value)
        elif field.type == FieldDescriptor.TYPE_BOOL:
            setattr(event, field.name, True)
        elif field.name == "round":
            event.round = 99
    return event  # type: ignore[no-any-return]


def _headers(event_type: str, event_id: str, subject: str, sequence: int) -> dict[str, str]:
    return {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": f"/latchkey/{event_type.split('.')[1]}",
        "ce-type": event_type,
        "ce-subject": subject,
        "ce-time": "2020-01-01T00:00:00Z",
        "ce-datacontenttype": "application/protobuf",
        "ce-sequence": str(sequence),
    }


async def _published(ready: Ready, service: str) -> list[event_pb2.Event]:
    channel = ready.operator.channel(service)
    answer = await ready.operator.call(
        event_pb2_grpc.EventServiceStub(channel).ListEvents,
        event_pb2.ListEventsRequest(page_size=500),
    )
    return list(answer.events)


async def _all_taken(ready: Ready) -> None:
    """Waits until no consumer of any service has an event left to look at."""
    client = await nats.connect(ready.house.nats_url_of("operator"))
    jetstream = client.jetstream()

    async def nothing_left() -> bool:
        consumers = await jetstream.consumers_info(STREAM)
        return all(not each.num_pending and not each.num_ack_pending for each in consumers)

    await eventually(nothing_left, 30)
    await client.close()


async def _state(ready: Ready, leases: list[lease_pb2.Lease], members: list[Member]) -> list[Any]:
    """The leases, their access requests, what Entra holds, and every write that it was sent."""
    found: list[Any] = []
    for lease, member in zip(leases, members, strict=True):
        guide = ready.guide(member)
        found.append(await guide.lease(lease.lease_id))
        found.append(await Decider(ready.client(member)).get(lease.access_request_id))
        found.append(await ready.entra.holds(member.entra_object_id))
        found.append(await ready.entra.writes(member.entra_object_id))
    return found


@pytest.mark.parametrize("service", _EVENTS)
async def test_forged_events_change_nothing(ready: Ready, service: str) -> None:
    """With a service's own password: every kind of event of its package about access that is there
    and access that is over, everything it ever published once more under new ids, garbage, and what
    NATS itself can be made to say on every subject. Leases, access requests and Entra stay as they
    are."""
    names = {
        "catalog": ("Nora Eriksen", "Diego Fuentes"),
        "connector": ("Greta Baumann", "Luis Cardoso"),
        "policy": ("Hannah Lindqvist", "Amara Okafor"),
        "requests": ("Martin Kowalski", "Ellen Grady"),
    }[service]
    members = list(people(*names))
    there, over = [await _fulfilled(ready, member) for member in members]
    await ready.guide(members[1]).give_back(over.lease_id, "Done.")

    async def ended() -> bool:
        now = await ready.guide(members[1]).lease(over.lease_id)
        return now.state == lease_pb2.LEASE_STATE_ENDED

    await eventually(ended, 20)
    await _all_taken(ready)
    before = await _state(ready, [there, over], members)

    client = await nats.connect(
        ready.house.nats_url_of(service), inbox_prefix=f"_INBOX_{service}".encode()
    )
    jetstream = client.jetstream()
    sent = 0

    async def publish(event_type: str, payload: bytes, subject: str, sequence: int) -> None:
        nonlocal sent
        headers = _headers(event_type, new_id("evt"), subject, sequence)
        await jetstream.publish(event_type, payload, headers=headers)
        sent += 1

    for event in await _published(ready, service):
        await publish(event.type, event.payload, event.subject_id, event.sequence)
    for lease in (there, over):
        for descriptor in _EVENTS[service].message_types_by_name.values():
            forged = _forged(GetMessageClass(descriptor), _ids(lease, ready))
            await publish(descriptor.full_name, forged.SerializeToString(), lease.lease_id, 1 << 40)
    for name in _EVENTS[service].message_types_by_name:
        await publish(f"latchkey.{service}.v1.{name}", b"\xff\xfe", "x", 1)
    # NATS publishes its answer wherever it is asked to: on subjects that are another's, too.
    begun = (await jetstream.stream_info(STREAM)).state.messages
    for other, file in _EVENTS.items():
        for name in file.message_types_by_name:
            subject = f"latchkey.{other}.v1.{name}"
            await client.publish(f"$JS.API.STREAM.INFO.{STREAM}", b"", reply=subject)
            sent += 1

    async def were_taken() -> bool:
        return bool((await jetstream.stream_info(STREAM)).state.messages > begun)

    await eventually(were_taken, 10)
    await client.close()
    assert sent >= 3 * len(_EVENTS[service].message_types_by_name)
    await _all_taken(ready)

    assert await _state(ready, [there, over], members) == before
    holdings = await ready.entra.holds(members[0].entra_object_id)
    assert cast.SERVICE_PRINCIPAL_ID in holdings.service_principal_ids
