"""The access requests that are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.gone import Dependent


class AccessRequests(Protocol):
    """The access requests that are kept."""

    async def get(self, access_request_id: str) -> AccessRequest | None:
        """One of them."""
        ...

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str | None,
        state: AccessRequestState | None,
        app_id: str,
        inbox: Sequence[str] = (),
        review_open: bool = False,
    ) -> Page[AccessRequest]:
        """Some of them, newest first, without timelines; of one requester or subject, or all.

        `inbox`: instead those that wait for the first of these people to decide, in their own place
        or in that of the others. `review_open`: those of emergency access to be reviewed, by
        `user_id` when it is given.
        """
        ...

    async def to_look_at(self, after: str, most: int) -> list[str]:
        """The ids of those that wait for policy, an approver or a condition, behind `after`."""
        ...

    async def pending(self, after: str, most: int) -> list[str]:
        """The ids of those that wait for people or a time, or are to be reviewed, in order, behind
        `after`."""
        ...

    async def overdue(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose step has taken too long, the longest overdue first."""
        ...

    async def awaiting(self, user_id: str, after: str, most: int) -> list[str]:
        """The ids of those that a person may decide or review, in order, behind `after`."""
        ...

    async def emergency_of(self, subject_user_id: str) -> str:
        """The id of a person's emergency that is undecided or not reviewed; empty without one."""
        ...

    async def undecided(
        self,
        after: str,
        most: int,
        *,
        subject_user_id: str = "",
        requester_user_id: str = "",
        app_id: str = "",
    ) -> list[Dependent]:
        """Those that are not decided, in order, behind `after`: for a person, by a person, of an
        app, or all."""
        ...

    async def under_policy(
        self, page: PageRequest, *, policy_id: str, start: datetime, end: datetime
    ) -> Page[AccessRequest]:
        """Those that a policy answered last and that were made in a period, newest first, without
        timelines: each with its plan and its inputs."""
        ...

    async def occupants(self, subject_user_id: str, entitlement_id: str) -> tuple[str, str]:
        """The open access request and the live lease of a person for an entitlement.

        Their ids; an empty one where there is none.
        """
        ...

    def added(self, access_request: AccessRequest) -> tuple[Write, ...]:
        """Keeps a new one. It is the only open one of its subject and entitlement, and the only
        emergency of its subject."""
        ...

    def changed(self, access_request: AccessRequest, *, seen: AccessRequest) -> tuple[Write, ...]:
        """Keeps the next version of the one that was loaded."""
        ...
