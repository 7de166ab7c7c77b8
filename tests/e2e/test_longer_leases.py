"""A lease that lasts longer, in a whole house: Entra hears nothing of it until the new end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.db.engine import Database
from services.requests.store.tables import leases
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.databases import database_urls
from tools.dev.decisions import MANAGER_APPROVAL, Decider, Rulebook

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOUR = timedelta(hours=1)


async def _manager(ready: Ready, made: pb.AccessRequest) -> Decider:
    """The manager whom it waits for."""
    (manager,) = made.current_step.approvers
    (boss,) = people(manager.display_name)
    return Decider(ready.client(boss))


async def _leased(ready: Ready, member: Member) -> lease_pb2.Lease:
    """Access for an hour, approved by the manager and in Entra."""
    guide = ready.guide(member)
    made = await guide.ask(ready.role_entitlement_id, "I edit the brochure.")
    boss = await _manager(ready, made)
    request = await boss.approve(await boss.get(made.access_request_id), "Yes.", HOUR)
    async for now in guide.watch_request(request.access_request_id):
        request = now
    assert request.state == pb.ACCESS_REQUEST_STATE_FULFILLED
    assert await _is_editor(ready, member)
    return await guide.lease(request.lease_id)


async def _is_editor(ready: Ready, member: Member) -> bool:
    holdings = await ready.entra.holds(member.entra_object_id)
    return cast.EDITORS_GROUP_ID in holdings.group_ids


async def _end_at(ready: Ready, lease_ids: Sequence[str], time: datetime) -> None:
    """Moves the ends of leases, since none that is asked for is shorter than a minute."""
    urls = await database_urls(("requests",), ready.house.folder, None)
    database = Database.open(urls["requests"])
    change = update(leases).where(leases.c.lease_id.in_(lease_ids)).values(end_time=time)
    await database.write(lambda connection: connection.execute(change) and None)
    await database.close()


async def _gone_at(ready: Ready, member: Member) -> datetime:
    """When Entra accepted what took everything out, once it has."""

    async def gone() -> bool:
        return not await _is_editor(ready, member)

    await eventually(gone, 20, every=0.1)
    writes = await ready.entra.writes(member.entra_object_id)
    return datetime.fromisoformat(writes[-1]["time"]).astimezone(UTC)


async def test_only_the_end_that_holds_reaches_entra(ready: Ready) -> None:
    """Of two leases with one end the manager extends one and not the other: at that end, within two
    seconds, the one is out of Entra and the other is not, which nothing was written for; and at its
    new end it is out too."""
    await Rulebook(ready.operator).use(ready.role_entitlement_id, MANAGER_APPROVAL)
    longer, same = people("Callum Fraser", "Oskar Nyberg")
    held = [await _leased(ready, each) for each in (longer, same)]
    wishes = [
        await Decider(ready.client(member)).extend(lease.lease_id, "Not done yet.", HOUR)
        for member, lease in zip((longer, same), held, strict=True)
    ]
    before = [await ready.entra.writes(each.entra_object_id) for each in (longer, same)]
    first = datetime.now(UTC) + timedelta(seconds=5)
    await _end_at(ready, [lease.lease_id for lease in held], first)

    boss = await _manager(ready, wishes[0])
    done = await boss.approve(await boss.get(wishes[0].access_request_id), "Go on.")
    assert (done.state, done.lease_id) == (pb.ACCESS_REQUEST_STATE_FULFILLED, held[0].lease_id)
    boss = await _manager(ready, wishes[1])
    denied = await boss.deny(await boss.get(wishes[1].access_request_id), "That will do.")
    assert denied.state == pb.ACCESS_REQUEST_STATE_DENIED
    now = await ready.guide(longer).lease(held[0].lease_id)
    assert now.end_time.ToDatetime(UTC) == first + HOUR
    assert now.round == 1

    gone = await _gone_at(ready, same)
    assert first <= gone <= first + timedelta(seconds=2)
    assert await _is_editor(ready, longer)
    assert await ready.entra.writes(longer.entra_object_id) == before[0]
    assert now == await ready.guide(longer).lease(held[0].lease_id)

    second = datetime.now(UTC) + timedelta(seconds=1)
    await _end_at(ready, [held[0].lease_id], second)
    gone = await _gone_at(ready, longer)
    assert second <= gone <= second + timedelta(seconds=2)

    async def ended() -> bool:
        states = [
            (await ready.guide(member).lease(lease.lease_id)).state
            for member, lease in zip((longer, same), held, strict=True)
        ]
        return states == [lease_pb2.LEASE_STATE_ENDED] * 2

    await eventually(ended, 20, every=0.1)
    for member, was in zip((longer, same), before, strict=True):
        changes = [
            (change["kind"], change["action"])
            for write in await ready.entra.writes(member.entra_object_id)
            for change in write["changes"]
        ]
        assert len(was) == len(changes) // 2
        assert [action for _, action in changes] == ["added"] * len(was) + ["removed"] * len(was)
