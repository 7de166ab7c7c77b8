"""What is gone from the catalog takes access requests and leases with it."""

import pytest
from google.protobuf.message import Message

from latchkey.catalog.v1 import events_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.ids import new_id
from tests.fakes.requests_peers import APP, EDITOR, VIEWER
from tests.integration.requests_service.house import House, Person
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database

ENDING = lease_pb2.LEASE_STATE_ENDING


async def _says(house: House, message: Message) -> None:
    """The catalog publishes, whether it is true or not."""
    await house.connector.publish(message, "x")


async def _active(house: House, who: Person, entitlement_id: str = EDITOR) -> pb.AccessRequest:
    made = await who.create(entitlement_id)
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    return await who.reaches(made.access_request_id, "FULFILLED")


async def test_the_catalogs_word_is_looked_up_and_then_done(house: House) -> None:
    """Forged events change nothing; true ones end leases, active or on their way, and cancel what
    is not decided; a second copy finds nothing left."""
    ada, ben = house.person("Ada"), house.person("Ben")
    active = await _active(house, ada)
    on_its_way = await ada.create(VIEWER)
    bens = await _active(house, ben)
    cleo = house.person("Cleo")
    house.policy.steps = []
    undecided = await cleo.create()

    ada_id, cleo_id = active.subject.user_id, undecided.subject.user_id
    deactivated = events_pb2.UserDeactivated(user_id=ada_id)
    # None of these is true.
    for message in (
        deactivated,
        events_pb2.AppUnmanaged(app_id=APP, end_access=True),
        events_pb2.AppRemoved(app_id=APP),
        events_pb2.EntitlementRemoved(app_id=APP, entitlement_id=EDITOR),
        events_pb2.UserDeactivated(user_id="nobody"),
        events_pb2.AppRemoved(app_id=new_id("app")),
    ):
        await _says(house, message)
    house.catalog.disabled |= {cleo_id}
    await _says(house, events_pb2.UserDeactivated(user_id=cleo_id))
    cancelled = await cleo.reaches(undecided.access_request_id, "CANCELLED")
    assert cancelled.timeline[-1].cancelled.reason == "The person is disabled in the directory."
    assert cancelled.timeline[-1].actor.service == "requests"
    assert (await ada.lease(active.lease_id)).state == lease_pb2.LEASE_STATE_ACTIVE

    house.catalog.strangers |= {ada_id}
    event_id = await house.connector.publish(deactivated, ada_id)
    ended = await ada.lease_reaches(active.lease_id, "ENDING")
    assert ended.end_cause == lease_pb2.LEASE_END_CAUSE_REVOKED
    assert ended.end_reason == "The person is not in the directory."
    await ada.lease_reaches(on_its_way.lease_id, "ENDING")
    await ada.reaches(on_its_way.access_request_id, "CANCELLED")
    await house.connector.publish(deactivated, ada_id, event_id=event_id)

    house.catalog.removed[EDITOR] = "The role Editor is no longer in Entra."
    await _says(house, events_pb2.EntitlementRemoved(app_id=APP, entitlement_id=EDITOR))
    ended = await ben.lease_reaches(bens.lease_id, "ENDING")
    assert ended.end_reason == "The role Editor is no longer in Entra."
    for lease_id in (active.lease_id, on_its_way.lease_id, bens.lease_id):
        assert (await house.actions(lease_id)).count("lease.revoked") == 1
    assert (await house.event_types()).count("LeaseEnded") == 3


async def test_no_word_is_needed(house: House) -> None:
    """What was never said, or could not be looked up, is found by the rounds: the first one is
    made at start."""
    ada = house.person("Ada")
    active = await _active(house, ada)
    house.catalog.names.pop(EDITOR)
    await house.start()
    ended = await ada.lease_reaches(active.lease_id, "ENDING")
    assert ended.end_reason == "The app no longer offers it."


async def test_a_word_waits_for_the_catalog(house: House) -> None:
    """An event that comes while the catalog is away has its effect once it is back."""
    ada = house.person("Ada")
    active = await _active(house, ada)
    await house.catalog.stop()
    house.catalog.names.pop(EDITOR)
    await _says(house, events_pb2.AppUnmanaged(app_id=APP, end_access=True))
    await house.catalog.start()

    async def over() -> bool:
        return (await ada.lease(active.lease_id)).state == ENDING

    await eventually(over, 20)
