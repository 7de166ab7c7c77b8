"""AppCatalogService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import app_catalog_pb2, app_catalog_pb2_grpc
from libs.rpc.calls import person
from services.catalog.handlers.search_app_catalog import GetCatalogApp, SearchAppCatalog
from services.catalog.translate import app_catalog as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class AppCatalogServicer(app_catalog_pb2_grpc.AppCatalogServiceServicer):
    """What the calling person may ask for."""

    search: SearchAppCatalog
    get: GetCatalogApp

    async def SearchAppCatalog(
        self, request: app_catalog_pb2.SearchAppCatalogRequest, context: Context
    ) -> app_catalog_pb2.SearchAppCatalogResponse:
        query, state, page = translate.search_app_catalog(request)
        found = await self.search(person().user_id, query, state, page)
        return translate.search_app_catalog_response(found)

    async def GetCatalogApp(
        self, request: app_catalog_pb2.GetCatalogAppRequest, context: Context
    ) -> app_catalog_pb2.GetCatalogAppResponse:
        app_id = translate.get_catalog_app(request)
        return translate.get_catalog_app_response(await self.get(person().user_id, app_id))
