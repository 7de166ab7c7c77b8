"""What somebody may ask for, for themselves or for others."""

from dataclasses import dataclass
from datetime import timedelta

from libs.domain.callers import ADMIN, HELPDESK, Person
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.resolution import Resolution


@dataclass(frozen=True, slots=True)
class Wish:
    """An entitlement, for whom, and for how long; an empty subject is the requester.

    `extends_lease_id`: the lease that shall last so much longer. `takes_over`: what the subject
    holds of it already becomes part of the lease.
    """

    requester: Person
    entitlement_id: str
    requested_duration: timedelta | None = None
    subject_user_id: str = ""
    emergency: bool = False
    extends_lease_id: str = ""
    takes_over: bool = False

    @property
    def subject(self) -> str:
        """Who shall have it."""
        return self.subject_user_id or self.requester.user_id


@dataclass(frozen=True, slots=True)
class Wishes:
    """Finds out whether a wish may be asked for at all."""

    access_requests: ports.AccessRequests
    catalog: ports.Catalog

    async def resolve(self, wish: Wish) -> Resolution:
        """What the catalog knows of it.

        Raises:
            NotAllowed: ON_BEHALF_NOT_ALLOWED, whatever it is that they ask for.
            AlreadyExists: ACCESS_REQUEST_OPEN, ALREADY_LEASED.
            WrongState: EMERGENCY_NOT_ENABLED, EMERGENCY_REVIEW_OPEN, NOTHING_TO_TAKE_OVER.
            LatchkeyError: what the catalog refuses it for.
        """
        await self.check_may_ask_for(wish.requester, wish.subject)
        own = (wish.extends_lease_id,) if wish.extends_lease_id else ()
        await check_vacant(self.access_requests, wish.subject, wish.entitlement_id, but_for=own)
        resolution = await self.catalog.resolve(
            wish.entitlement_id, wish.requester.user_id, wish.subject
        )
        if wish.takes_over and not resolution.held_ids:
            raise errors.nothing_to_take_over(wish.entitlement_id, wish.subject)
        if wish.emergency:
            resolution.policy(emergency=True)
            if blocking := await self.access_requests.emergency_of(wish.subject):
                raise errors.emergency_review_open(blocking)
        return resolution

    async def check_may_ask_for(self, requester: Person, subject_user_id: str) -> None:
        """Does nothing for the subject, their manager, the helpdesk and administrators.

        Raises:
            NotAllowed: ON_BEHALF_NOT_ALLOWED.
        """
        if subject_user_id == requester.user_id or requester.may(ADMIN, HELPDESK):
            return
        # Before the catalog is asked what there is: who may not ask learns nothing.
        managers = await self.catalog.managers(subject_user_id)
        if requester.user_id not in managers[:1]:
            raise errors.on_behalf_not_allowed(subject_user_id)


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
