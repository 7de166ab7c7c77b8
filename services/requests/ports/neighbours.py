"""The services that are called."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Gone
from services.requests.domain.holders import HeldThing
from services.requests.domain.inputs import Inputs
from services.requests.domain.offered import Offered
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Easier, Plan
from services.requests.domain.progress import Resolved
from services.requests.domain.replay import Draft, DraftAnswer
from services.requests.domain.resolution import Resolution
from services.requests.domain.steps import Approvers


class Catalog(Protocol):
    """Knows what exists and who may ask for it."""

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        """Everything that an access request needs to know of an entitlement.

        Raises:
            LatchkeyError: it may not be asked for, by a reason of our own `ErrorReason`;
                Unavailable when the catalog does not answer.
        """
        ...

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        """Whom each of the sources stands for: enabled people of the subject's tenant.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def managers(self, user_id: str) -> list[str]:
        """The managers of a person by their ids, theirs first; none of somebody unknown.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def person_gone(self, user_id: str) -> Gone | None:
        """Why the person may hold nothing; none while they are in the directory and enabled.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        """Somebody of the directory who is enabled; none for anybody else.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def an_entitlement(self, app_id: str, entitlement_id: str = "") -> str:
        """The id of an entitlement of an app: this one where it is given, or any.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND: it has none, or not this one.
            Unavailable: it does not answer.
        """
        ...

    def held(
        self,
        app_id: str = "",
        entitlement_id: str = "",
        *,
        user_id: str = "",
        unmanaged: bool = False,
    ) -> AsyncIterator[Sequence[HeldThing]]:
        """What people hold of an app, or of one of its entitlements, in pages as they come; with
        `user_id` only theirs, with `unmanaged` only what came from outside.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND, also for a person who is not there.
            Unavailable: it does not answer.
        """
        ...

    async def offered(self, entitlement_id: str) -> Offered:
        """An entitlement as its app offers it.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND.
            Unavailable: it does not answer.
        """
        ...

    async def apps_that_act(self) -> list[str]:
        """The managed apps that have more done to access from outside than to report it.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        """Why nobody can have the entitlement any more; none while it can be had.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Policy(Protocol):
    """Decides."""

    async def evaluate(self, policy_id: str, inputs: Inputs) -> Plan:
        """What a policy says; the deployment's default where the id is empty.

        Raises:
            NoPlan: policy does not answer, or can't.
        """
        ...

    async def explain(self, policy_id: str, inputs: Inputs) -> tuple[Plan, Easier | None]:
        """What a policy says, and what would be easier.

        Raises:
            NoPlan: policy does not answer, or can't.
        """
        ...

    async def holds(self, condition: str, inputs: Inputs) -> bool:
        """Whether a condition is true.

        Raises:
            NoPlan: policy does not answer, or can't say.
        """
        ...

    async def draft(self, draft: Draft, inputs: Sequence[Inputs]) -> tuple[DraftAnswer, ...]:
        """What a policy that is not saved would say of each, in their order; of 100 at most.

        Raises:
            Invalid: DRAFT_INVALID.
            Unavailable: it does not answer.
        """
        ...


class Connector(Protocol):
    """Makes Entra agree with the leases."""

    async def delivery(self, lease_id: str) -> Delivery | None:
        """How far a lease is; none when the connector does not know it.

        Raises:
            Unavailable: it does not answer.
        """
        ...
