"""One wave: its attempts are noted, its parcels go to Entra, its answers are noted.

Each person's operations are noted in changes of their own: what comes in between for one of them is
nobody else's concern. Whoever's answers are all there is done, and does not wait for the others.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
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
from services.connector.domain.writing import refusal_to_add, refusal_to_touch, service_principals
from services.connector.handlers.run_operations import Begun
from services.connector.loops.provisioning.parts import Parts
from services.connector.ports import Attempt, Departure, Serving

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
    settling: bool = False


class WaveRun:
    """Carries out one wave. `returned` hears of each parcel that is back, `freed` of each person
    for whom everything is noted, and whether anything may be under way for them still."""

    def __init__(
        self,
        connection_id: str,
        serving: Serving,
        parts: Parts,
        returned: Callable[[Parcel], None],
        freed: Callable[[str, bool], None],
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

    async def carry_on(self, parcels: Sequence[Parcel], departures: Sequence[Departure]) -> None:
        """The rest for attempts that are noted already: those in no parcel are not made.

        Raises nothing.
        """
        self._out = [*parcels]
        going = {each.operation_id for parcel in parcels for each in parcel.operations}
        for departure in departures:
            person = self._people[departure.due[0].entra_principal_id]
            person.picture = departure.picture
            person.attempts.update(departure.attempts)
            left = [each for id, each in departure.attempts.items() if id not in going]
            person.answers += zip(left, _not_made(left, "too much was under way"), strict=True)
            self._protected_ids |= departure.tenant.protected_ids
        newest = max(departures, key=lambda each: each.tenant.connection.version)
        self._connection = newest.tenant.connection
        await self._finished(parcels)

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
        await self._finished(parcels, self._begin_all)

    async def _finished(
        self, parcels: Sequence[Parcel], begin: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        people = [*self._people]
        try:
            if begin is not None:
                await begin()
            await asyncio.gather(*(self._send(parcel) for parcel in parcels), self._settle_all())
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
                self._done(name, more=True)

    async def _begin_all(self) -> None:
        """Notes the attempts, with everything that has to be known read at once."""
        ids = [id for person in self._people.values() for id in person.client_request_ids]
        found = await self._parts.provisioning.around_operations(ids)
        tenant = await self._parts.connections.for_writing(
            self._connection_id,
            service_principals(each.target for each in found.assignments.values()),
        )
        if tenant is not None:
            self._connection, self._protected_ids = tenant.connection, tenant.protected_ids
        pictures = found.by_person()
        await asyncio.gather(*(self._begin(name, pictures.get(name)) for name in [*self._people]))

    async def _begin(self, name: str, picture: Picture | None) -> None:
        person = self._people[name]
        if picture is None:  # nothing is under way any more
            self._done(name, more=False)
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
            self._done(name, more=True)
            return
        person.attempts.update(begun.attempts)
        person.picture = begun.picture
        if not begun.attempts:
            self._done(name, more=True)

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
        for name, attempt, verdict in zip(people, attempts, verdicts, strict=True):
            self._people[name].answers.append((attempt, verdict))
        await self._settle_all()

    async def _settle_all(self) -> None:
        """Settles whoever's answers are all there."""
        complete = [
            (name, person)
            for name, person in self._people.items()
            if person.attempts
            and len(person.answers) == len(person.attempts)
            and not person.settling
        ]
        for _, person in complete:
            person.settling = True
        await asyncio.gather(*(self._settle(name, person) for name, person in complete))

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
        answers, more = person.answers, True
        try:
            more = await self._keep(answers, person.picture)
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
        self._done(name, more=more)

    async def _keep(self, answers: list[tuple[Attempt, Verdict]], picture: Picture | None) -> bool:
        known = [picture]
        while True:
            try:
                return await self._parts.writes.run(
                    lambda: self._parts.run_operations.settle(
                        answers, known.pop() if known else None
                    )
                )
            except (Unavailable, Conflict) as error:
                ids = [attempt.operation_id for attempt, _ in answers]
                _log.warning("answers_wait", operation_ids=ids, problem=error.message)
                await asyncio.sleep(_RETRY_SECONDS)

    def _back(self, parcel: Parcel) -> None:
        self._out.remove(parcel)
        self._returned(parcel)

    def _done(self, name: str, *, more: bool) -> None:
        del self._people[name]
        self._freed(name, more)


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
