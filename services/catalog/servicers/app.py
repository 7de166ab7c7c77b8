"""AppService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import app_pb2, app_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.catalog.handlers.manage_app import ManageApp
from services.catalog.handlers.show import ShowApp
from services.catalog.handlers.unmanage_app import UnmanageApp
from services.catalog.handlers.update_app import UpdateApp
from services.catalog.translate import app as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class AppServicer(app_pb2_grpc.AppServiceServicer):
    """The applications of the tenant."""

    writes: Writes
    show: ShowApp
    manage: ManageApp
    update: UpdateApp
    unmanage: UnmanageApp

    async def GetApp(
        self, request: app_pb2.GetAppRequest, context: Context
    ) -> app_pb2.GetAppResponse:
        app = await self.show.shown(translate.get_app(request))
        return app_pb2.GetAppResponse(app=translate.app_to_proto(app))

    async def ListApps(
        self, request: app_pb2.ListAppsRequest, context: Context
    ) -> app_pb2.ListAppsResponse:
        wanted, page = translate.list_apps(request)
        return translate.list_apps_response(await self.show.apps.page(wanted, page))

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

    async def BatchManageApps(
        self, request: app_pb2.BatchManageAppsRequest, context: Context
    ) -> app_pb2.BatchManageAppsResponse:
        command, actor = translate.batch_manage_apps_command(request), caller()
        return await self.writes.answer(
            lambda: self.manage.batch(command, actor),
            translate.batch_manage_apps_response,
            app_pb2.BatchManageAppsResponse,
            key_of(actor, "/latchkey.catalog.v1.AppService/BatchManageApps", request),
        )

    async def UpdateApp(
        self, request: app_pb2.UpdateAppRequest, context: Context
    ) -> app_pb2.UpdateAppResponse:
        command, actor = translate.update_app_command(request), caller()
        return await self.writes.answer(
            lambda: self.update(command, actor),
            translate.update_app_response,
            app_pb2.UpdateAppResponse,
            key_of(actor, "/latchkey.catalog.v1.AppService/UpdateApp", request),
        )

    async def UnmanageApp(
        self, request: app_pb2.UnmanageAppRequest, context: Context
    ) -> app_pb2.UnmanageAppResponse:
        command, actor = translate.unmanage_app_command(request), caller()
        return await self.writes.answer(
            lambda: self.unmanage(command, actor),
            translate.unmanage_app_response,
            app_pb2.UnmanageAppResponse,
            key_of(actor, "/latchkey.catalog.v1.AppService/UnmanageApp", request),
        )
