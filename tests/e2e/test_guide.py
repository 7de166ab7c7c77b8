"""The guide's five steps and the end of access, over real processes."""

import asyncio
import json
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc, event_pb2, event_pb2_grpc
from latchkey.requests.v1 import access_request_pb2, lease_pb2
from libs.rpc.errors import error_info
from tests.e2e.conftest import Ready, people, ready_house
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tools.dev import cast
from tools.dev.cast import COLLEAGUE, REQUESTER, Member
from tools.dev.subscriber import Subscriber

pytestmark = pytest.mark.asyncio(loop_scope="module")
FULFILLED = access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def ready(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
) -> AsyncIterator[Ready]:
    """One house on each kind of database."""
    database_url = None
    if request.param == "postgresql":
        database_url = postgres_server.url(postgres_server.create_database())
    async with ready_house(tmp_path_factory.mktemp("house"), database_url) as house:
        yield house


async def _fulfilled(
    ready: Ready, member: Member, entitlement_id: str
) -> access_request_pb2.AccessRequest:
    guide = ready.guide(member)
    request = await guide.ask(entitlement_id, "Needed for the quarterly report.")
    async for now in guide.watch_request(request.access_request_id):
        request = now
    assert request.state == FULFILLED
    return request


async def test_access_arrives_in_entra_and_leaves_it_when_given_back(ready: Ready) -> None:
    """A request brings the app assignment and the group membership; giving the lease back takes
    both away, and the events of it reach an outside subscriber in order."""
    async with Subscriber(ready.house.nats_url, lambda _: None) as events:
        request = await _fulfilled(ready, REQUESTER, ready.access_entitlement_id)
        holdings = await ready.entra.holds(REQUESTER.entra_object_id)
        assert holdings.service_principal_ids == {cast.SERVICE_PRINCIPAL_ID}
        assert cast.VIEWERS_GROUP_ID in holdings.group_ids

        guide = ready.guide(REQUESTER)
        await guide.give_back(request.lease_id, "The report is written.")
        await events.until("LeaseRemoved")
        lease = await guide.lease(request.lease_id)
        assert lease.state == lease_pb2.LEASE_STATE_ENDED
        holdings = await ready.entra.holds(REQUESTER.entra_object_id)
        assert not holdings.service_principal_ids
        assert cast.VIEWERS_GROUP_ID not in holdings.group_ids

    mine = {request.access_request_id, request.lease_id}
    assert [seen.short_type for seen in events.seen if seen.subject_id in mine] == [
        "requests AccessRequestCreated",
        "requests AccessRequestApproved",
        "requests LeaseGranted",
        "connector AccessProvisioned",
        "requests AccessRequestFulfilled",
        "requests LeaseEnded",
        "connector AccessDeprovisioned",
        "requests LeaseRemoved",
    ]


async def test_what_was_there_before_stays(ready: Ready) -> None:
    """Somebody who is a member before asking is one still after the lease has ended."""
    (member,) = people("Yuki Morita")  # a viewer of Atelier from the start
    before = await ready.entra.holds(member.entra_object_id)
    assert cast.VIEWERS_GROUP_ID in before.group_ids
    request = await _fulfilled(ready, member, ready.access_entitlement_id)
    async with Subscriber(ready.house.nats_url, lambda _: None) as events:
        await ready.guide(member).give_back(request.lease_id, "Done.")
        await events.until("LeaseRemoved")
    assert await ready.entra.holds(member.entra_object_id) == before


async def test_a_virtual_role_brings_its_group(ready: Ready) -> None:
    """Asking for the virtual role makes one a member of the group that it stands for."""
    await _fulfilled(ready, COLLEAGUE, ready.role_entitlement_id)
    holdings = await ready.entra.holds(COLLEAGUE.entra_object_id)
    assert cast.EDITORS_GROUP_ID in holdings.group_ids
    assert cast.SERVICE_PRINCIPAL_ID not in holdings.service_principal_ids


async def test_the_catalog_hears_of_what_is_leased(ready: Ready) -> None:
    """It follows the feed of requests over a real channel with its own token, to its end."""
    (member,) = people("Oskar Nyberg")
    await _fulfilled(ready, member, ready.access_entitlement_id)
    events = event_pb2_grpc.EventServiceStub(ready.operator.channel("requests"))
    feed = await ready.operator.call(events.ListEvents, event_pb2.ListEventsRequest(page_size=500))
    audit = audit_pb2_grpc.AuditServiceStub(ready.operator.channel("catalog"))

    async def followed() -> bool:
        records = await ready.operator.call(
            audit.ListAuditRecords,
            audit_pb2.ListAuditRecordsRequest(page_size=500, resource_id="requests"),
        )
        details = [json.loads(record.details_json) for record in records.audit_records]
        return bool(details) and details[-1]["position"] >= feed.last_position

    await eventually(followed, 10)


async def test_eight_creates_at_once_make_one_request(ready: Ready) -> None:
    """Seven callers learn the id of the one open access request."""
    (member,) = people("Luis Cardoso")
    guide = ready.guide(member)
    answers = await asyncio.gather(
        *(guide.ask(ready.access_entitlement_id, "Me first.") for _ in range(8)),
        return_exceptions=True,
    )
    made = [a for a in answers if isinstance(a, access_request_pb2.AccessRequest)]
    refused = [a for a in answers if isinstance(a, grpc.aio.AioRpcError)]
    assert (len(made), len(refused)) == (1, 7)
    for error in refused:
        assert error.code() is grpc.StatusCode.ALREADY_EXISTS
        info = error_info(error)
        assert (
            info.metadata.get("access_request_id") == made[0].access_request_id
            or info.metadata.get("lease_id") == made[0].lease_id
        )
    async for now in guide.watch_request(made[0].access_request_id):
        made[0] = now
    assert made[0].state == FULFILLED


async def test_eight_creates_with_one_key_get_one_answer(ready: Ready) -> None:
    """The same idempotency key is answered with the same access request each time."""
    (member,) = people("Hannah Lindqvist")
    guide = ready.guide(member)
    answers = await asyncio.gather(
        *(guide.ask(ready.access_entitlement_id, "Once, please.", "one-key") for _ in range(8))
    )
    assert len({answer.access_request_id for answer in answers}) == 1


async def test_the_app_catalog_shows_what_is_held_after_the_next_sync(ready: Ready) -> None:
    """What a lease brought is seen by a sync like anything else in Entra."""
    (member,) = people("Amara Okafor")
    await _fulfilled(ready, member, ready.access_entitlement_id)
    guide = ready.guide(member)
    connection = await guide.connect()
    sync = await guide.start_sync(connection.connection_id, "second-sync")
    async for now in guide.watch_sync(sync.sync_id):
        sync = now
    assert sync.problem == ""
    (app,) = await guide.app_catalog("atelier")
    held = {e.entitlement_id: e.held for e in app.entitlements}
    assert held == {ready.access_entitlement_id: True, ready.role_entitlement_id: False}
