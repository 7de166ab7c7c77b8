"""When policy, the catalog, the connector or NATS do not answer, or answer nonsense."""

from collections.abc import Awaitable, Callable

import grpc
import pytest

from latchkey.connector.v1 import events_pb2
from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.errors import NotFound, WrongState
from libs.domain.ids import new_id
from tests.fakes.requests_peers import EDITOR
from tests.integration.requests_service.house import House, refused
from tests.support.eventually import eventually
from tests.support.nats import NatsServer

pytestmark = pytest.mark.either_database


async def test_without_policy_a_wish_waits_and_is_decided_later(house: House) -> None:
    """EVALUATING while policy is away; decided by the same access request once it is back."""
    await house.policy.stop()
    ada = house.person("Ada")
    made = await ada.create()
    assert made.state == pb.ACCESS_REQUEST_STATE_EVALUATING
    assert not made.HasField("plan")
    assert made.timeline[-1].policy_unavailable.problem == "The policy service does not answer."
    refusal = await refused(ada.create())
    assert refusal.facts == {"access_request_id": made.access_request_id}

    await house.policy.start()
    approved = await ada.reaches(made.access_request_id, "APPROVED")
    assert approved.lease_id
    house.connector.delivered(approved.lease_id)
    await house.connector.say_provisioned(approved.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")
    assert await house.actions() == [
        "access_request.created",
        "access_request.approved",
        "access_request.fulfilled",
    ]


async def test_whatever_policy_can_not_do_is_no_approval(house: House) -> None:
    """A failed evaluation, a missing policy, an empty and an unknown plan all stay EVALUATING."""
    people = iter(("Ada", "Ben", "Cleo", "Dan"))

    async def problem() -> str:
        made = await house.person(next(people)).create()
        assert made.state == pb.ACCESS_REQUEST_STATE_EVALUATING
        assert not made.lease_id
        text: str = made.timeline[-1].policy_unavailable.problem
        return text

    house.policy.refusal = WrongState("EVALUATION_FAILED", "rule 2: no such attribute")
    assert await problem() == "EVALUATION_FAILED: rule 2: no such attribute"
    house.policy.refusal = NotFound("POLICY_NOT_FOUND", "There is no policy.")
    assert await problem() == "POLICY_NOT_FOUND: There is no policy."
    house.policy.refusal = None
    house.policy.steps = []
    assert await problem() == "the plan has no steps"
    # What is not understood is not passed over, though an approval follows it.
    house.policy.steps = [
        policy_pb2.Step(),
        policy_pb2.Step(accept=policy_pb2.Step.Accept()),
    ]
    assert await problem() == "step 0 of the plan is of an unknown kind"


async def test_what_may_no_longer_be_asked_for_is_denied_without_policy(house: House) -> None:
    """An undecided wish for an entitlement that is gone by then is DENIED, and says why."""
    await house.policy.stop()
    ada = house.person("Ada")
    made = await ada.create()
    house.catalog.names = {}
    denied = await ada.reaches(made.access_request_id, "DENIED")
    assert denied.timeline[-1].denied.message == f"There is no entitlement {EDITOR}."
    assert denied.timeline[-1].actor.service == "requests"


async def test_without_the_catalog_nothing_is_made(house: House) -> None:
    """UNAVAILABLE names the catalog; nothing is half done, and later it works."""
    await house.catalog.stop()
    ada = house.person("Ada")
    refusal = await refused(ada.create(idempotency_key="k"))
    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.reason == "DEPENDENCY_UNAVAILABLE"
    assert refusal.facts == {"dependency": "the catalog service"}
    assert await house.actions() == []
    await house.catalog.start()

    async def again() -> bool:
        try:
            return bool(await ada.create(idempotency_key="k"))
        except grpc.aio.AioRpcError as error:
            raise AssertionError(error.details()) from error

    assert await eventually(again)


async def test_a_delivery_whose_event_was_lost_is_found(sweeping: House) -> None:
    """The connector has delivered and no event says so: the lease is looked up, and settled."""
    ada = sweeping.person("Ada")
    made = await ada.create()
    sweeping.connector.delivered(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")
    await ada.revoke(made.lease_id)
    sweeping.connector.removed(made.lease_id)
    await ada.lease_reaches(made.lease_id, "ENDED")
    assert "lease.event_repeated" not in await sweeping.actions()


async def test_what_the_connector_has_not_heard_is_said_again(sweeping: House) -> None:
    """LeaseGranted is repeated for a lease that the connector does not know, and LeaseEnded too."""
    ada = sweeping.person("Ada")
    made = await ada.create()

    async def said(name: str) -> bool:
        return (await sweeping.event_types()).count(name) > 1

    await eventually(lambda: said("LeaseGranted"))
    sweeping.connector.delivered(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")
    await ada.revoke(made.lease_id)
    await eventually(lambda: said("LeaseEnded"))
    sweeping.connector.removed(made.lease_id)
    await ada.lease_reaches(made.lease_id, "ENDED")
    actions = await sweeping.actions(made.lease_id)
    assert actions.count("lease.event_repeated") >= 2


async def test_a_lease_under_way_is_not_said_again(sweeping: House) -> None:
    """While the connector is at it, however long, nothing is repeated and nothing is written."""
    ada = sweeping.person("Ada")
    made = await ada.create()
    sweeping.connector.pending(made.lease_id)
    await eventually(lambda: sweeping.connector.calls >= 2)
    assert await sweeping.actions() == ["access_request.created"]


async def test_without_the_connector_nothing_is_said_again(sweeping: House) -> None:
    """While the connector is away nothing piles up; once it is back the lease is settled."""
    await sweeping.connector.stop()
    ada = sweeping.person("Ada")
    made = await ada.create()
    refusal = await refused(ada.create())
    assert refusal.reason == "ACCESS_REQUEST_OPEN"
    sweeping.connector.delivered(made.lease_id)
    await sweeping.connector.start()
    await ada.reaches(made.access_request_id, "FULFILLED")
    assert await sweeping.actions() == ["access_request.created", "access_request.fulfilled"]


async def test_a_forged_event_changes_nothing(house: House) -> None:
    """AccessProvisioned that the connector does not stand by leaves the lease where it is."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.pending(made.lease_id)
    connector = house.connector

    async def heard(say: Callable[[str], Awaitable[None]]) -> None:
        before = connector.calls
        await say(made.lease_id)
        await eventually(lambda: connector.calls > before)

    # One after the other: what comes at once is asked about at once.
    await heard(connector.say_provisioned)
    await heard(connector.say_failed)
    await heard(connector.say_deprovisioned)
    await connector.say_provisioned(new_id("lea"))
    assert (await ada.get(made.access_request_id)) == made
    # And a later true one is heard.
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")


async def test_doubled_and_reordered_events_have_one_effect(house: House) -> None:
    """The end before the beginning, twice each: every change happens once, in order."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.delivered(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    message = events_pb2.AccessProvisioned(lease_id=made.lease_id, round=1)
    event_id = await house.connector.publish(message, made.lease_id)
    await house.connector.publish(message, made.lease_id, event_id=event_id)
    await house.connector.publish(message, made.lease_id)
    done = await ada.reaches(made.access_request_id, "FULFILLED")
    await ada.revoke(made.lease_id)
    house.connector.removed(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    ended = await ada.lease_reaches(made.lease_id, "ENDED")
    assert ended.start_time == (await ada.lease(made.lease_id)).start_time
    assert (await ada.get(made.access_request_id)).timeline[: len(done.timeline)] == done.timeline
    assert await house.actions() == [
        "access_request.created",
        "access_request.fulfilled",
        "lease.revoked",
        "lease.ended",
    ]


async def test_an_event_that_is_nonsense_stops_nobody(house: House) -> None:
    """An event that names no lease is put aside, and the next one is heard."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.delivered(made.lease_id)
    for lease_id in ("", "req_0", "lea_' or 1=1", "lea_" + "x" * 300):
        await house.connector.publish(events_pb2.AccessProvisioned(lease_id=lease_id), "x")
    await house.connector.say_provisioned(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")


async def test_without_nats_everything_goes_on(sweeping: House, nats_server: NatsServer) -> None:
    """Asking, looking up and revoking need no NATS; what was to be said goes out afterwards."""
    nats_server.kill()
    ada = sweeping.person("Ada")
    made = await ada.create()
    sweeping.connector.delivered(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")
    ending = await ada.revoke(made.lease_id)
    assert ending.state == lease_pb2.LEASE_STATE_ENDING
    nats_server.start()

    async def all_out() -> bool:
        events = await sweeping.events()
        return len(events) >= 5 and all(event.published for event in events)

    assert await eventually(all_out, timeout=20)


async def test_what_was_under_way_goes_on_after_a_restart(sweeping: House) -> None:
    """A wish and a lease that were under way when the service stopped end as they should."""
    await sweeping.policy.stop()
    ada = sweeping.person("Ada")
    undecided = await ada.create()
    await sweeping.stop()
    await sweeping.policy.start()
    _, port = await sweeping.start()
    async with sweeping.channel(port) as channel:
        ada = sweeping.person("Ada", channel=channel)
        approved = await ada.reaches(undecided.access_request_id, "APPROVED")
        sweeping.connector.delivered(approved.lease_id)
        await ada.reaches(undecided.access_request_id, "FULFILLED")
