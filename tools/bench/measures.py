"""What is measured of a house, figure by figure, each beside its floor."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from latchkey.connector.v1 import sync_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from tools.bench.asking import CREATE, asked, creation
from tools.bench.calls import REQUESTS, Read, answer_of
from tools.bench.drive import Drive, of
from tools.bench.figures import BenchError, Figure
from tools.bench.floors import ECHO, GRAPH
from tools.bench.stage import Stage, user_id
from tools.dev import cast
from tools.dev.cast import Member

_LOOKS, _LOOK_SECONDS = 240, 0.5


class Measures:
    """The figures of one house, in the order in which they were measured."""

    def __init__(self, stage: Stage, drive: Drive, readers: Sequence[Member]) -> None:
        """`readers` are those who look at lists."""
        self.figures: list[Figure] = []
        self._stage = stage
        self._drive = drive
        self.readers = readers
        self._delivered: list[Member] = []
        self._waiting: list[tuple[Member, pb.AccessRequest]] = []
        self._leases: list[tuple[Member, str]] = []

    def _note(self, figure: Figure, floor: str = "") -> Figure:
        figure = replace(figure, floor=floor)
        self.figures.append(figure)
        return figure

    async def warm(self, callers: int, count: int) -> None:
        """Has connections, caches and statements made, which is done once."""
        await self.deliver(callers, count)
        self.figures.clear()

    async def deliver(self, callers: int, count: int) -> Figure:
        """From the wish to `FULFILLED`, everything granted at once."""
        people = self._stage.newcomers(count)
        calls = [creation(self._stage, member, self._stage.access) for member in people]
        figure = await self._drive.each_once(
            "create to FULFILLED", "deliver", callers, of(calls), **self._at(CREATE)
        )
        self._delivered += people
        return self._note(figure, ECHO)

    async def create(self, callers: int, count: int) -> Figure:
        """The wish alone: a manager is found and asked, and nothing is delivered."""
        people = self._stage.newcomers(count)
        calls = [creation(self._stage, member, self._stage.role) for member in people]
        figure = await self._drive.each_once(
            "create alone", "unary", callers, of(calls), **self._at(CREATE)
        )
        for manager in {self._stage.manager(member).label: member for member in people}.values():
            await self._collect(self._stage.manager(manager))
        return self._note(figure, ECHO)

    async def _collect(self, manager: Member) -> None:
        """What waits for a manager."""
        request = pb.ListAccessRequestsRequest(page_size=500, approver_user_id=user_id(manager))
        answer = pb.ListAccessRequestsResponse.FromString(
            await answer_of(
                self._stage.house.address("requests"),
                f"{REQUESTS}/ListAccessRequests",
                self._stage.token(manager),
                request.SerializeToString(),
            )
        )
        known = {found.access_request_id for _, found in self._waiting}
        self._waiting += [
            (manager, each)
            for each in answer.access_requests
            if each.access_request_id not in known
        ]

    async def approve(self, callers: int, count: int) -> Figure:
        """A manager's yes alone. The connector has to be away, else it delivers beside."""
        some, self._waiting = self._waiting[:count], self._waiting[count:]
        if len(some) < count:
            raise BenchError("there is too little to approve")
        path = f"{REQUESTS}/ApproveAccessRequest"
        calls = [
            (
                self._stage.token(manager),
                pb.ApproveAccessRequestRequest(
                    access_request_id=seen.access_request_id,
                    etag=seen.etag,
                    reason="measured",
                    idempotency_key=str(uuid.uuid4()),
                ).SerializeToString(),
            )
            for manager, seen in some
        ]
        figure = await self._drive.each_once(
            "approve alone", "unary", callers, of(calls), **self._at(path)
        )
        return self._note(figure, ECHO)

    async def read(self, read: Read, callers: int, seconds: int) -> Figure:
        """A call that changes nothing, again and again."""
        figure = await self._drive.again(
            read.name,
            callers,
            self._stage.house.address(read.service),
            read.path,
            asked(self._stage, read, self.readers),
            seconds,
        )
        return self._note(figure, f"{ECHO} of {read.name}")

    async def end(self, callers: int, count: int) -> Figure:
        """From a person's word that they are done to the directory without their access."""
        if not self._leases:
            await self._collect_leases()
        some, self._leases = self._leases[:count], self._leases[count:]
        if len(some) < count:
            raise BenchError("there is too little to end")
        ended = {member.label for member, _ in some}
        self._delivered = [each for each in self._delivered if each.label not in ended]
        calls = [
            (
                self._stage.token(member),
                lease_pb2.RevokeLeaseRequest(
                    lease_id=lease_id, reason="measured", idempotency_key=str(uuid.uuid4())
                ).SerializeToString(),
            )
            for member, lease_id in some
        ]
        figure = await self._drive.each_once(
            "end of lease",
            "end",
            callers,
            of(calls),
            nats_url=self._stage.house.nats_url,
            **self._at("/latchkey.requests.v1.LeaseService/RevokeLease"),
        )
        return self._note(figure, GRAPH)

    async def all_delivered(self) -> None:
        """Waits until nothing is on its way into the directory any more.

        Raises:
            BenchError: something still is after a while.
        """
        for _ in range(_LOOKS):
            if not [lease async for lease in self._leases_in(lease_pb2.LEASE_STATE_GRANTED)]:
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise BenchError("what was approved is not delivered")

    async def _collect_leases(self) -> None:
        """Everything that is delivered, and who has it."""
        people = {user_id(member): member for member in self._stage.everybody}
        async for lease in self._leases_in(lease_pb2.LEASE_STATE_ACTIVE):
            if lease.subject.user_id in people:
                self._leases.append((people[lease.subject.user_id], lease.lease_id))

    async def _leases_in(
        self, state: lease_pb2.LeaseState.ValueType
    ) -> AsyncIterator[lease_pb2.Lease]:
        request = lease_pb2.ListLeasesRequest(page_size=500, state=state)
        while True:
            answer = lease_pb2.ListLeasesResponse.FromString(
                await answer_of(
                    self._stage.house.address("requests"),
                    "/latchkey.requests.v1.LeaseService/ListLeases",
                    self._stage.token(cast.OPERATOR),
                    request.SerializeToString(),
                )
            )
            for lease in answer.leases:
                yield lease
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    async def given_back(self, count: int) -> list[Member]:
        """People who were given access, and gave it back."""
        await self.deliver(1, count)
        people = self._delivered[-count:]
        await self.end(1, count)
        return people

    async def sync(self) -> list[Figure]:
        """A sync of everything, and one of what has changed, which is little."""
        found = []
        for name, kind in (
            ("full sync", sync_pb2.SYNC_KIND_FULL),
            ("incremental sync", sync_pb2.SYNC_KIND_INCREMENTAL),
        ):
            before = self._stage.processes.cpu_seconds()
            took = await self._stage.sync(f"bench-{name}", kind)
            after = self._stage.processes.cpu_seconds()
            spent = {process: after[process] - before[process] for process in after}
            figure = Figure(name, 1, "tools.bench", took, {"succeeded": [took]}, spent)
            found.append(self._note(figure))
        return found

    async def check_delivered(self) -> int:
        """Compares the directory with what was promised; answers for how many people it is so.

        Raises:
            BenchError: somebody has not what they were told that they have.
        """
        state = await self._stage.entra.state()
        assigned = {
            each["principalId"]
            for each in state["appRoleAssignments"]
            if each["resourceId"] == cast.SERVICE_PRINCIPAL_ID
        }
        viewers = next(g for g in state["groups"] if g["id"] == cast.VIEWERS_GROUP_ID)
        members = {m["id"] if isinstance(m, dict) else m for m in viewers["members"]}
        people = self._delivered
        missing = [m.name for m in people if m.entra_object_id not in assigned & members]
        if missing:
            raise BenchError(f"{len(missing)} have no access in the directory, {missing[0]} first")
        return len(people)

    def _at(self, path: str) -> dict[str, str]:
        return {"address": self._stage.house.address("requests"), "path": path}
