"""One wave: its attempts are noted, its parcels go to Entra, its answers are noted.

Each person's operations are noted in changes of their own: what comes in between for one of them is
nobody else's concern. Whoever's answers are all there is done, and does not wait for the others.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from libs.domain.errors import Conflict, Unavailable
from services.connector.domain.connection import Connection
from services.connector.domain.delivery import Picture
from services.connector.domain.operation import OperationKind
from services.connector.domain.verdict import (
    Already,
    Done,
    Exchange,
    Refused,
    Retriable,
    Verdict,
)
from services.connector.domain.wave import Parcel
from services.connector.domain.writing import refusal_to_add, refusal_to_touch
from services.connector.handlers.run_operations import Begun
from services.connector.loops.provisioning.parts import Parts
from services.connector.ports import Attempt, Serving

_RETRY_SECONDS = 0.2
_FAULT_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Person:
    """Somebody's part of a wave: the ids that its calls carry, by operation, and the answers."""

    client_request_ids: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    answers: list[tuple[Attempt, Verdict]] = field(default_factory=list)
    picture: Picture | None = None


class WaveRun:
    """Carries out one wave. `returned` hears of each parcel that is back, `freed` of each person
    for whom everything is noted."""

    def __init__(
        self,
        connection_id: str,
        serving: Serving,
        parts: Parts,
        returned: Callable[[Parcel], None],
        freed: Callable[[str], None],
    ) -> None:
        self._connection_id = connection_id
        self._serving = serving
        self._parts = parts
        self._returned = returned
        self._freed = freed
        self._people: dict[str, _Person] = defaultdict(_Person)
        self._out: list[Parcel] = []
        self._connection: Connection | None = None
        self._protected_ids: frozenset[str] = frozenset()

    async def carry_out(self, parcels: Sequence[Parcel]) -> None:
        """Does everything; raises nothing."""
        self._out = [*parcels]
        for parcel in parcels:
            shared = str(uuid.uuid4())
            for each in parcel.operations:
                # One call can carry one id only.
                alone = parcel.writes > 1 or len(parcel.operations) == 1
                person = self._people[each.entra_principal_id]
                person.client_request_ids[each.operation_id] = (
                    str(uuid.uuid4()) if alone else shared
                )
        people = [*self._people]
        try:
            self._connection = await self._parts.connections.get(self._connection_id)
            self._protected_ids = await self._parts.connections.protected(self._connection_id)
            await self._begin_all()
            await asyncio.gather(*(self._send(parcel) for parcel in parcels))
        except Unavailable as error:
            _log.warning("operations_wait", people=len(people), problem=error.message)
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception as error:
            _log.error("operations_fault", people=len(people), exc_info=error)
            await asyncio.sleep(_FAULT_SECONDS)
        finally:
            for parcel in [*self._out]:
                self._back(parcel)
            for name in [*self._people]:
                self._done(name)

    async def _begin_all(self) -> None:
        """Notes the attempts, with everything that has to be known read at once."""
        ids = [id for person in self._people.values() for id in person.client_request_ids]
        pictures = (await self._parts.provisioning.around_operations(ids)).by_person()
        await asyncio.gather(*(self._begin(name, pictures.get(name)) for name in [*self._people]))

    async def _begin(self, name: str, picture: Picture | None) -> None:
        person = self._people[name]
        if picture is None:  # nothing is under way any more
            self._done(name)
            return
        known: list[Picture] = [picture]
        try:
            begun: Begun = await self._parts.writes.run(
                lambda: self._parts.run_operations.attempt(
                    person.client_request_ids, known.pop() if known else None
                )
            )
        except (Unavailable, Conflict) as error:
            _log.warning("operations_wait", people=1, problem=error.message)
            self._done(name)
            return
        person.attempts.update(begun.attempts)
        person.picture = begun.picture
        if not begun.attempts:
            self._done(name)

    async def _send(self, parcel: Parcel) -> None:
        attempts: list[Attempt] = []
        people: list[str] = []
        for each in parcel.operations:
            person = self._people.get(each.entra_principal_id)
            if person is not None and each.operation_id in person.attempts:
                attempts.append(person.attempts[each.operation_id])
                people.append(each.entra_principal_id)
        verdicts = await self._call(attempts) if attempts else []
        self._back(parcel)
        complete: dict[str, _Person] = {}
        for name, attempt, verdict in zip(people, attempts, verdicts, strict=True):
            person = self._people[name]
            person.answers.append((attempt, verdict))
            if len(person.answers) == len(person.attempts):
                complete[name] = person
        await asyncio.gather(*(self._settle(name, person) for name, person in complete.items()))

    async def _call(self, attempts: list[Attempt]) -> Sequence[Verdict]:
        if self._connection is None:
            return _not_made(attempts, f"there is no connection {self._connection_id}")
        if not self._serving.serves(self._connection_id):
            return _not_made(attempts, "another process works on the tenant")
        # What nobody is added to may be that only since they were intended.
        refusals = [self._refusal(self._connection, each) for each in attempts]
        left = [
            self._looking(self._connection, each)
            for each, why in zip(attempts, refusals, strict=True)
            if why is None
        ]
        answers = iter(await self._parts.entra.provision(self._connection, left) if left else ())
        return [why or next(answers) for why in refusals]

    def _looking(self, connection: Connection, attempt: Attempt) -> Attempt:
        """What is taken over is looked for, also where nobody may be added."""
        if attempt.kind is OperationKind.REMOVE or not attempt.takes_over:
            return attempt
        return replace(
            attempt, refusal=refusal_to_add(connection, attempt.target, self._protected_ids)
        )

    def _refusal(self, connection: Connection, attempt: Attempt) -> Refused | None:
        """Why Entra is not called for an attempt."""
        if attempt.kind is OperationKind.REMOVE:
            return None
        if attempt.takes_over:
            return refusal_to_touch(attempt.target, self._protected_ids)
        return refusal_to_add(connection, attempt.target, self._protected_ids)

    async def _settle(self, name: str, person: _Person) -> None:
        """Notes Entra's answers, however often it takes: nobody else knows them."""
        answers = person.answers
        try:
            await self._keep(answers, person.picture)
        except Exception as error:
            # Something in the answers can't be kept. That they came to nothing certain can, and
            # makes the next attempt wait, and look what came of this one.
            _log.error("answers_fault", people=1, exc_info=error)
            problem = f"a fault of ours: {type(error).__name__}"
            answers = [(each, Retriable("", problem, certain=False)) for each, _ in answers]
            try:
                await self._keep(answers, None)
            except Exception as again:
                _log.error("answers_fault", people=1, exc_info=again)
                await asyncio.sleep(_FAULT_SECONDS)
        for attempt, verdict in answers:
            _tell(attempt, verdict)
        self._done(name)

    async def _keep(self, answers: list[tuple[Attempt, Verdict]], picture: Picture | None) -> None:
        known = [picture]
        while True:
            try:
                await self._parts.writes.run(
                    lambda: self._parts.run_operations.settle(
                        answers, known.pop() if known else None
                    )
                )
                return
            except (Unavailable, Conflict) as error:
                ids = [attempt.operation_id for attempt, _ in answers]
                _log.warning("answers_wait", operation_ids=ids, problem=error.message)
                await asyncio.sleep(_RETRY_SECONDS)

    def _back(self, parcel: Parcel) -> None:
        self._out.remove(parcel)
        self._returned(parcel)

    def _done(self, name: str) -> None:
        del self._people[name]
        self._freed(name)


def _not_made(attempts: Sequence[Attempt], why: str) -> list[Verdict]:
    return [Retriable("", why, certain=True, exchange=Exchange(message=why)) for _ in attempts]


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
