"""Makes attempts in Entra together, in as few calls as there can be.

Joins of one group are one PATCH, which adds all of them or none; everything else goes side by side,
in batches. A single call goes as what it is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from services.connector.domain.operation import OperationKind
from services.connector.domain.target import GroupMembership
from services.connector.domain.verdict import Done, Exchange, Retriable, Verdict
from services.connector.domain.wave import MOST_TOGETHER
from services.connector.entra.answer import Answer, Call
from services.connector.entra.answers import Write, exchange_of, judge, row_of
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.moves import (
    Found,
    cause,
    join,
    join_call,
    look_for_member,
    move,
)
from services.connector.entra.problems import Problem
from services.connector.ports import Attempt

_ATTEMPT_SECONDS = 60.0
_log = structlog.get_logger(__name__)


async def provision(graph: Graph, gate: Gate, attempts: Sequence[Attempt]) -> list[Verdict]:
    """What each attempt came to, in their order. Whatever goes wrong is in the verdicts."""
    run = _Run(graph, gate)
    problem = "no answer in time"
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            await run.make(attempts)
    except TimeoutError:
        pass
    except Exception as error:
        # A fault of ours: what Entra did is unknown, and no operation must be lost.
        ids = [attempt.operation_id for attempt in attempts]
        _log.error("attempts_fault", operation_ids=ids, exc_info=error)
        problem = f"a fault of ours: {type(error).__name__}"
    return [run.verdict(attempt, problem) for attempt in attempts]


class _Run:
    """Some attempts, from their first call to their verdicts."""

    def __init__(self, graph: Graph, gate: Gate) -> None:
        self._graph = graph
        self._gate = gate
        self._verdicts: dict[str, Verdict] = {}
        # The last write that went for each.
        self._written: dict[str, Call] = {}

    def verdict(self, attempt: Attempt, problem: str) -> Verdict:
        """What an attempt came to; `problem` is what cut it off if it came to nothing."""
        found = self._verdicts.get(attempt.operation_id)
        if found is not None:
            return found
        call = self._written.get(attempt.operation_id)
        if call is None:
            return Retriable("", problem, certain=True, exchange=Exchange(message=problem))
        exchange = exchange_of(call, Problem(0, "", problem))
        return Retriable("", problem, certain=False, exchange=exchange)

    async def make(self, attempts: Sequence[Attempt]) -> None:
        """Makes all of them, side by side."""
        # One call carries one id.
        together: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            if attempt.kind is OperationKind.ADD and isinstance(
                attempt.target.kind, GroupMembership
            ):
                group_id = attempt.target.kind.entra_group_id
                together[group_id, attempt.client_request_id].append(attempt)
        joins = [some for some in together.values() if len(some) > 1]
        joined = {attempt.operation_id for some in joins for attempt in some}
        base = self._graph.base_url
        others = [
            (attempt, move(attempt, base))
            for attempt in attempts
            if attempt.operation_id not in joined
        ]
        async with asyncio.TaskGroup() as tasks:
            if others:
                tasks.create_task(self._move(others))
            for some in joins:
                tasks.create_task(self._join(some))

    async def _join(self, attempts: list[Attempt]) -> None:
        """Adds people to a group: those that may be there already only if they are not."""
        kind = attempts[0].target.kind
        assert isinstance(kind, GroupMembership), "only groups are joined"
        base = self._graph.base_url
        await self._move(
            [(each, look_for_member(each, kind)) for each in attempts if each.looks_first]
        )
        left = [each for each in attempts if each.operation_id not in self._verdicts]
        for start in range(0, len(left), MOST_TOGETHER):
            some = left[start : start + MOST_TOGETHER]
            if len(some) == 1:
                await self._move([(some[0], join(some[0], kind, base))])
            else:
                await self._patch(some, kind)

    async def _patch(self, attempts: list[Attempt], kind: GroupMembership) -> None:
        call = join_call(attempts, kind, self._graph.base_url)
        if self._closed(attempts):
            return
        for attempt in attempts:
            self._written[attempt.operation_id] = call
        found = await self._graph.call(call)
        exchange = exchange_of(call, found, f" with {len(attempts)} members")
        if isinstance(found, Answer):
            for attempt in attempts:
                self._verdicts[attempt.operation_id] = Done(found.text, exchange=exchange)
            return
        row = row_of(Write.ADD_MEMBER, found)
        if found.is_passing or found.status == 401 or (row is not None and row.of_all):
            # It concerns all of them alike.
            verdict = judge(Write.ADD_MEMBER, found, "", exchange)
            await self._move([(attempts[0], cause(attempts[0], found, verdict))])
            for attempt in attempts[1:]:
                self._verdicts[attempt.operation_id] = self._verdicts[attempts[0].operation_id]
            return
        # Nobody was added because of one of them: on their own the others succeed.
        for attempt in attempts:
            del self._written[attempt.operation_id]
        self._gate.take_writes(len(attempts) - 1)
        base = self._graph.base_url
        await self._move([(attempt, join(attempt, kind, base)) for attempt in attempts])

    async def _move(self, moves: Iterable[tuple[Attempt, Any]]) -> None:
        """Carries moves on side by side, each time with the next call of all of them."""
        waiting: list[tuple[Attempt, Any, Call]] = []
        for attempt, steps in moves:
            self._step(waiting, attempt, steps, None)
        while waiting:
            going, waiting = waiting, []
            if self._closed([attempt for attempt, _, _ in going]):
                return
            for attempt, _, call in going:
                if call.is_write:
                    self._written[attempt.operation_id] = call
            answers = await self._send([call for _, _, call in going])
            for (attempt, steps, _), answer in zip(going, answers, strict=True):
                self._step(waiting, attempt, steps, answer)

    def _step(
        self,
        waiting: list[tuple[Attempt, Any, Call]],
        attempt: Attempt,
        steps: Any,
        answer: Found | None,
    ) -> None:
        try:
            call: Call = steps.send(answer)
        except StopIteration as end:
            if end.value is not None:
                self._verdicts[attempt.operation_id] = end.value
            return
        waiting.append((attempt, steps, call))

    def _closed(self, attempts: Iterable[Attempt]) -> bool:
        """Whether the tenant is not to be called now: what was not written then waits outside,
        where it keeps nobody else waiting and can still be given up."""
        if not self._gate.closed_for:
            return False
        text = "the tenant asked not to be called for a while"
        for attempt in attempts:
            if attempt.operation_id not in self._verdicts:
                self._verdicts[attempt.operation_id] = Retriable(
                    "", text, certain=True, exchange=Exchange(message=text)
                )
        return True

    async def _send(self, calls: Sequence[Call]) -> list[Found]:
        """Makes calls side by side."""
        chunks = [
            calls[start : start + MOST_TOGETHER] for start in range(0, len(calls), MOST_TOGETHER)
        ]
        answers = await asyncio.gather(*(self._send_together(chunk) for chunk in chunks))
        return [answer for some in answers for answer in some]

    async def _send_together(self, calls: Sequence[Call]) -> list[Found]:
        if len(calls) == 1:
            return [await self._graph.call(calls[0])]
        answers = await self._graph.batch(calls)
        first = answers[0]
        if (
            all(answer is first for answer in answers)
            and isinstance(first, Problem)
            and first.status in (400, 413)
        ):
            # The batch itself was refused and nothing of it was looked at.
            return list(await asyncio.gather(*(self._graph.call(call) for call in calls)))
        return answers
