"""`events.proto`."""

from google.protobuf.message import Message

from latchkey.policy.v1 import events_pb2
from libs.domain.changes import Fact
from libs.ledger.actors import actor_to_proto
from services.policy.domain.facts import PolicyCreated, PolicyDeleted, PolicyUpdated


def fact_to_message(fact: Fact) -> Message:
    """What happened, as the event that is published."""
    body = fact.body
    if isinstance(body, PolicyDeleted):
        return events_pb2.PolicyDeleted(
            policy_id=body.policy_id,
            display_name=body.display_name,
            version=body.version,
            actor=actor_to_proto(body.actor),
        )
    assert isinstance(body, PolicyCreated | PolicyUpdated), "every fact has a message"
    kind = events_pb2.PolicyCreated if isinstance(body, PolicyCreated) else events_pb2.PolicyUpdated
    return kind(
        policy_id=body.policy_id,
        display_name=body.display_name,
        version=body.version,
        digest=body.digest,
        actor=actor_to_proto(body.actor),
    )
