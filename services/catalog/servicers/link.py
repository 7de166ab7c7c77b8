"""LinkService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import link_pb2, link_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.catalog.handlers.link_entitlements import LinkEntitlements
from services.catalog.handlers.show import ShowApp
from services.catalog.handlers.unlink_entitlements import UnlinkEntitlements
from services.catalog.translate import link as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class LinkServicer(link_pb2_grpc.LinkServiceServicer):
    """The groups linked to apps, and what was chosen for each."""

    writes: Writes
    show_app: ShowApp
    link: LinkEntitlements
    unlink: UnlinkEntitlements

    async def ListLinkedEntitlements(
        self, request: link_pb2.ListLinkedEntitlementsRequest, context: Context
    ) -> link_pb2.ListLinkedEntitlementsResponse:
        app_id, page = translate.list_linked_entitlements(request)
        return translate.list_linked_entitlements_response(
            await self.show_app.its_linked_groups(app_id, page)
        )

    async def LinkEntitlements(
        self, request: link_pb2.LinkEntitlementsRequest, context: Context
    ) -> link_pb2.LinkEntitlementsResponse:
        command, actor = translate.link_entitlements_command(request), caller()
        return await self.writes.answer(
            lambda: self.link(command, actor),
            translate.link_entitlements_response,
            link_pb2.LinkEntitlementsResponse,
            key_of(actor, "/latchkey.catalog.v1.LinkService/LinkEntitlements", request),
        )

    async def PreviewLinkEntitlements(
        self, request: link_pb2.PreviewLinkEntitlementsRequest, context: Context
    ) -> link_pb2.PreviewLinkEntitlementsResponse:
        command = translate.preview_link_entitlements_command(request)
        return translate.preview_link_entitlements_response(await self.link.preview(command))

    async def UnlinkEntitlements(
        self, request: link_pb2.UnlinkEntitlementsRequest, context: Context
    ) -> link_pb2.UnlinkEntitlementsResponse:
        command, actor = translate.unlink_entitlements_command(request), caller()
        return await self.writes.answer(
            lambda: self.unlink(command, actor),
            translate.unlink_entitlements_response,
            link_pb2.UnlinkEntitlementsResponse,
            key_of(actor, "/latchkey.catalog.v1.LinkService/UnlinkEntitlements", request),
        )

    async def ListBindings(
        self, request: link_pb2.ListBindingsRequest, context: Context
    ) -> link_pb2.ListBindingsResponse:
        app_id, page = translate.list_bindings(request)
        return translate.list_bindings_response(await self.show_app.its_bindings(app_id, page))
