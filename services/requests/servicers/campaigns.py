"""CampaignService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import campaign_pb2 as pb
from latchkey.requests.v1 import campaign_pb2_grpc as pb_grpc
from libs.db.writes import Writes
from libs.rpc.calls import person
from services.requests.handlers.close_campaign import CampaignCloser
from services.requests.handlers.review_campaign_item import ItemReviewer
from services.requests.handlers.show_campaigns import CampaignShower
from services.requests.handlers.start_campaign import CampaignStarter
from services.requests.servicers.writing import written
from services.requests.translate import campaigns as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class CampaignServicer(pb_grpc.CampaignServiceServicer):
    """Access reviews."""

    writes: Writes
    start: CampaignStarter
    show: CampaignShower
    review: ItemReviewer
    close: CampaignCloser

    async def StartCampaign(
        self, request: pb.StartCampaignRequest, context: Context
    ) -> pb.StartCampaignResponse:
        command = translate.start_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.start(command),
            translate.start_response,
            pb.StartCampaignResponse,
        )

    async def GetCampaign(
        self, request: pb.GetCampaignRequest, context: Context
    ) -> pb.GetCampaignResponse:
        found = await self.show.get(person(), translate.campaign_id(request))
        return translate.get_response(found)

    async def ListCampaigns(
        self, request: pb.ListCampaignsRequest, context: Context
    ) -> pb.ListCampaignsResponse:
        page = await self.show.page(translate.list_command(request, person()))
        return translate.list_response(page)

    async def ListCampaignItems(
        self, request: pb.ListCampaignItemsRequest, context: Context
    ) -> pb.ListCampaignItemsResponse:
        page = await self.show.items(translate.list_items_command(request, person()))
        return translate.list_items_response(page)

    async def ReviewCampaignItem(
        self, request: pb.ReviewCampaignItemRequest, context: Context
    ) -> pb.ReviewCampaignItemResponse:
        command = translate.review_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.review(command),
            translate.review_response,
            pb.ReviewCampaignItemResponse,
        )

    async def CloseCampaign(
        self, request: pb.CloseCampaignRequest, context: Context
    ) -> pb.CloseCampaignResponse:
        who, campaign_id = person(), translate.close_command(request)
        return await written(
            self.writes,
            request,
            lambda: self.close(who, campaign_id),
            translate.close_response,
            pb.CloseCampaignResponse,
        )
