"""The current versions of policies, in memory, so that an evaluation reads no database."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from libs.domain.changes import Change
from libs.domain.errors import Unavailable
from libs.domain.meanwhile import unheeded
from services.policy.domain import errors
from services.policy.domain.prepared import Prepared
from services.policy.ports import Policies

LOOK_SECONDS = 1.0
"""How long another replica's change may go unseen."""
TRUST_SECONDS = 5.0
"""How long policies are gone by while the database does not say whether they have changed."""
_PATIENCE_SECONDS = 0.25
_RULES_MOST = 20_000


class RememberedPolicies:
    """Policies ready to be asked, each in its current version.

    A change that this process commits is seen at once. Of another replica's it is asked at most
    once in `LOOK_SECONDS`, and only when there is something to evaluate: one row says whether any
    policy has changed, and then all are read again as they are needed.
    """

    def __init__(self, policies: Policies, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policies = policies
        self._monotonic = monotonic
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self._rules = 0
        self._forgotten = 0
        self._mark = ""
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Forgets what this process has changed; all of it, since that is rare."""
        self._forget()

    async def current(self, policy_id: str) -> Prepared:
        """A policy in its current version.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            Unavailable: the database does not say what is current.
        """
        if self._monotonic() - self._looked >= LOOK_SECONDS:
            await self._look_again()
        if (known := self._known.get(policy_id)) is not None:
            self._known.move_to_end(policy_id)
            return known
        forgotten = self._forgotten
        policy = await self._policies.get(policy_id)
        if policy is None:
            raise errors.policy_not_found(policy_id)
        prepared = Prepared.of(policy)
        # What was forgotten while it was read may be what was read.
        if forgotten == self._forgotten:
            self._remember(prepared)
        return prepared

    async def _look_again(self) -> None:
        """Forgets everything if a policy has changed.

        Raises:
            Unavailable: the database does not answer, and has not for too long.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
            # It fails where nobody may be waiting for it.
            unheeded(self._looking)
        looking = self._looking
        trusted = self._looked + TRUST_SECONDS - self._monotonic()
        patience = _PATIENCE_SECONDS if trusted > 0 else TRUST_SECONDS
        await asyncio.wait({looking}, timeout=patience)
        if trusted > 0:
            return
        if not looking.done():
            # Who comes next does not wait for the same one, which may never answer.
            self._looking = None
            raise Unavailable("the database", "it does not say whether policies have changed")
        looking.result()

    async def _look(self) -> None:
        began = self._monotonic()
        mark = await self._policies.mark()
        if mark != self._mark:
            self._forget()
            self._mark = mark
        self._looked = max(began, self._looked)

    def _remember(self, prepared: Prepared) -> None:
        policy = prepared.policy
        before = self._known.pop(policy.policy_id, None)
        self._rules += len(policy.content.rules)
        self._rules -= len(before.policy.content.rules) if before else 0
        self._known[policy.policy_id] = prepared
        while self._rules > _RULES_MOST and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._rules -= len(oldest.policy.content.rules)

    def _forget(self) -> None:
        self._known.clear()
        self._rules = 0
        self._forgotten += 1
