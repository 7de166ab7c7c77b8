"""The services that the connector calls, as real gRPC servers of a test's own."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_status import rpc_status

from latchkey.catalog.v1 import (
    directory_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    resolution_pb2,
    resolution_pb2_grpc,
    target_pb2,
)
from latchkey.requests.v1 import access_request_pb2, lease_pb2, lease_pb2_grpc
from libs.domain.errors import LatchkeyError, NotFound, WrongState
from libs.domain.ids import (
    app_role_entitlement_id,
    derived_id,
    membership_entitlement_id,
    new_id,
    user_id,
)
from libs.rpc.errors import to_status

Context = grpc.aio.ServicerContext[Any, Any]


class PeerServer:
    """A server that can stop, and start again on its port."""

    domain = ""

    def __init__(self) -> None:
        self.port = 0
        self._server: Any = None

    @property
    def address(self) -> str:
        """Where it listens, also while it does not."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begins to answer."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self.register(self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Stops answering, in the middle of whatever is asked."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def register(self, server: grpc.aio.Server) -> None:
        """Adds its servicers to a server."""
        raise AssertionError("each fake registers itself")

    def check_caller(self, context: Context) -> None:
        """The connector brings its own token with every call."""
        metadata = dict(context.invocation_metadata() or ())
        assert str(metadata["authorization"]).startswith("Bearer ")

    async def refuse(self, context: Context, error: LatchkeyError) -> None:
        """Answers with an error."""
        await context.abort_with_status(rpc_status.to_status(to_status(error, self.domain)))


@dataclass
class IngestedSync:
    """What the catalog has of one sync."""

    pages: list[ingest_pb2.IngestRequest] = field(default_factory=list)
    completed: bool = False
    again: int = 0

    def objects(self, name: str) -> list[Any]:
        """Everything of one field of `DirectoryPage`, in the order it came."""
        return [found for page in self.pages for found in getattr(page.page, name)]


class FakeCatalog(
    PeerServer, ingest_pb2_grpc.IngestServiceServicer, resolution_pb2_grpc.ResolutionServiceServicer
):
    """Keeps what syncs bring, and confirms the targets that a test listed.

    `stop_after` pages of a sync it stops answering, and what it `holds` has to be confirmed before
    a sync ends. `listed` holds the targets of each entitlement, `held` pairs of person and
    directory entitlement. `gone` are people who are not in the directory any more.
    """

    domain = "latchkey.catalog"

    def __init__(self) -> None:
        super().__init__()
        self.syncs: dict[str, IngestedSync] = {}
        self.refusal: LatchkeyError | None = None
        self.stop_after: int | None = None
        self.holds: list[ingest_pb2.HeldRemoval] = []
        self.rounds: dict[str, int] = {}
        self.listed: dict[str, dict[str, target_pb2.Target]] = {}
        self.people: dict[str, directory_pb2.User] = {}
        self.held: set[tuple[str, str]] = set()
        self.gone: set[str] = set()
        self.confirmations = 0
        self.checks = 0

    def register(self, server: grpc.aio.Server) -> None:
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(self, server)
        resolution_pb2_grpc.add_ResolutionServiceServicer_to_server(self, server)

    async def Ingest(
        self, request_iterator: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> ingest_pb2.IngestResponse:
        self.check_caller(context)
        last: ingest_pb2.IngestRequest | None = None
        async for request in request_iterator:
            if self.refusal is not None:
                await self.refuse(context, self.refusal)
            found = self.syncs.setdefault(request.sync_id, IngestedSync())
            run = found.pages[-1].run if found.pages else 1
            if request.page_number <= len(found.pages) and request.run == run:
                known = found.pages[request.page_number - 1]
                assert known == request, "a page sent again is the very same"
                found.again += 1
                continue
            if request.page_number != len(found.pages) + 1:
                await self.refuse(context, WrongState("SYNC_PAGE_OUT_OF_ORDER", "out of order"))
            if self.stop_after is not None and len(found.pages) >= self.stop_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
            assert request.WhichOneof("content") is not None
            assert request.checkpoint and request.run >= run
            assert request.round >= max(1, self.rounds.get(request.connection_id, 1))
            self.rounds[request.connection_id] = request.round
            is_end, confirmed = request.HasField("complete"), request.complete.removals_confirmed
            if is_end and self.holds and not confirmed:
                return ingest_pb2.IngestResponse(
                    last_page_number=len(found.pages), held_removals=self.holds
                )
            found.pages.append(request)
            found.completed = request.HasField("complete")
            last = request
        sync = self.syncs[last.sync_id] if last is not None else IngestedSync()
        return ingest_pb2.IngestResponse(
            last_page_number=len(sync.pages),
            completed=sync.completed,
            seen_count=sum(_count(page) for page in sync.pages),
        )

    async def GetCheckpoint(
        self, request: ingest_pb2.GetCheckpointRequest, context: Context
    ) -> ingest_pb2.GetCheckpointResponse:
        self.check_caller(context)
        sync_id, sync = "", IngestedSync()
        for found_id, found in sorted(self.syncs.items()):
            if found.pages and found.pages[0].connection_id == request.connection_id:
                sync_id, sync = found_id, found
        return ingest_pb2.GetCheckpointResponse(
            sync_id=sync_id,
            last_page_number=len(sync.pages),
            checkpoint=sync.pages[-1].checkpoint if sync.pages else "",
            completed=sync.completed,
            round=self.rounds.get(request.connection_id, 0),
            run=sync.pages[-1].run if sync.pages else 0,
            seen_count=sum(_count(page) for page in sync.pages),
        )

    async def ListAppsInScope(
        self, request: ingest_pb2.ListAppsInScopeRequest, context: Context
    ) -> ingest_pb2.ListAppsInScopeResponse:
        self.check_caller(context)
        digests: dict[str, str] = {}
        owned: set[str] = set()
        for _, sync in sorted(self.syncs.items()):
            for page in sync.pages:
                for app in page.page.service_principals:
                    digests.setdefault(app.entra_object_id, "")
                for gone in page.page.removed_entra_service_principal_ids:
                    digests.pop(gone, None)
                for read in page.page.app_role_assignments_read:
                    digests[read.entra_service_principal_id] = read.digest
                owned |= {each.entra_service_principal_id for each in page.page.app_owners_read}
        return ingest_pb2.ListAppsInScopeResponse(
            apps=[
                ingest_pb2.AppInScope(
                    entra_service_principal_id=app,
                    assignments_digest=digest,
                    owners_known=app in owned,
                )
                for app, digest in sorted(digests.items())
            ]
        )

    async def ResolveEntitlement(
        self, request: resolution_pb2.ResolveEntitlementRequest, context: Context
    ) -> resolution_pb2.ResolveEntitlementResponse:
        raise AssertionError("the connector does not ask this")

    async def ConfirmTargets(
        self, request: resolution_pb2.ConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.ConfirmTargetsResponse:
        raise AssertionError("the connector asks several at once")

    async def BatchConfirmTargets(
        self, request: resolution_pb2.BatchConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.BatchConfirmTargetsResponse:
        self.check_caller(context)
        self.confirmations += len(request.questions)
        answers = resolution_pb2.BatchConfirmTargetsResponse()
        for question in request.questions:
            try:
                answers.answers.add(confirmed=self._confirmed(question))
            except NotFound as error:
                answers.answers.add().not_found.reason = error.reason
        return answers

    def _confirmed(
        self, request: resolution_pb2.ConfirmTargetsRequest
    ) -> resolution_pb2.ConfirmTargetsResponse:
        listed = self.listed.get(request.entitlement_id)
        person = self.people.get(request.subject_user_id)
        if listed is None:
            raise NotFound("ENTITLEMENT_NOT_FOUND", "no such entitlement")
        if person is None:
            raise NotFound("USER_NOT_FOUND", "no such person")
        return resolution_pb2.ConfirmTargetsResponse(
            subject=person,
            targets=[
                resolution_pb2.ConfirmedTarget(
                    target=listed.get(found),
                    listed=found in listed,
                    held=(request.subject_user_id, found) in self.held,
                    problem="" if found in listed else "no binding leads there",
                )
                for found in request.directory_entitlement_ids
            ],
        )

    async def CheckHeld(
        self, request: resolution_pb2.CheckHeldRequest, context: Context
    ) -> resolution_pb2.CheckHeldResponse:
        self.check_caller(context)
        self.checks += 1
        newest = max(self.syncs, default="")
        completed = bool(newest) and self.syncs[newest].completed
        return resolution_pb2.CheckHeldResponse(
            sync_id=newest if completed else "",
            states=[
                resolution_pb2.HELD_STATE_HELD
                if (each.user_id, each.directory_entitlement_id) in self.held
                else resolution_pb2.HELD_STATE_GONE
                if each.user_id in self.gone
                else resolution_pb2.HELD_STATE_NOT_HELD
                for each in request.items
            ],
        )

    def lists(self, entitlement_id: str, targets: Iterable[target_pb2.Target]) -> None:
        """Has an entitlement provision these targets."""
        self.listed[entitlement_id] = {
            target.directory_entitlement_id: target for target in targets
        }

    def knows(self, entra_tenant_id: str, entra_object_id: str) -> str:
        """Has a person in the directory; returns their `user_id`."""
        found = user_id(entra_tenant_id, entra_object_id)
        self.people[found] = directory_pb2.User(
            user_id=found, entra_tenant_id=entra_tenant_id, entra_object_id=entra_object_id
        )
        return found


def _count(request: ingest_pb2.IngestRequest) -> int:
    return sum(
        len(value)
        for field, value in request.page.ListFields()
        if not field.name.startswith("removed") and not field.name.endswith("_read")
    )


class FakeRequests(PeerServer, lease_pb2_grpc.LeaseServiceServicer):
    """Knows the leases that a test gave it."""

    domain = "latchkey.requests"

    def __init__(self) -> None:
        super().__init__()
        self.leases: dict[str, lease_pb2.Lease] = {}

    def register(self, server: grpc.aio.Server) -> None:
        lease_pb2_grpc.add_LeaseServiceServicer_to_server(self, server)

    async def GetLease(
        self, request: lease_pb2.GetLeaseRequest, context: Context
    ) -> lease_pb2.GetLeaseResponse:
        raise AssertionError("the connector asks for several at once")

    async def BatchGetLeases(
        self, request: lease_pb2.BatchGetLeasesRequest, context: Context
    ) -> lease_pb2.BatchGetLeasesResponse:
        self.check_caller(context)
        found = [self.leases[each] for each in request.lease_ids if each in self.leases]
        return lease_pb2.BatchGetLeasesResponse(leases=found)

    async def ListLeases(
        self, request: lease_pb2.ListLeasesRequest, context: Context
    ) -> lease_pb2.ListLeasesResponse:
        self.check_caller(context)
        found = [lease for lease in self.leases.values() if lease.state == request.state]
        return lease_pb2.ListLeasesResponse(leases=found)

    async def RevokeLease(
        self, request: lease_pb2.RevokeLeaseRequest, context: Context
    ) -> lease_pb2.RevokeLeaseResponse:
        raise AssertionError("the connector does not ask this")

    async def ExtendLease(
        self, request: lease_pb2.ExtendLeaseRequest, context: Context
    ) -> lease_pb2.ExtendLeaseResponse:
        raise AssertionError("the connector does not ask this")

    def grant(
        self,
        entra_tenant_id: str,
        entra_object_id: str,
        entitlement_id: str,
        targets: Iterable[target_pb2.Target],
    ) -> str:
        """Has a lease that shall be in Entra; returns its id."""
        lease_id = new_id("lea")
        self.leases[lease_id] = lease_pb2.Lease(
            lease_id=lease_id,
            state=lease_pb2.LEASE_STATE_GRANTED,
            entitlement_id=entitlement_id,
            app_id=derived_id("app", "some"),
            subject=access_request_pb2.PersonRef(
                user_id=user_id(entra_tenant_id, entra_object_id),
                entra_tenant_id=entra_tenant_id,
                entra_object_id=entra_object_id,
            ),
            targets=targets,
            round=1,
        )
        return lease_id


def membership(connection_id: str, entra_tenant_id: str, entra_group_id: str) -> target_pb2.Target:
    """The target "member of a group"."""
    return target_pb2.Target(
        directory_entitlement_id=membership_entitlement_id(entra_tenant_id, entra_group_id),
        connection_id=connection_id,
        display_name=f"member of {entra_group_id}",
        group_membership=target_pb2.Target.GroupMembership(entra_group_id=entra_group_id),
    )


def app_role(
    connection_id: str,
    entra_tenant_id: str,
    entra_service_principal_id: str,
    entra_app_role_id: str = "00000000-0000-0000-0000-000000000000",
) -> target_pb2.Target:
    """The target "assigned to an app in a role"."""
    return target_pb2.Target(
        directory_entitlement_id=app_role_entitlement_id(
            entra_tenant_id, entra_service_principal_id, entra_app_role_id
        ),
        connection_id=connection_id,
        display_name=f"role {entra_app_role_id} of {entra_service_principal_id}",
        app_role_assignment=target_pb2.Target.AppRoleAssignment(
            entra_service_principal_id=entra_service_principal_id,
            entra_app_role_id=entra_app_role_id,
        ),
    )
