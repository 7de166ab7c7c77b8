"""`events.proto`."""

from google.protobuf.message import Message

from latchkey.policy.v1 import events_pb2
from libs.domain.changes import Fact
from libs.ledger.actors import actor_to_proto
from services.policy.domain.facts import PolicyCreated


def fact_to_message(fact: Fact) -> Message:
    """What happened, as the event that is published."""
    body = fact.body
    assert isinstance(body, PolicyCreated), "every fact has a message"
    return events_pb2.PolicyCreated(
        policy_id=body.policy_id,
        display_name=body.display_name,
        version=body.version,
        digest=body.digest,
        actor=actor_to_proto(body.actor),
    )
