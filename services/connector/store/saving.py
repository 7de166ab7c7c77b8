"""What is written for deliveries, assignments and operations that changed.

The statements are made once, so that those of many changes are run together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, insert, update

from libs.db.guarded import Guarded, Versioned
from libs.domain.changes import Write
from services.connector.domain.delivery import Picture
from services.connector.domain.operation import Operation
from services.connector.store import rows
from services.connector.store.tables import assignments, attempts, deliveries, holds, operations

T = TypeVar("T")


def _update(table: Table, key: str) -> Any:
    return update(table).where(table.c[key] == bindparam("of"))


_ADD_DELIVERY, _DELIVERIES = insert(deliveries), Versioned(deliveries, "lease_id")
_ADD_ASSIGNMENT, _ASSIGNMENTS = insert(assignments), Versioned(assignments, "assignment_id")
# An operation belongs to its assignment, whose version guards it.
_ADD_OPERATION, _CHANGE_OPERATION = insert(operations), _update(operations, "operation_id")
_ADD_ATTEMPT = insert(attempts)
_END_ATTEMPT = _update(attempts, "operation_id").where(attempts.c.number == bindparam("nth"))
_HOLD = insert(holds)
_RELEASE = _update(holds, "assignment_id").where(holds.c.lease_id == bindparam("lease"))


def saved(before: Picture, after: Picture) -> tuple[Write, ...]:
    """What is written for `after`, which holds only what changed."""
    changed = after.assignments.values()
    writes = _each(
        (_ADD_ASSIGNMENT, _ASSIGNMENTS),
        [(each.assignment_id, each.version, each) for each in changed],
        rows.assignment_values,
        rows.assignment_changes,
    )
    writes += _operations([(*each.finished, each.operation) for each in changed])
    writes += _each(
        (_ADD_DELIVERY, _DELIVERIES),
        [(each.lease_id, each.version, each) for each in after.deliveries.values()],
        rows.delivery_values,
        rows.delivery_changes,
    )
    held, released = [], []
    for each in changed:
        known = before.assignments.get(each.assignment_id)
        had = known.lease_ids if known is not None else frozenset[str]()
        held += [
            {"assignment_id": each.assignment_id, "lease_id": lease_id, "live": True}
            for lease_id in sorted(each.lease_ids - had)
        ]
        released += [
            {"of": each.assignment_id, "lease": lease_id, "live": False}
            for lease_id in sorted(had - each.lease_ids)
        ]
    # Held and released in one change: the delivery hangs on it all the same.
    for delivery in after.deliveries.values():
        had_before = before.deliveries.get(delivery.lease_id)
        hung = had_before.assignment_ids if had_before is not None else ()
        held += [
            {"assignment_id": each, "lease_id": delivery.lease_id, "live": False}
            for each in delivery.assignment_ids
            if each not in hung
            and (found := after.assignments.get(each)) is not None
            and delivery.lease_id not in found.lease_ids
        ]
    return (*writes, *_all(_HOLD, held), *_all(_RELEASE, released))


def _each(
    statements: tuple[Any, Versioned],
    things: Sequence[tuple[str, int, T]],
    values: Callable[[T], dict[str, Any]],
    changes: Callable[[T], Mapping[str, Any]],
) -> list[Write]:
    """New ones in one go; of changed ones each is guarded by the version that was seen."""
    insertion, versioned = statements
    writes = _all(insertion, [values(thing) for _, version, thing in things if version == 0])
    writes += [
        versioned.changed(id, seen=version, values=changes(thing))
        for id, version, thing in things
        if version
    ]
    return writes


def _operations(of_assignments: Iterable[Sequence[Operation | None]]) -> list[Write]:
    found = [each for some in of_assignments for each in some if each is not None]
    changes = [
        rows.operation_changes(each) | {"of": each.operation_id} for each in found if each.version
    ]
    added = [rows.operation_values(each) for each in found if not each.version]
    begun = [
        rows.attempt_values(each.operation_id, start) for each in found for start in each.begun
    ]
    ended = [
        rows.attempt_changes(end) | {"of": each.operation_id, "nth": end.number}
        for each in found
        for end in each.ended
    ]
    return [
        # Those that ended first: the one under way takes over their unique key.
        *_all(_CHANGE_OPERATION, changes),
        *_all(_ADD_OPERATION, added),
        *_all(_ADD_ATTEMPT, begun),
        *_all(_END_ATTEMPT, ended),
    ]


def _all(statement: Any, parameters: list[dict[str, Any]]) -> list[Write]:
    return [Guarded(statement, parameters=parameters)] if parameters else []
