"""Carries out operations: notes the attempt, calls Entra outside any transaction, notes its answer.

Whatever is under way in the database is picked up, at the start as at any other time; that is what
makes a crash harmless.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from libs.db.writes import Writes
from libs.domain.changes import Change
from libs.domain.clock import Clock
from libs.domain.errors import Conflict, Unavailable
from services.connector.domain.operation import OperationKind
from services.connector.domain.verdict import Already, Done, Refused, Retriable, Verdict
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.handlers.run_operations import RunOperations
from services.connector.ports import Attempt, Connections, Entra, Provisioning

_PEOPLE_AT_ONCE = 16
_MOST_DUE = 100
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 0.2
_MOST_MENDED = 200
_GRACE_SECONDS = 3.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ProvisioningWorker:
    """The worker of one process; one process works on a database at a time.

    What is due for one person is done together and to its end before anything else for them: calls
    of Entra for one assignment never overlap, and what adds it and what removes it reach Entra in
    the order that they were decided in.
    """

    provisioning: Provisioning
    connections: Connections
    entra: Entra
    run_operations: RunOperations
    mend_delivery: MendDelivery
    writes: Writes
    clock: Clock
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Has the worker look at once when a change may have brought work."""
        if any(change.audit.action.startswith("delivery.") for change in changes):
            self._wake.set()

    async def __aenter__(self) -> "ProvisioningWorker":
        self._task = asyncio.create_task(self._run(), name="provisioning")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Begins nothing more, and lets what is under way be answered, for a few seconds.

        What is cut off then is of unknown outcome, and made again after the next start.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        busy = list(self._busy.values())
        if busy:
            await asyncio.wait(busy, timeout=_GRACE_SECONDS)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)

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
        if len(self._busy) >= _PEOPLE_AT_ONCE:
            return
        due = await self.provisioning.due(self.clock.now(), _MOST_DUE, frozenset(self._busy))
        by_person: dict[str, list[str]] = defaultdict(list)
        for found in due:
            by_person[found.entra_principal_id].append(found.operation_id)
        for person, operation_ids in by_person.items():
            if len(self._busy) >= _PEOPLE_AT_ONCE:
                return
            if person not in self._busy:
                self._begin(person, operation_ids)

    def _begin(self, person: str, operation_ids: list[str]) -> None:
        task = asyncio.create_task(self._carry_out(operation_ids), name=f"provision {person}")
        self._busy[person] = task

        def ended(_: "asyncio.Task[None]") -> None:
            del self._busy[person]
            self._wake.set()

        task.add_done_callback(ended)

    async def _carry_out(self, operation_ids: list[str]) -> None:
        try:
            attempts = await self.writes.run(lambda: self.run_operations.attempt(operation_ids))
            verdicts = await asyncio.gather(*(self._call(attempt) for attempt in attempts))
            if attempts:
                await self._settle(attempts, verdicts)
        except (Unavailable, Conflict) as error:
            _log.warning("operations_wait", operation_ids=operation_ids, problem=error.message)
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception as error:
            _log.error("operations_fault", operation_ids=operation_ids, exc_info=error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _call(self, attempt: Attempt) -> Verdict:
        try:
            connection = await self.connections.get(attempt.target.connection_id)
        except Unavailable as error:
            # Nothing was sent, and that is worth knowing: an attempt of unknown outcome would make
            # what was there before us look like ours.
            return Retriable("", error.message, certain=True)
        if connection is None:
            problem = f"there is no connection {attempt.target.connection_id}"
            return Retriable("", problem, certain=True)
        return await self.entra.provision(connection, attempt)

    async def _settle(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> None:
        """Notes Entra's answers, however often it takes: nobody else knows them."""
        answers: Mapping[str, Verdict] = {
            attempt.operation_id: verdict
            for attempt, verdict in zip(attempts, verdicts, strict=True)
        }
        while True:
            try:
                await self.writes.run(lambda: self.run_operations.settle(answers))
                break
            except (Unavailable, Conflict) as error:
                _log.warning("answers_wait", operation_ids=[*answers], problem=error.message)
                await asyncio.sleep(_RETRY_SECONDS)
        for attempt, verdict in zip(attempts, verdicts, strict=True):
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
