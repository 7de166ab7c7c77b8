"""TaskService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import task_pb2 as pb
from latchkey.requests.v1 import task_pb2_grpc as pb_grpc
from libs.db.writes import Writes
from libs.rpc.calls import person
from services.requests.handlers.complete_task import Completer
from services.requests.handlers.show_tasks import TaskShower
from services.requests.servicers.writing import written
from services.requests.translate import tasks as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class TaskServicer(pb_grpc.TaskServiceServicer):
    """What has to be done by hand."""

    writes: Writes
    show: TaskShower
    complete: Completer

    async def GetTask(self, request: pb.GetTaskRequest, context: Context) -> pb.GetTaskResponse:
        found = await self.show.get(person(), translate.task_id(request))
        return translate.get_response(found)

    async def ListTasks(
        self, request: pb.ListTasksRequest, context: Context
    ) -> pb.ListTasksResponse:
        page = await self.show.page(translate.list_command(request, person()))
        return translate.list_response(page)

    async def CompleteTask(
        self, request: pb.CompleteTaskRequest, context: Context
    ) -> pb.CompleteTaskResponse:
        command = translate.complete_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.complete(command),
            translate.complete_response,
            pb.CompleteTaskResponse,
        )
