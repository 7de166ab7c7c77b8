"""Asking for an entitlement."""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.advance import Advancer
from services.requests.handlers.wish import Wish, Wishes


@dataclass(frozen=True, slots=True)
class CreateAccessRequest:
    """A person's wish, and why."""

    wish: Wish
    justification: str


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
            WrongState: EMERGENCY_NOT_ENABLED, EMERGENCY_REVIEW_OPEN.
            LatchkeyError: what the catalog refuses it for.
        """
        wish = command.wish
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
        )
        decision = await self.advancer.evaluate(
            created, resolution, created.requested_duration, time
        )
        audit = AuditEntry(
            wish.requester,
            "access_request.created",
            created.access_request_id,
            command.justification,
            {
                "entitlement_id": created.entitlement_id,
                "app_id": created.app_id,
                "subject_user_id": created.subject.user_id,
                "emergency": created.emergency,
                **decision.details(),
            },
        )
        change = await decision.change(
            self.access_requests, self.leases, None, audit, *_made(created, wish)
        )
        return Outcome(decision.access_request, change)


def _made(created: AccessRequest, wish: Wish) -> tuple[Fact, ...]:
    about = (
        created.access_request_id,
        created.entitlement_id,
        created.app_id,
        created.subject.user_id,
        wish.requester,
    )
    bodies: list[object] = [facts.AccessRequestCreated(*about)]
    if created.emergency:
        bodies.append(facts.EmergencyAccessRequested(*about))
    return tuple(Fact(created.access_request_id, created.version, body) for body in bodies)
