"""What the soaks of leases share: an app whose role is a group, many who ask, what Entra wrote."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from latchkey.connector.v1 import sync_pb2
from tests.soak.house import Measured
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.guide import Guide

CALLERS = 16
WRITES_PER_SECOND = 20


class Write:
    """One write that Entra accepted."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.time = datetime.fromisoformat(entry["time"]).timestamp()
        self.kinds = {(change["kind"], change["action"]) for change in entry["changes"]}
        self.changes = len(entry["changes"])


async def ready(house: Measured) -> tuple[str, str]:
    """Access is an assignment alone, the role a membership alone."""
    await house.sync("first", sync_pb2.SYNC_KIND_FULL)
    guide = Guide(house.operator, house.operator)
    apps = await guide.unmanaged_apps()
    app = next(a for a in apps if a.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID)
    managed = await guide.manage(app.app_id)
    groups = await guide.linked_groups(app.app_id)
    editors = [g for g in groups if g.entra_group_id == cast.EDITORS_GROUP_ID]
    choices = guide.choices(groups, managed.access_entitlement_id)
    linked = await guide.link(
        app.app_id,
        [c for c in choices if c.directory_entitlement_id == editors[0].directory_entitlement_id],
    )
    await guide.apply_rules(await guide.rules_for_everyone(app.app_id))
    return managed.access_entitlement_id, linked.entitlements[0].entitlement_id


async def ask_all(house: Measured, wishes: Sequence[tuple[Member, str]]) -> dict[str, str]:
    """Asks for everybody, a few at a time; the leases by the people's labels."""
    waiting = list(reversed(wishes))
    leases: dict[str, str] = {}

    async def caller() -> None:
        while waiting:
            member, entitlement_id = waiting.pop()
            guide = Guide(house.operator, house.client(member))
            request = await guide.ask(entitlement_id, "measured", f"soak-{member.label}")
            leases[member.label] = request.lease_id
            await house.clients.pop(house.clients.index(guide.requester)).__aexit__()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    assert all(leases.values()), "each is approved at once"
    return leases


async def changes(house: Measured, since: int, action: str) -> int:
    entries = (await house.control("GET", f"/journal?since={since}"))["entries"]
    return sum(change["action"] == action for entry in entries for change in entry["changes"])


def most_within(seconds: float, writes: Sequence[Write]) -> int:
    """The most writes in any stretch of so many seconds."""
    times = [write.time for write in writes]
    most = first = 0
    for number, at in enumerate(times):
        while at - times[first] > seconds:
            first += 1
        most = max(most, number - first + 1)
    return most


def early(quotas: dict[str, Any]) -> int:
    return int(quotas["earlyCalls"]["count"])
