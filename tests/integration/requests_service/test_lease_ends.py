"""The ends of leases: reminded of, late, overdue after a pause, and brought about by others."""

from datetime import UTC, datetime, timedelta

import grpc

from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK
from libs.domain.ids import new_id
from tests.integration.requests_service.deciders import told, uid
from tests.integration.requests_service.house import House, refused
from tests.support.eventually import eventually

_ENDING = lease_pb2.LEASE_STATE_ENDING
_SLACK = timedelta(seconds=20)


async def test_near_ends_and_late_ones_are_told_of_once(house: House) -> None:
    """By the service's own rounds: the subject of a lease that ends soon is reminded, a lease that
    is in Entra five minutes after its end is told of and listed until it is out. Neither of who
    gave back, nor of a short lease, nor of one that ended just now."""
    ada, ben, cleo, dora = (house.person(name) for name in ("Ada", "Ben", "Cleo", "Dora"))
    near, late, short, back = [
        await house.leased(who, seconds)
        for who, seconds in ((ada, 7200), (ben, 7200), (cleo, 3599), (dora, 7200))
    ]
    assert near.end_time.seconds - near.remind_time.seconds == 15 * 60
    assert not short.HasField("remind_time")
    assert not (await dora.revoke(back.lease_id)).HasField("remind_time")
    now = datetime.now(UTC)
    await house.shape(near.lease_id, remind_time=now)
    await ben.revoke(late.lease_id)
    await house.shape(late.lease_id, end_time=now - timedelta(minutes=5))
    await house.shape(back.lease_id, end_time=now - timedelta(minutes=4))
    # The first round of another replica is at once.
    await house.start()

    async def both_told() -> bool:
        types = await house.event_types()
        return "LeaseEndNear" in types and "LeaseEndLate" in types

    await eventually(both_told, 15)
    root = house.person("Root", [ADMIN])
    alarmed = await ben.lease(late.lease_id)
    assert (alarmed.state, alarmed.HasField("alarm_time")) == (_ENDING, True)
    reminded = await ada.lease(near.lease_id)
    assert (reminded.state, reminded.HasField("remind_time")) == (near.state, False)
    assert await root.alarmed() == await ben.alarmed() == [late.lease_id]
    assert await house.person("Aud", [AUDITOR]).alarmed() == [late.lease_id]
    assert await ada.alarmed() == []

    # Longer again, so that there is a reminder again.
    await ada.extend(near.lease_id)
    again = await ada.lease(near.lease_id)
    assert again.HasField("remind_time")
    await house.shape(near.lease_id, remind_time=now)

    async def reminded_again() -> bool:
        return (await house.event_types()).count("LeaseEndNear") == 2

    await eventually(reminded_again, 15)
    first, second = await told(house, events_pb2.LeaseEndNear)
    assert (first.lease_id, first.subject_user_id) == (near.lease_id, uid("Ada"))
    assert (first.end_time, second.end_time) == (near.end_time, again.end_time)
    assert first.entitlement_id == near.entitlement_id
    (alarm,) = await told(house, events_pb2.LeaseEndLate)
    assert (alarm.lease_id, alarm.subject_user_id) == (late.lease_id, uid("Ben"))
    assert alarm.end_time == alarmed.end_time
    assert (await house.actions(late.lease_id))[-1] == "lease.end_late"
    actions = await house.actions(near.lease_id)
    assert actions == ["lease.reminded", "lease.extended", "lease.reminded"]

    house.connector.removed(late.lease_id)
    await house.connector.say_deprovisioned(late.lease_id)
    ended = await ben.lease_reaches(late.lease_id, "ENDED")
    assert not ended.HasField("alarm_time")
    assert await root.alarmed() == []


async def test_what_was_to_end_while_the_service_was_down(house: House) -> None:
    """It ends when the service is back, the longest overdue first, and says how late it is; the
    catalog, policy and the connector are not needed."""
    people = [house.person(f"Person {number}") for number in range(20)]
    leases = [await house.leased(who) for who in people]
    await house.stop()
    for fake in (house.catalog, house.policy, house.connector):
        await fake.stop()
    now = datetime.now(UTC)
    late = [timedelta(minutes=1 + 7 * number % 20) for number in range(20)]
    for lease, by in zip(leases, late, strict=True):
        await house.shape(lease.lease_id, end_time=now - by)
    _, port = await house.start()
    for fake in (house.catalog, house.policy, house.connector):
        await fake.start()
    async with house.channel(port) as channel:
        house.use(channel)

        async def all_ended() -> bool:
            return (await house.event_types()).count("LeaseEnded") == 20

        await eventually(all_ended, 20)
        events = await told(house, events_pb2.LeaseEnded)
        overdue = [event.overdue_duration.ToTimedelta() for event in events]
        by_id = dict(zip((lease.lease_id for lease in leases), late, strict=True))
        for event, by in zip(events, overdue, strict=True):
            assert by_id[event.lease_id] <= by <= by_id[event.lease_id] + _SLACK
        # Sixteen at a time.
        assert {event.lease_id for event in events[:16]} == set(
            sorted(by_id, key=by_id.__getitem__, reverse=True)[:16]
        )
        found = await house.person("Person 0").lease(leases[0].lease_id)
        assert (found.state, found.end_cause) == (_ENDING, lease_pb2.LEASE_END_CAUSE_EXPIRED)


async def test_an_end_in_time_does_not_say_that_it_is_late(house: House) -> None:
    """`overdue_duration` is not set."""
    ada = house.person("Ada")
    lease = await house.leased(ada)
    await house.shape(lease.lease_id, end_time=datetime.now(UTC))
    await ada.lease_reaches(lease.lease_id, "ENDING")
    (event,) = await told(house, events_pb2.LeaseEnded)
    assert not event.HasField("overdue_duration")


async def test_who_answers_for_it_ends_a_lease(house: House) -> None:
    """The subject's manager, the app's owners, the helpdesk and administrators; twice is once."""
    house.catalog.owners = [uid("Olga")]
    for name, roles in (("Ben", []), ("Olga", []), ("Hana", [HELPDESK]), ("Root", [ADMIN])):
        subject, person = house.person(f"{name}'s"), house.person(name, roles)
        house.catalog.line[uid(f"{name}'s")] = [uid("Ben"), uid("Boss")]
        lease = await house.leased(subject)
        ended = await person.revoke(lease.lease_id, etag=lease.etag)
        assert (ended.state, ended.end_cause) == (_ENDING, lease_pb2.LEASE_END_CAUSE_REVOKED)
        assert await person.revoke(lease.lease_id) == ended == await subject.lease(lease.lease_id)
        assert await house.actions(lease.lease_id) == ["lease.revoked"]


async def test_who_may_not_end_a_lease_learns_nothing(house: House) -> None:
    """To everybody else it is as unknown as one that there never was; who may see it is told who
    may. Without the catalog managers and owners wait, and nobody else does."""
    house.catalog.line[uid("Ada")] = [uid("Ben"), uid("Boss")]
    ada, unknown = house.person("Ada"), new_id("lea")
    lease = await house.leased(ada)
    for name in ("Eve", "Boss"):
        for lease_id in (lease.lease_id, unknown):
            refusal = await refused(house.person(name).revoke(lease_id))
            assert refusal.code is grpc.StatusCode.NOT_FOUND
            assert (refusal.reason, refusal.facts) == ("LEASE_NOT_FOUND", {"lease_id": lease_id})
            assert refusal.message == f"There is no lease {lease_id}."
    refusal = await refused(house.person("Aud", [AUDITOR]).revoke(lease.lease_id))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "CALLER_NOT_ALLOWED",
    )
    await house.catalog.stop()
    refusal = await refused(house.person("Ben").revoke(lease.lease_id))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
    )
    assert await ada.lease(lease.lease_id) == lease
    assert (await ada.revoke(lease.lease_id)).state == _ENDING
    await house.catalog.start()
