"""Carries out operations: notes the attempt, calls Entra outside any transaction, notes its answer.

Whatever is under way in the database is picked up, at the start as at any other time; that is what
makes a crash harmless.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from libs.db.writes import Writes
from libs.domain.changes import Change
from libs.domain.clock import Clock
from libs.domain.errors import Conflict, Unavailable
from services.connector.domain.operation import Operation, OperationKind
from services.connector.domain.verdict import Already, Done, Refused, Retriable, Verdict
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.handlers.run_operation import RunOperation
from services.connector.ports import Attempt, Connections, Entra, Provisioning

_AT_ONCE = 16
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 0.2
_MOST_MENDED = 200
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ProvisioningWorker:
    """The worker of one process; one process works on a database at a time.

    Calls of Entra for one assignment never overlap: what adds it and what removes it must reach
    Entra in the order that they were decided in.
    """

    provisioning: Provisioning
    connections: Connections
    entra: Entra
    run_operation: RunOperation
    mend_delivery: MendDelivery
    writes: Writes
    clock: Clock
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Has the worker look at once when a change brought work."""
        if any(change.audit.action.startswith(("delivery.", "operation.")) for change in changes):
            self._wake.set()

    async def __aenter__(self) -> "ProvisioningWorker":
        self._task = asyncio.create_task(self._run(), name="provisioning")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops at once. A call under way is then of unknown outcome, and made again."""
        tasks = [*self._busy.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def mend(self) -> None:
        """Sees to it that every delivery on its way in or out is being worked on."""
        for lease_id in await self.provisioning.open_deliveries(_MOST_MENDED):
            if await self._mended(lease_id):
                _log.error("delivery_mended", lease_id=lease_id)

    async def _mended(self, lease_id: str) -> bool:
        return await self.writes.run(lambda: self.mend_delivery(lease_id))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._begin_due()
            except Unavailable as error:
                _log.warning("provisioning_waits", problem=error.message)
            except Exception as error:
                _log.error("provisioning_fault", exc_info=error)
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _begin_due(self) -> None:
        limit = _AT_ONCE + len(self._busy)
        for operation in await self.provisioning.due(self.clock.now(), limit):
            if len(self._busy) >= _AT_ONCE:
                return
            if operation.assignment_id not in self._busy:
                self._begin(operation)

    def _begin(self, operation: Operation) -> None:
        task = asyncio.create_task(self._carry_out(operation), name=operation.operation_id)
        self._busy[operation.assignment_id] = task

        def ended(_: "asyncio.Task[None]") -> None:
            del self._busy[operation.assignment_id]
            self._wake.set()

        task.add_done_callback(ended)

    async def _carry_out(self, operation: Operation) -> None:
        try:
            attempt = await self.writes.run(
                lambda: self.run_operation.attempt(operation.operation_id)
            )
            if attempt is not None:
                verdict = await self._call(attempt)
                await self._settle(attempt, verdict)
        except (Unavailable, Conflict) as error:
            _log.warning(
                "operation_waits", operation_id=operation.operation_id, problem=error.message
            )
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception as error:
            _log.error("operation_fault", operation_id=operation.operation_id, exc_info=error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _call(self, attempt: Attempt) -> Verdict:
        connection = await self.connections.get(attempt.target.connection_id)
        if connection is None:
            problem = f"there is no connection {attempt.target.connection_id}"
            return Retriable("", problem, certain=True)
        return await self.entra.provision(connection, attempt)

    async def _settle(self, attempt: Attempt, verdict: Verdict) -> None:
        """Notes Entra's answer, however often it takes: nobody else knows it."""
        while True:
            try:
                await self.writes.run(
                    lambda: self.run_operation.settle(attempt.operation_id, verdict)
                )
                break
            except (Unavailable, Conflict) as error:
                _log.warning(
                    "answer_waits", operation_id=attempt.operation_id, problem=error.message
                )
                await asyncio.sleep(_RETRY_SECONDS)
        _tell(attempt, verdict)


def _tell(attempt: Attempt, verdict: Verdict) -> None:
    fields = {
        "operation_id": attempt.operation_id,
        "kind": attempt.kind.value,
        "attempt": attempt.number,
        "answer": verdict.answer,
    }
    if isinstance(verdict, Done | Already):
        _log.info("operation_succeeded", **fields)
    elif isinstance(verdict, Refused) and attempt.kind is OperationKind.REMOVE:
        # Somebody still has what they should not: this is for an operator's eyes.
        _log.error("removal_refused", problem=verdict.message, **fields)
    elif isinstance(verdict, Refused):
        _log.warning("operation_refused", problem=verdict.message, **fields)
    else:
        _log.warning("operation_postponed", problem=verdict.problem, **fields)
