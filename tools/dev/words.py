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
            return f"denied: {entry.denied.message}"
        case "lease_granted":
            return f"lease granted: {entry.lease_granted.lease_id}"
        case "target_delivered":
            delivered = entry.target_delivered
            return f"Entra answered {delivered.answer}: {delivered.target.display_name}"
        case "delivery_failed":
            return f"delivery failed: {entry.delivery_failed.failure_message}"
        case other:
            return str(other).replace("_", " ")
