"""Steps in canonical JSON, both ways.

The form is JSON as RFC 8785 has it. Of its demands only sorted keys, no blanks, no needless escapes
and plain whole numbers matter here, since a content holds texts, lists, truths and small counts;
so the standard library writes it. What is stored once stays readable and keeps its digest: a field
that is added later is written only where it is not at its default.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from services.policy.domain import steps as kinds

_KINDS: dict[str, type[Any]] = {
    "accept": kinds.Accept,
    "reject": kinds.Reject,
    "approval": kinds.Approval,
    "wait": kinds.Wait,
    "people": kinds.People,
    "manager": kinds.Manager,
    "app_owners": kinds.AppOwners,
    "entitlement_owners": kinds.EntitlementOwners,
    "group_members": kinds.GroupMembers,
    "expression": kinds.Expression,
    "remind": kinds.Remind,
    "reassign": kinds.Reassign,
    "escalate": kinds.Escalate,
    "deny": kinds.Deny,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dumps(value: Mapping[str, Any]) -> str:
    """The text of a form."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def steps_to_json(steps: Sequence[kinds.Step]) -> list[dict[str, Any]]:
    """The form of steps, one after the other."""
    return [_named(step) for step in steps]


def steps_from_json(form: Sequence[Mapping[str, Any]]) -> tuple[kinds.Step, ...]:
    """The steps that `steps_to_json` wrote, now or in an earlier release."""
    return tuple(_from_named(step) for step in form)


def _named(value: Any) -> dict[str, Any]:
    return {_NAMES[type(value)]: _fields(value)}


def _fields(value: Any) -> dict[str, Any]:
    return {
        field.name: _form(getattr(value, field.name))
        for field in fields(value)
        # An acceptance has been written with its message, empty or not, from the first day.
        if isinstance(value, kinds.Accept) or getattr(value, field.name) != field.default
    }


def _form(value: Any) -> Any:
    if isinstance(value, timedelta):
        return _length_to_text(value)
    if isinstance(value, kinds.TimeLimit):
        return _fields(value)
    if isinstance(value, tuple):
        return list(value)
    return _named(value) if type(value) in _NAMES else value


def _from_named(form: Mapping[str, Any]) -> Any:
    ((name, inner),) = form.items()
    return _KINDS[name](**_from_fields(inner))


def _from_fields(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _READERS.get(name, _as_it_is)(value) for name, value in form.items()}


def _as_it_is(value: Any) -> Any:
    return value


def _length_to_text(length: timedelta) -> str:
    """As protobuf's own JSON has it: `90s`, `0.5s`."""
    seconds, rest = divmod(length // timedelta(microseconds=1), 10**6)
    return f"{seconds}.{rest:06d}".rstrip("0").removesuffix(".") + "s"


def _length_from_text(text: str) -> timedelta:
    seconds, _, rest = text.removesuffix("s").partition(".")
    return timedelta(seconds=int(seconds), microseconds=int(rest.ljust(6, "0")))


_READERS: dict[str, Callable[[Any], Any]] = {
    "approvers": _from_named,
    "fallback": _from_named,
    "then": _from_named,
    "time_limit": lambda form: kinds.TimeLimit(**_from_fields(form)),
    "user_ids": tuple,
    "after": _length_from_text,
    "duration": _length_from_text,
    "timeout": _length_from_text,
}
