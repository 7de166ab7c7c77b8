"""CampaignService, between its messages and the domain."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from latchkey.requests.v1 import campaign_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import time_field, timestamp
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    CampaignState,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.handlers.review_campaign_item import ReviewCampaignItem
from services.requests.handlers.show_campaigns import ListCampaignItems, ListCampaigns
from services.requests.handlers.start_campaign import StartCampaign
from services.requests.translate.common import MOST_TEXT, person_to_proto

_MOST_NAME = 200
E = TypeVar("E", bound=StrEnum)


def start_command(request: pb.StartCampaignRequest, person: Person) -> StartCampaign:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    wanted = request.campaign
    with Fields() as fields:
        its = fields.inside("campaign")
        due_time = datetime.max.replace(tzinfo=UTC)
        if wanted.HasField("due_time"):
            due_time = time_field(its, "due_time", wanted.due_time)
        else:
            its.wrong("due_time", "is required")
        command = StartCampaign(
            person=person,
            display_name=its.text("display_name", wanted.display_name, most=_MOST_NAME),
            app_id=its.id("app_id", wanted.app_id, "app"),
            entitlement_id=its.id("entitlement_id", wanted.entitlement_id, "ent", required=False),
            reviewed_by=_one_of(
                its, "reviewers", pb.CampaignReviewers, wanted.reviewers, ReviewedBy
            ),
            due_time=due_time,
            due_action=_one_of(
                its, "due_action", pb.CampaignDueAction, wanted.due_action, DueAction
            ),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def campaign_id(request: pb.GetCampaignRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return fields.id("campaign_id", request.campaign_id, "cam")


def close_command(request: pb.CloseCampaignRequest) -> str:
    """Which one.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        found = fields.id("campaign_id", request.campaign_id, "cam")
        fields.idempotency_key(request.idempotency_key)
    return found


def list_command(request: pb.ListCampaignsRequest, person: Person) -> ListCampaigns:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        state = None
        if request.state:
            state = _one_of(fields, "state", pb.CampaignState, request.state, CampaignState)
        return ListCampaigns(
            person=person,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            state=state,
        )


def list_items_command(request: pb.ListCampaignItemsRequest, person: Person) -> ListCampaignItems:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return ListCampaignItems(
            person=person,
            campaign_id=fields.id("campaign_id", request.campaign_id, "cam"),
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            open_only=request.open_only,
        )


def review_command(request: pb.ReviewCampaignItemRequest, person: Person) -> ReviewCampaignItem:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        verdict = _one_of(fields, "verdict", pb.CampaignVerdict, request.verdict, Verdict)
        if verdict is Verdict.NOT_REVIEWED:
            fields.wrong("verdict", "must be CERTIFIED or REVOKED")
        command = ReviewCampaignItem(
            person=person,
            campaign_item_id=fields.id("campaign_item_id", request.campaign_item_id, "cit"),
            etag=fields.text("etag", request.etag, most=100),
            verdict=verdict,
            reason=fields.text("reason", request.reason, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def start_response(found: Campaign) -> pb.StartCampaignResponse:
    """The campaign as it was started."""
    return pb.StartCampaignResponse(campaign=campaign_to_proto(found))


def get_response(found: Campaign) -> pb.GetCampaignResponse:
    """One campaign."""
    return pb.GetCampaignResponse(campaign=campaign_to_proto(found))


def list_response(page: Page[Campaign]) -> pb.ListCampaignsResponse:
    """A page of campaigns."""
    return pb.ListCampaignsResponse(
        campaigns=map(campaign_to_proto, page.items), next_page_token=page.next_page_token
    )


def list_items_response(page: Page[CampaignItem]) -> pb.ListCampaignItemsResponse:
    """A page of items."""
    return pb.ListCampaignItemsResponse(
        campaign_items=map(item_to_proto, page.items), next_page_token=page.next_page_token
    )


def review_response(found: CampaignItem) -> pb.ReviewCampaignItemResponse:
    """The item with its verdict."""
    return pb.ReviewCampaignItemResponse(campaign_item=item_to_proto(found))


def close_response(found: Campaign) -> pb.CloseCampaignResponse:
    """The campaign, which is over."""
    return pb.CloseCampaignResponse(campaign=campaign_to_proto(found))


def campaign_to_proto(found: Campaign) -> pb.Campaign:
    """A campaign."""
    return pb.Campaign(
        campaign_id=found.campaign_id,
        display_name=found.display_name,
        app_id=found.app_id,
        entitlement_id=found.entitlement_id,
        reviewers=pb.CampaignReviewers.Value(f"CAMPAIGN_REVIEWERS_{found.reviewed_by}"),
        due_time=timestamp(found.due_time),
        due_action=pb.CampaignDueAction.Value(f"CAMPAIGN_DUE_ACTION_{found.due_action}"),
        state=pb.CampaignState.Value(f"CAMPAIGN_STATE_{found.state}"),
        item_count=found.item_count,
        certified_count=found.certified_count,
        revoked_count=found.revoked_count,
        open_count=found.open_count,
        starter=actor_to_proto(found.starter),
        create_time=timestamp(found.create_time),
        close_time=timestamp(found.close_time),
    )


def item_to_proto(found: CampaignItem) -> pb.CampaignItem:
    """An item."""
    return pb.CampaignItem(
        campaign_item_id=found.campaign_item_id,
        campaign_id=found.campaign_id,
        entitlement_id=found.entitlement_id,
        entitlement_display_name=found.entitlement_display_name,
        subject=person_to_proto(found.subject),
        lease_id=found.lease_id,
        reviewers=map(person_to_proto, found.reviewers),
        verdict=pb.CampaignVerdict.Value(f"CAMPAIGN_VERDICT_{found.verdict or 'UNSPECIFIED'}"),
        reviewer=None if found.reviewer is None else actor_to_proto(found.reviewer),
        reason=found.reason,
        review_time=timestamp(found.review_time),
        instructions=found.instructions,
        etag=str(found.version),
    )


def _one_of(fields: Fields, field: str, enum: Any, number: int, kind: type[E]) -> E:
    """The value of an enum that has to be given."""
    try:
        # `CAMPAIGN_STATE_OPEN` of the enum `CampaignState`, whose first is `…_UNSPECIFIED`.
        prefix = enum.Name(0).removesuffix("UNSPECIFIED")
        return kind(enum.Name(number).removeprefix(prefix))
    except ValueError:
        names = ", ".join(kind)
        fields.wrong(field, f"must be one of {names}" if number else f"is required: {names}")
        return next(iter(kind))
