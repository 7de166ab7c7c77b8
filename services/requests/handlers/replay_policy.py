"""Asking a policy that is not saved about access requests that were."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.domain.clock import Clock
from libs.domain.errors import Invalid
from libs.domain.paging import PageRequest, time_key
from services.requests import ports
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.plan import Plan
from services.requests.domain.replay import Draft, difference

_AT_ONCE = 100
# Two plans of a thousand rules come to half a megabyte, and a client takes four.
_MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """What a saved policy would be, and the access requests of a period to ask it about.

    `size`: how many to go through. `end_time` none stands for now.
    """

    policy_id: str
    draft: Draft
    start_time: datetime
    end_time: datetime | None
    size: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """An access request that would have come out differently; `after` none where it would fail."""

    access_request: AccessRequest
    before: Plan
    after: Plan | None
    summary: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """Those of the `count` that a page went through."""

    differences: tuple[Difference, ...]
    count: int
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Replayer:
    """Compares what policy said with what it would say, of the same inputs. Changes nothing."""

    access_requests: ports.AccessRequests
    policy: ports.Policy
    clock: Clock

    async def __call__(self, command: ReplayPolicy) -> Replayed:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID, DRAFT_INVALID; FIELD_INVALID, the period has not begun.
            Unavailable: policy does not answer.
        """
        end = command.end_time or self.clock.now()
        if command.start_time >= end:
            raise Invalid.field("start_time", "must be in the past")
        differences: list[Difference] = []
        count = bytes_shown = 0
        token = command.token
        while True:
            page = _page(command, min(_AT_ONCE, command.size - count), token)
            found = await self.access_requests.under_policy(
                page, policy_id=command.policy_id, start=command.start_time, end=end
            )
            for each in await self._differences(command.draft, found.items):
                count += 1
                if each.summary:
                    differences.append(each)
                    bytes_shown += len(f"{each.before}{each.after}".encode())
                if bytes_shown > _MOST_BYTES:
                    seen = each.access_request
                    key = time_key(seen.create_time, seen.access_request_id)
                    return Replayed(tuple(differences), count, page.cut((), key).next_page_token)
            token = found.next_page_token
            if not token or count >= command.size:
                return Replayed(tuple(differences), count, token)

    async def _differences(
        self, draft: Draft, items: tuple[AccessRequest, ...]
    ) -> list[Difference]:
        """Each with its summary, which is empty where it is the same."""
        inputs = [each.inputs for each in items if each.inputs is not None]
        answers = await self.policy.draft(draft, inputs) if inputs else ()
        found: list[Difference] = []
        for each, answer in zip(items, answers, strict=True):
            assert each.plan is not None, "its inputs are those of its plan"
            summary = difference(each.plan, answer)
            found.append(Difference(each, each.plan, answer.plan, summary))
        return found


def _page(command: ReplayPolicy, size: int, token: str) -> PageRequest:
    """A page of one draft: behind the token of another one others might differ."""
    scope = (
        "replay",
        command.policy_id,
        command.start_time.isoformat(),
        command.end_time.isoformat() if command.end_time is not None else "",
        hashlib.sha256(command.draft.message).hexdigest(),
    )
    return PageRequest(size, token, scope)
