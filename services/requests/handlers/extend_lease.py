"""Asking for a lease to last longer."""

from dataclasses import dataclass
from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.changes import Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotAllowed
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.answering import answers_for
from services.requests.handlers.create_access_request import CreateAccessRequest, Creator
from services.requests.handlers.wish import Wish


@dataclass(frozen=True, slots=True)
class ExtendLease:
    """Somebody wants a lease to last so much longer."""

    person: Person
    lease_id: str
    justification: str
    duration: timedelta


@dataclass(frozen=True, slots=True)
class Extender:
    """Makes the access request by which a lease lasts longer."""

    leases: ports.Leases
    create: Creator
    clock: Clock

    async def __call__(self, command: ExtendLease) -> Outcome[AccessRequest]:
        """
        Raises:
            NotFound: LEASE_NOT_FOUND.
            NotAllowed: ON_BEHALF_NOT_ALLOWED: the person may see it only.
            WrongState: LEASE_STATE, LEASE_WITHOUT_END.
            AlreadyExists: ACCESS_REQUEST_OPEN.
            Invalid: DURATION_TOO_LONG.
            LatchkeyError: what the catalog refuses it for.
        """
        person = command.person
        lease = await self.leases.get(command.lease_id)
        if lease is None:
            raise errors.lease_not_found(command.lease_id)
        try:
            await self.create.wishes.check_may_ask_for(person, lease.subject.user_id)
        except NotAllowed:
            catalog = self.create.wishes.catalog
            if lease.visible_to(person) or await answers_for(catalog, person, lease):
                raise
            raise errors.lease_not_found(command.lease_id) from None
        # What could not be done if it were approved now is not asked for at all.
        lease.extend(command.duration, None, self.clock.now())
        wish = Wish(
            requester=person,
            entitlement_id=lease.entitlement_id,
            requested_duration=command.duration,
            subject_user_id=lease.subject.user_id,
            extends_lease_id=lease.lease_id,
        )
        return await self.create(CreateAccessRequest(wish, command.justification))
