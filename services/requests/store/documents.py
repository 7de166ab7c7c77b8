"""What is kept as JSON: people, targets, plans and timelines."""

from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from libs.db.audit import actor_fields, actor_of
from services.requests.domain import timeline
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Plan
from services.requests.domain.steps import Accept, Reject, Step, UnknownStep
from services.requests.domain.target import AppRoleAssignment, GroupMembership, Target
from services.requests.domain.timeline import Entry, Happening
from services.requests.store.values import document, value_from

Document = dict[str, Any]

_HAPPENINGS: dict[str, type[Happening]] = {
    kind.__name__: kind
    for kind in (
        timeline.Created,
        timeline.PolicyUnavailable,
        timeline.Evaluated,
        timeline.LeaseGranted,
        timeline.TargetDelivered,
        timeline.Fulfilled,
        timeline.DeliveryFailed,
        timeline.Retried,
        timeline.Cancelled,
        timeline.LeaseEnding,
        timeline.LeaseEnded,
    )
}
# These came later, and their values are kept by the names of their classes.
_LATER: dict[str, type[Happening]] = {
    kind.__name__: kind
    for kind in (
        timeline.EmergencyRequested,
        timeline.StepOpened,
        timeline.NoApprover,
        timeline.StepApproved,
        timeline.Reassigned,
        timeline.Commented,
        timeline.Reminded,
        timeline.Escalated,
        timeline.Restarted,
        timeline.WaitOver,
        timeline.Approved,
        timeline.Denied,
        timeline.EmergencyReviewed,
        timeline.LeaseExtended,
        timeline.TargetFailed,
        timeline.RemovedOutside,
        timeline.TaskOpened,
        timeline.TaskCompleted,
    )
}


def person_document(person: PersonRef) -> Document:
    """A person for a column."""
    return _plain(person)


def person_from(document: Document) -> PersonRef:
    """The person that `person_document` wrote."""
    return PersonRef(**document)


def target_document(target: Target) -> Document:
    """A target for a column."""
    kind = "group_membership" if isinstance(target.kind, GroupMembership) else "app_role_assignment"
    return {
        "directory_entitlement_id": target.directory_entitlement_id,
        "connection_id": target.connection_id,
        "display_name": target.display_name,
        kind: _plain(target.kind),
    }


def target_from(document: Document) -> Target:
    """The target that `target_document` wrote."""
    kind: GroupMembership | AppRoleAssignment
    if "group_membership" in document:
        kind = GroupMembership(**document["group_membership"])
    else:
        kind = AppRoleAssignment(**document["app_role_assignment"])
    return Target(
        document["directory_entitlement_id"],
        document["connection_id"],
        document["display_name"],
        kind,
    )


def plan_document(plan: Plan) -> Document:
    """A plan for a column."""
    return {
        **_plain(plan),
        "explanation": list(plan.explanation),
        "steps": [document(step) for step in plan.steps],
        "evaluate_time": _time_text(plan.evaluate_time),
    }


def plan_from(document: Document) -> Plan:
    """The plan that `plan_document` wrote."""
    body = dict(document)
    body["explanation"] = tuple(body["explanation"])
    body["steps"] = tuple(_step_from(step) for step in body["steps"])
    body["evaluate_time"] = _time_from(body["evaluate_time"])
    return Plan(**body)


def entry_document(entry: Entry) -> Document:
    """A timeline entry for a column."""
    what = entry.what
    if isinstance(what, timeline.TargetDelivered):
        body = {
            "target": target_document(what.target),
            "answer": what.answer,
            "preexisting": what.preexisting,
        }
    elif isinstance(what, timeline.Fulfilled):
        body = {"end_time": _time_text(what.end_time)}
    elif type(what).__name__ in _LATER:
        body = {name: document(value) for name, value in _plain(what).items()}
    else:
        body = _plain(what)
    return {
        "time": _time_text(entry.time),
        "actor": actor_fields(entry.actor),
        "what": type(what).__name__,
        **body,
    }


def entry_from(document: Document) -> Entry:
    """The entry that `entry_document` wrote."""
    body = dict(document)
    time, actor = datetime.fromisoformat(body.pop("time")), actor_of(body.pop("actor"))
    name = body.pop("what")
    if name in _LATER:
        values = {field: value_from(value) for field, value in body.items()}
        return Entry(time, actor, _LATER[name](**values))
    kind = _HAPPENINGS[name]
    if kind is timeline.TargetDelivered:
        body["target"] = target_from(body["target"])
    elif kind is timeline.Fulfilled:
        body["end_time"] = _time_from(body["end_time"])
    return Entry(time, actor, kind(**body))


def _plain(thing: Any) -> Document:
    """The fields of a dataclass as they are. `asdict` copies deeply, which shows on each create."""
    kind: type = type(thing)
    return {name: getattr(thing, name) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _step_from(found: Document) -> Step:
    # As steps were kept while there were only two kinds.
    if "accept" in found:
        return Accept(found["accept"])
    if "reject" in found:
        return Reject(found["reject"])
    if "unknown" in found:
        return UnknownStep()
    step: Step = value_from(found)
    return step


def _time_text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time_from(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
