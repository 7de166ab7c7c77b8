"""What people may do by what they are to an access request and its lease: tables, tried cell by
cell.

ok   it is done, or shown
-    as for an id that nobody has
no   CALLER_NOT_ALLOWED: they may see it, and not this
self SELF_DECISION
not  NOT_AN_APPROVER
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK, POLICY_ADMIN
from libs.rpc import errors
from tests.integration.requests_service.deciders import (
    approve,
    asks,
    comment,
    delegate,
    deny,
    named,
    reassign,
    restart,
    uid,
)
from tests.integration.requests_service.house import House, Person

_WAITING = """
              requester subject approver delegate manager owner helpdesk admin auditor others
Get           ok        ok      ok       ok       -       -     -        ok    ok      -
Watch         ok        ok      ok       ok       -       -     -        ok    ok      -
Approve       self      self    ok       ok       -       -     -        not   not     -
Deny          self      self    ok       ok       -       -     -        not   not     -
Reassign      self      self    ok       ok       -       -     -        ok    not     -
Comment       ok        ok      ok       ok       -       -     -        ok    no      -
Restart       ok        no      no       no       -       -     -        ok    no      -
Cancel        ok        no      no       no       -       -     -        ok    no      -
"""
_LEASED = """
              requester subject approver delegate manager owner helpdesk admin auditor others
Get           -         ok      -        -        ok      ok    ok       ok    ok      -
Extend        -         ok      -        -        ok      no    ok       ok    no      -
Revoke        -         ok      -        -        ok      ok    ok       ok    no      -
"""
_ROLES = {
    "helpdesk": [HELPDESK],
    "admin": [ADMIN],
    "auditor": [AUDITOR],
    "others": [CONNECTOR_ADMIN, POLICY_ADMIN],
}
_REASONS = {
    "ACCESS_REQUEST_NOT_FOUND": "-",
    "LEASE_NOT_FOUND": "-",
    "CALLER_NOT_ALLOWED": "no",
    "ON_BEHALF_NOT_ALLOWED": "no",
    "SELF_DECISION": "self",
    "NOT_AN_APPROVER": "not",
}


def _cells(table: str) -> list[tuple[str, str, str]]:
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return [
        (method, relation, expected)
        for method, *row in rows
        for relation, expected in zip(head, row, strict=True)
    ]


async def _outcome(call: Awaitable[Any]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        reason = errors.error_info(error).reason
        return _REASONS.get(reason, reason)
    return "ok"


class Town:
    """People by what they are to access requests, each of which is for somebody else."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._helping = house.person("requester", [HELPDESK])
        self.subject = ""

    async def ask(self) -> pb.AccessRequest:
        """An access request by one who no longer has the role to make it, for somebody new."""
        self.subject = f"subject {len(self._house.catalog.line)}"
        self._house.catalog.line[uid(self.subject)] = [uid("manager")]
        return await self._helping.create(subject_user_id=uid(self.subject))

    async def lease(self) -> lease_pb2.Lease:
        """A lease that came of one, in Entra."""
        made = await self.ask()
        self._house.connector.delivered(made.lease_id)
        await self._house.connector.say_provisioned(made.lease_id)
        subject = self._house.person(self.subject)
        return await subject.lease_reaches(made.lease_id, "ACTIVE")

    def person(self, relation: str) -> Person:
        """Who stands so to the last one."""
        if relation == "subject":
            return self._house.person(self.subject)
        return self._house.person(relation, _ROLES.get(relation, []))


async def _watch(who: Person, found: pb.AccessRequest) -> None:
    stream = who.watch(found.access_request_id)
    try:
        await anext(aiter(stream))
    finally:
        stream.cancel()


async def _cancel(who: Person, found: pb.AccessRequest) -> None:
    request = pb.CancelAccessRequestRequest(access_request_id=found.access_request_id)
    await who.call(who.access_requests.CancelAccessRequest, request)


_OF_REQUESTS: dict[str, Callable[[Person, pb.AccessRequest], Awaitable[Any]]] = {
    "Get": lambda who, found: who.get(found.access_request_id),
    "Watch": _watch,
    "Approve": approve,
    "Deny": deny,
    "Reassign": lambda who, found: reassign(who, found, "someone"),
    "Comment": comment,
    "Restart": restart,
    "Cancel": _cancel,
}
_OF_LEASES: dict[str, Callable[[Person, lease_pb2.Lease], Awaitable[Any]]] = {
    "Get": lambda who, found: who.lease(found.lease_id),
    "Extend": lambda who, found: who.extend(found.lease_id),
    "Revoke": lambda who, found: who.revoke(found.lease_id),
}


async def test_what_waits_to_be_decided(house: House) -> None:
    """Whoever has no part in it can't tell that it is there, whatever role they have but the two
    that see all."""
    town = Town(house)
    house.policy.steps = [asks(named("approver"))]
    house.catalog.owners = [uid("owner")]
    await delegate(house, "approver", "delegate")
    found = []
    for method, relation, _ in _cells(_WAITING):
        made = await town.ask()
        outcome = await _outcome(_OF_REQUESTS[method](town.person(relation), made))
        found.append((method, relation, outcome))
    assert found == _cells(_WAITING)


async def test_what_is_leased(house: House) -> None:
    """Who has it, and who answers for it or for them; of others none but the two roles and the
    helpdesk."""
    town = Town(house)
    house.catalog.owners = [uid("owner")]
    found = []
    for method, relation, _ in _cells(_LEASED):
        lease = await town.lease()
        outcome = await _outcome(_OF_LEASES[method](town.person(relation), lease))
        found.append((method, relation, outcome))
    assert found == _cells(_LEASED)
