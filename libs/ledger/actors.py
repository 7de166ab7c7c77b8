"""Callers as the contracts name them."""

from latchkey.ledger.v1 import actor_pb2
from libs.domain.callers import Caller, Person


def actor_to_proto(caller: Caller) -> actor_pb2.Actor:
    """A caller as the actor of a timeline entry, event or audit record."""
    if isinstance(caller, Person):
        return actor_pb2.Actor(
            person=actor_pb2.Actor.Person(
                entra_tenant_id=caller.entra_tenant_id,
                entra_object_id=caller.entra_object_id,
                display_name=caller.display_name,
            )
        )
    return actor_pb2.Actor(service=caller.name)
