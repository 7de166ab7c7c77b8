"""TaskService, between its messages and the domain."""

from latchkey.requests.v1 import task_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.requests.domain.task import Task, TaskState, TaskTarget
from services.requests.handlers.complete_task import CompleteTask
from services.requests.handlers.show_tasks import ListTasks
from services.requests.translate.common import (
    MOST_TEXT,
    person_to_proto,
    target_to_proto,
    wanted_state,
)


def task_id(request: pb.GetTaskRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return fields.id("task_id", request.task_id, "tsk")


def list_command(request: pb.ListTasksRequest, person: Person) -> ListTasks:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        state = wanted_state(fields, request.state, pb.TaskState, TaskState, "a task")
        command = ListTasks(
            person=person,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            state=state,
            app_id=fields.id("app_id", request.app_id, "app", required=False),
        )
    return command


def complete_command(request: pb.CompleteTaskRequest, person: Person) -> CompleteTask:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CompleteTask(
            person=person,
            task_id=fields.id("task_id", request.task_id, "tsk"),
            note=fields.text("note", request.note, most=MOST_TEXT, lines=True),
            etag=fields.text("etag", request.etag, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def get_response(found: Task) -> pb.GetTaskResponse:
    """One task."""
    return pb.GetTaskResponse(task=task_to_proto(found))


def list_response(page: Page[Task]) -> pb.ListTasksResponse:
    """A page of tasks."""
    return pb.ListTasksResponse(
        tasks=map(task_to_proto, page.items), next_page_token=page.next_page_token
    )


def complete_response(found: Task) -> pb.CompleteTaskResponse:
    """The completed task."""
    return pb.CompleteTaskResponse(task=task_to_proto(found))


def task_to_proto(found: Task) -> pb.Task:
    """A task."""
    return pb.Task(
        task_id=found.task_id,
        kind=pb.TaskKind.Value(f"TASK_KIND_{found.kind}"),
        state=pb.TaskState.Value(f"TASK_STATE_{found.state}"),
        lease_id=found.lease_id,
        access_request_id=found.access_request_id,
        app_id=found.app_id,
        app_display_name=found.app_display_name,
        entitlement_id=found.entitlement_id,
        entitlement_display_name=found.entitlement_display_name,
        subject=person_to_proto(found.subject),
        targets=map(_target, found.targets),
        assignees=map(person_to_proto, found.assignees),
        create_time=timestamp(found.create_time),
        finish_time=timestamp(found.finish_time),
        finished_by=None if found.finished_by is None else actor_to_proto(found.finished_by),
        note=found.note,
        etag=str(found.version),
    )


def _target(found: TaskTarget) -> pb.TaskTarget:
    return pb.TaskTarget(
        target=target_to_proto(found.target),
        failure_reason=found.failure_reason,
        failure_message=found.failure_message,
        instructions=found.instructions,
    )
