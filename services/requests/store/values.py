"""Values of the domain as JSON: dataclasses by their names, times and lengths as what they are.

A field that has its default is left out, so that a later version may add fields, and old documents
are read with those at their defaults. The names of the classes are part of what is kept.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from services.requests.domain import inputs, person, progress, resolution, steps, target, task

Document = Any
_KIND = "is"
_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        inputs.Inputs,
        person.PersonRef,
        progress.Progress,
        progress.StepApproval,
        progress.Origin,
        resolution.DirectoryPerson,
        resolution.Holding,
        steps.Accept,
        steps.Reject,
        steps.Approval,
        steps.Wait,
        steps.UnknownStep,
        steps.People,
        steps.Manager,
        steps.AppOwners,
        steps.EntitlementOwners,
        steps.GroupMembers,
        steps.UnknownApprovers,
        steps.TimeLimit,
        steps.Remind,
        steps.Reassign,
        steps.Escalate,
        steps.GiveUp,
        target.Target,
        target.GroupMembership,
        target.AppRoleAssignment,
        task.TaskTarget,
    )
}


def document(value: Any) -> Document:
    """A value for a column."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return {_KIND: type(value).__name__, "value": value.value}
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return {_KIND: "time", "value": value.isoformat()}
    if isinstance(value, timedelta):
        return {_KIND: "seconds", "value": value.total_seconds()}
    if isinstance(value, tuple):
        return [document(each) for each in value]
    kind: type = type(value)
    assert kind.__name__ in _CLASSES, f"{value!r} is not kept"
    kept = {_KIND: kind.__name__}
    for name, default in _fields(kind):
        if (found := getattr(value, name)) != default:
            kept[name] = document(found)
    return kept


def value_from(found: Document) -> Any:
    """The value that `document` wrote."""
    if isinstance(found, list):
        return tuple(value_from(each) for each in found)
    if not isinstance(found, dict):
        return found
    kind = found[_KIND]
    if kind == "time":
        return datetime.fromisoformat(found["value"])
    if kind == "seconds":
        return timedelta(seconds=found["value"])
    made = _CLASSES[kind]
    if issubclass(made, Enum):
        return made(found["value"])
    return made(**{name: value_from(each) for name, each in found.items() if name != _KIND})


@cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """Each field with its default; one without has a default that nothing is equal to."""
    return tuple((field.name, field.default) for field in fields(kind))
