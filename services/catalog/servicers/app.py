"""AppService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import app_pb2, app_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.catalog.handlers.manage_app import ManageApp
from services.catalog.handlers.show import ShowApp
from services.catalog.translate import app as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class AppServicer(app_pb2_grpc.AppServiceServicer):
    """The applications of the tenant."""

    writes: Writes
    show: ShowApp
    manage: ManageApp

    async def GetApp(
        self, request: app_pb2.GetAppRequest, context: Context
    ) -> app_pb2.GetAppResponse:
        app = await self.show(translate.get_app(request))
        return app_pb2.GetAppResponse(app=translate.app_to_proto(app))

    async def ListApps(
        self, request: app_pb2.ListAppsRequest, context: Context
    ) -> app_pb2.ListAppsResponse:
        state, query, page = translate.list_apps(request)
        return translate.list_apps_response(await self.show.apps.page(state, query, page))

    async def ManageApp(
        self, request: app_pb2.ManageAppRequest, context: Context
    ) -> app_pb2.ManageAppResponse:
        command, actor = translate.manage_app_command(request), caller()
        return await self.writes.answer(
            lambda: self.manage(command, actor),
            translate.manage_app_response,
            app_pb2.ManageAppResponse,
            key_of(actor, "/latchkey.catalog.v1.AppService/ManageApp", request),
        )
