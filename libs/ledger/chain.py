"""Audit records and signed heads as the contracts have them, both ways."""

import importlib
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.ledger.v1 import audit_pb2
from libs.audit.heads import Head
from libs.audit.problems import Problem, Verification
from libs.audit.records import Record, time_text
from libs.db.audit import actor_from_json
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import time_of, timestamp


def record_to_proto(record: Record) -> audit_pb2.AuditRecord:
    """A record; of one that somebody else wrote what can be said of it."""
    try:
        actor = actor_to_proto(actor_from_json(record.actor))
    except (ValueError, TypeError, LookupError):
        actor = None
    return audit_pb2.AuditRecord(
        sequence=record.sequence,
        record_time=_timestamp(record.record_time),
        actor=actor,
        action=record.action,
        resource_id=record.resource_id,
        reason=record.reason,
        details_json=record.details,
        hash=record.hash,
        previous_hash=record.previous_hash,
        actor_json=record.actor,
    )


def record_of(message: audit_pb2.AuditRecord) -> Record:
    """A record as it is hashed."""
    return Record(
        sequence=message.sequence,
        record_time=_text(message, "record_time"),
        actor=message.actor_json,
        action=message.action,
        resource_id=message.resource_id,
        reason=message.reason,
        details=message.details_json,
        previous_hash=message.previous_hash,
        hash=message.hash,
    )


def head_to_proto(head: Head) -> audit_pb2.AuditHead:
    """A signed head."""
    return audit_pb2.AuditHead(
        service=head.service,
        sequence=head.sequence,
        hash=head.hash,
        previous_sequence=head.previous_sequence,
        head_time=_timestamp(head.head_time),
        key_id=head.key_id,
        signature=head.signature,
    )


def head_of(message: audit_pb2.AuditHead) -> Head:
    """A head as it was signed."""
    return Head(
        service=message.service,
        sequence=message.sequence,
        hash=message.hash,
        previous_sequence=message.previous_sequence,
        head_time=_text(message, "head_time"),
        key_id=message.key_id,
        signature=message.signature,
    )


def head_event(service: str) -> Any:
    """The message that a service publishes a signed head as: each has one of its own, of the same
    shape, since one name is published by one service."""
    return importlib.import_module(f"latchkey.{service}.v1.events_pb2").AuditHeadSigned


def head_to_message(head: Head) -> Message:
    """A signed head as the event that its service publishes."""
    message: Message = head_event(head.service)(head=head_to_proto(head))
    return message


def verification_to_proto(found: Verification) -> audit_pb2.VerifyAuditResponse:
    """What walking a chain found."""
    first = found.problems[0] if found.problems else None
    return audit_pb2.VerifyAuditResponse(
        intact=found.intact,
        record_count=found.record_count,
        first_broken_sequence=first.sequence if first else 0,
        problem=first.words if first else "",
        head_count=found.head_count,
        signed_sequence=found.signed_sequence,
        problem_count=found.problem_count,
        problems=map(_problem, found.problems),
    )


def _problem(problem: Problem) -> audit_pb2.AuditProblem:
    kinds, subjects = audit_pb2.AuditProblemKind, audit_pb2.AuditProblemSubject
    return audit_pb2.AuditProblem(
        kind=kinds.Value(f"AUDIT_PROBLEM_KIND_{problem.kind.name}"),
        subject=subjects.Value(f"AUDIT_PROBLEM_SUBJECT_{problem.subject.name}"),
        first_sequence=problem.sequence,
        last_sequence=problem.last_sequence,
        description=problem.words,
    )


def _timestamp(text: str) -> Timestamp | None:
    try:
        return timestamp(datetime.fromisoformat(text))
    except ValueError:
        return None


def _text(message: Any, field: str) -> str:
    return time_text(time_of(getattr(message, field))) if message.HasField(field) else ""
