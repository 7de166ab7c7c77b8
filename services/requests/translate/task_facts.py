"""What happened to tasks, as the events that leave."""

from google.protobuf.message import Message

from latchkey.requests.v1 import events_pb2 as pb
from latchkey.requests.v1 import task_pb2
from libs.ledger.actors import actor_to_proto
from services.requests.domain import facts


def task_fact_to_message(body: object) -> Message | None:
    """The event that says it; none for what is of something else."""
    match body:
        case facts.TaskOpened() as it:
            return pb.TaskOpened(
                task_id=it.task_id,
                kind=task_pb2.TaskKind.Value(f"TASK_KIND_{it.kind}"),
                lease_id=it.lease_id,
                app_id=it.app_id,
                assignee_user_ids=it.assignee_user_ids,
            )
        case facts.TaskCompleted() as it:
            return pb.TaskCompleted(
                task_id=it.task_id, lease_id=it.lease_id, actor=actor_to_proto(it.actor)
            )
        case facts.TaskClosed() as it:
            return pb.TaskClosed(task_id=it.task_id, lease_id=it.lease_id)
        case _:
            return None
