"""Tells those who watch a resource that it has changed.

Within the process only: a watcher looks again by itself every now and then, so that a change by
another replica is seen too.
"""

import asyncio
from collections.abc import Sequence

from libs.domain.changes import Change


class Notices:
    """Who waits for which resource."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Watch]] = {}

    def tell(self, changes: Sequence[Change]) -> None:
        """Wakes who waits for a resource of these changes."""
        for change in changes:
            resources = {change.audit.resource_id, *(fact.resource_id for fact in change.facts)}
            for resource_id in resources:
                for watch in self._waiting.get(resource_id, ()):
                    watch.tell(change.after.get(resource_id))

    def watch(self, resource_id: str) -> "Watch":
        """Begins to watch a resource: a change from now on is not missed."""
        return Watch(self._waiting, resource_id)


class Watch:
    """One watcher of one resource, for a `with` block."""

    def __init__(self, waiting: "dict[str, set[Watch]]", resource_id: str) -> None:
        self._waiting = waiting
        self._resource_id = resource_id
        self._event = asyncio.Event()
        self._told: object | None = None

    def tell(self, after: object | None) -> None:
        """It has changed; to this, where that is known."""
        self._told = after
        self._event.set()

    def __enter__(self) -> "Watch":
        self._waiting.setdefault(self._resource_id, set()).add(self)
        return self

    def __exit__(self, *_: object) -> None:
        waiters = self._waiting[self._resource_id]
        waiters.discard(self)
        if not waiters:
            del self._waiting[self._resource_id]

    async def changed(self, *, at_most: float) -> object | None:
        """Returns when the resource has changed, or after `at_most` seconds: what it is then, where
        the last change says so."""
        try:
            async with asyncio.timeout(at_most):
                await self._event.wait()
        except TimeoutError:
            return None
        finally:
            self._event.clear()
        told, self._told = self._told, None
        return told
