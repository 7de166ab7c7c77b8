"""Contracts in words, for people who read a terminal."""

from typing import Any

from latchkey.requests.v1 import access_request_pb2

_PREFIXES = ("ACCESS_REQUEST_STATE_", "APP_STATE_", "LEASE_STATE_", "UNWRITABLE_REASON_")


def enum_word(enum: Any, value: int) -> str:
    """What is left of a value's name without its enum's: ACCESS_REQUEST_STATE_DENIED is DENIED."""
    name: str = enum.Name(value)
    return next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)


def told(entry: access_request_pb2.TimelineEntry) -> str:
    """A timeline entry in a line."""
    match entry.WhichOneof("fact"):
        case "created":
            return f"created: “{entry.created.justification}”"
        case "policy_unavailable":
            return f"policy did not answer: {entry.policy_unavailable.problem}"
        case "evaluated":
            fact = entry.evaluated
            rule = fact.rule or "baseline"
            return f"evaluated by {fact.policy_id} version {fact.policy_version}: {rule}"
        case "approved":
            return f"approved by {entry.approved.by}"
        case "denied":
            return f"denied{_place(entry.denied)}: {entry.denied.message}"
        case "step_opened":
            opened = entry.step_opened
            names = ", ".join(each.display_name for each in opened.approvers)
            return f"step {opened.step} waits for {names or 'its time'}"
        case "no_approver":
            return f"nobody can decide step {entry.no_approver.step}: {entry.no_approver.problem}"
        case "step_approved":
            given = entry.step_approved
            why = f": “{given.reason}”" if given.reason else ""
            return f"step {given.step} approved{_place(given)}{why}"
        case "reassigned":
            names = ", ".join(each.display_name for each in entry.reassigned.approvers)
            return f"handed to {names}: {entry.reassigned.reason}"
        case "commented":
            return f"“{entry.commented.comment}”"
        case "escalated":
            return f"step {entry.escalated.step} took too long: {entry.escalated.policy_id} decides"
        case "lease_granted":
            return f"lease granted: {entry.lease_granted.lease_id}"
        case "target_delivered":
            delivered = entry.target_delivered
            return f"Entra answered {delivered.answer}: {delivered.target.display_name}"
        case "delivery_failed":
            return f"delivery failed: {entry.delivery_failed.failure_message}"
        case other:
            return str(other).replace("_", " ")


def _place(fact: Any) -> str:
    """In whose place somebody did it."""
    return f" for {fact.on_behalf_of.display_name}" if fact.HasField("on_behalf_of") else ""
