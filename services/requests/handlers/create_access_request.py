"""Asking for an entitlement."""

from dataclasses import dataclass
from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import errors, facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.decision import decide, lease_writes


@dataclass(frozen=True, slots=True)
class CreateAccessRequest:
    """A person's wish for themselves."""

    requester: Person
    entitlement_id: str
    justification: str
    requested_duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Creator:
    """Makes access requests, and has policy decide them at once if it can."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    catalog: ports.Catalog
    policy: ports.Policy
    clock: Clock

    async def __call__(self, command: CreateAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            AlreadyExists: ACCESS_REQUEST_OPEN, ALREADY_LEASED.
            Invalid: DURATION_TOO_LONG.
            LatchkeyError: what the catalog refuses it for.
        """
        user_id = command.requester.user_id
        await check_vacant(self.access_requests, user_id, command.entitlement_id)
        resolution = await self.catalog.resolve(command.entitlement_id, user_id, user_id)
        time = self.clock.now()
        created = AccessRequest.create(
            new_id("req"),
            requester=command.requester,
            resolution=resolution,
            justification=command.justification,
            requested_duration=command.requested_duration,
            time=time,
        )
        decision = await decide(self.policy, created, resolution, created.requested_duration, time)
        found = decision.access_request
        write = self.access_requests.added(found)
        of_lease, ended = await lease_writes(self.access_requests, self.leases, decision)
        body = facts.AccessRequestCreated(
            access_request_id=created.access_request_id,
            entitlement_id=created.entitlement_id,
            app_id=created.app_id,
            subject_user_id=created.subject.user_id,
            actor=command.requester,
        )
        audit = AuditEntry(
            command.requester,
            "access_request.created",
            created.access_request_id,
            command.justification,
            {
                "entitlement_id": created.entitlement_id,
                "app_id": created.app_id,
                "subject_user_id": created.subject.user_id,
                **decision.details(),
            },
        )
        first = Fact(created.access_request_id, created.version, body)
        facts_of_all = (first, *decision.facts, *ended)
        return Outcome(found, Change(audit, (write, *of_lease), facts_of_all))


async def check_vacant(
    access_requests: ports.AccessRequests,
    subject_user_id: str,
    entitlement_id: str,
    *,
    but_for: tuple[str, ...] = (),
) -> None:
    """Does nothing for a person who neither has the entitlement nor is about to.

    What is in `but_for` does not count: whoever else brought that there was quicker with the same
    thing, and the commit will say so.

    Raises:
        AlreadyExists: ACCESS_REQUEST_OPEN, ALREADY_LEASED.
    """
    open_id, lease_id = await access_requests.occupants(subject_user_id, entitlement_id)
    if open_id and open_id not in but_for:
        raise errors.access_request_open(open_id)
    if lease_id and lease_id not in but_for:
        raise errors.already_leased(lease_id)
