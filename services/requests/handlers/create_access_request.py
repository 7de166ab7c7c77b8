"""Asking for an entitlement."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import decision_facts, facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.advance import Advancer
from services.requests.handlers.wish import Wish, Wishes


@dataclass(frozen=True, slots=True)
class CreateAccessRequest:
    """A person's wish, and why; made by `actor`, when that is not they."""

    wish: Wish
    justification: str
    actor: Caller | None = None


@dataclass(frozen=True, slots=True)
class Creator:
    """Makes access requests, and has policy decide them at once if it can."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    wishes: Wishes
    advancer: Advancer
    clock: Clock

    async def __call__(self, command: CreateAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            AlreadyExists: ACCESS_REQUEST_OPEN, ALREADY_LEASED.
            Invalid: DURATION_TOO_LONG.
            NotAllowed: ON_BEHALF_NOT_ALLOWED.
            WrongState: EMERGENCY_NOT_ENABLED, EMERGENCY_REVIEW_OPEN, NOTHING_TO_TAKE_OVER.
            LatchkeyError: what the catalog refuses it for.
        """
        wish = command.wish
        actor = command.actor or wish.requester
        resolution = await self.wishes.resolve(wish)
        time = self.clock.now()
        created = AccessRequest.create(
            new_id("req"),
            requester=wish.requester,
            resolution=resolution,
            justification=command.justification,
            requested_duration=wish.requested_duration,
            time=time,
            emergency=wish.emergency,
            extends_lease_id=wish.extends_lease_id,
            takes_over=wish.takes_over,
            actor=actor,
        )
        decision = await self.advancer.evaluate(
            created, resolution, created.requested_duration, time
        )
        audit = AuditEntry(
            actor,
            "access_request.created",
            created.access_request_id,
            command.justification,
            {
                "entitlement_id": created.entitlement_id,
                "app_id": created.app_id,
                "subject_user_id": created.subject.user_id,
                "emergency": created.emergency,
                "extends_lease_id": created.extends_lease_id,
                "takes_over": created.takes_over,
                **decision.details(),
            },
        )
        change = await decision.change(
            self.access_requests, self.leases, None, audit, *made(created, actor)
        )
        return Outcome(decision.access_request, change)


def made(created: AccessRequest, actor: Caller) -> tuple[Fact, ...]:
    """What has to be told of an access request that was made."""
    about = (
        created.access_request_id,
        created.entitlement_id,
        created.app_id,
        created.subject.user_id,
        actor,
    )
    bodies: list[object] = [facts.AccessRequestCreated(*about)]
    if created.emergency:
        bodies.append(decision_facts.EmergencyAccessRequested(*about))
    return tuple(Fact(created.access_request_id, created.version, body) for body in bodies)
