"""An access review over real processes: what it revokes is gone from Entra, where it is ours."""

from datetime import UTC, datetime, timedelta

import pytest

from latchkey.requests.v1 import access_request_pb2, lease_pb2, lease_pb2_grpc
from latchkey.requests.v1 import campaign_pb2 as pb
from latchkey.requests.v1 import campaign_pb2_grpc as pb_grpc
from libs.domain import ids
from libs.rpc.well_known import timestamp
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import REQUESTER, Member
from tools.dev.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _user_id(member: Member) -> str:
    return ids.user_id(cast.TENANT_ID, member.entra_object_id)


async def _is_editor(ready: Ready, member: Member) -> bool:
    holdings = await ready.entra.holds(member.entra_object_id)
    return cast.EDITORS_GROUP_ID in holdings.group_ids


async def _items(client: Client, campaign_id: str) -> dict[str, pb.CampaignItem]:
    """A campaign's items by their people."""
    stub = pb_grpc.CampaignServiceStub(client.channel("requests"))
    request = pb.ListCampaignItemsRequest(campaign_id=campaign_id, page_size=500)
    answer = await client.call(stub.ListCampaignItems, request)
    return {each.subject.user_id: each for each in answer.campaign_items}


async def test_a_review_takes_a_lease_and_names_what_is_not_ours(ready: Ready) -> None:
    """Nora has the role by a lease, Jonas from before Latchkey, and both are revoked: she loses it
    in Entra. Of him the item says what is to be done, nothing is written, and he keeps it."""
    (jonas, sofia) = people("Jonas Weber", "Sofia Petrenko")
    asked = await ready.guide(REQUESTER).ask(ready.role_entitlement_id, "I edit the brochure.")
    async for now in ready.guide(REQUESTER).watch_request(asked.access_request_id):
        asked = now
    assert asked.state == access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED
    assert await _is_editor(ready, REQUESTER)
    assert await _is_editor(ready, jonas)

    admin = ready.operator
    stub = pb_grpc.CampaignServiceStub(admin.channel("requests"))
    wanted = pb.Campaign(
        display_name="Editors, autumn",
        app_id=ready.app_id,
        entitlement_id=ready.role_entitlement_id,
        reviewers=pb.CAMPAIGN_REVIEWERS_APP_OWNERS,
        due_time=timestamp(datetime.now(UTC) + timedelta(days=7)),
        due_action=pb.CAMPAIGN_DUE_ACTION_KEEP,
    )
    request = pb.StartCampaignRequest(campaign=wanted, idempotency_key="autumn")
    campaign = (await admin.call(stub.StartCampaign, request)).campaign
    items = await _items(admin, campaign.campaign_id)
    assert campaign.item_count == len(items)
    nora = items[_user_id(REQUESTER)]
    assert nora.lease_id == asked.lease_id
    assert items[_user_id(jonas)].lease_id == ""

    # The owner in Entra is who is asked, and sees the same.
    (owner_ref,) = items[_user_id(jonas)].reviewers
    (owner,) = people(owner_ref.display_name)
    owner_client = ready.client(owner)
    assert await _items(owner_client, campaign.campaign_id) == items
    owner_stub = pb_grpc.CampaignServiceStub(owner_client.channel("requests"))

    async def review(client: Client, item: pb.CampaignItem, verdict: int) -> pb.CampaignItem:
        method = (stub if client is admin else owner_stub).ReviewCampaignItem
        answer = await client.call(
            method,
            pb.ReviewCampaignItemRequest(
                campaign_item_id=item.campaign_item_id,
                etag=item.etag,
                verdict=verdict,  # type: ignore[arg-type]
                reason="The brochure is printed.",
                idempotency_key=item.campaign_item_id,
            ),
        )
        found: pb.CampaignItem = answer.campaign_item
        return found

    await review(owner_client, items[_user_id(sofia)], pb.CAMPAIGN_VERDICT_CERTIFIED)
    await review(owner_client, nora, pb.CAMPAIGN_VERDICT_REVOKED)
    by_hand = await review(admin, items[_user_id(jonas)], pb.CAMPAIGN_VERDICT_REVOKED)
    assert "Take it from Jonas Weber in Entra: member of Atelier Editors" in by_hand.instructions

    async def is_gone() -> bool:
        return not await _is_editor(ready, REQUESTER)

    await eventually(is_gone, 10)
    leases = lease_pb2_grpc.LeaseServiceStub(admin.channel("requests"))

    async def has_ended() -> bool:
        lease = await admin.call(leases.GetLease, lease_pb2.GetLeaseRequest(lease_id=nora.lease_id))
        return bool(lease.lease.state == lease_pb2.LEASE_STATE_ENDED)

    await eventually(has_ended, 10)
    assert await ready.entra.writes(jonas.entra_object_id) == []
    assert await _is_editor(ready, jonas)

    request_to_close = pb.CloseCampaignRequest(campaign_id=campaign.campaign_id)
    report = (await admin.call(stub.CloseCampaign, request_to_close)).campaign
    assert report.state == pb.CAMPAIGN_STATE_CLOSED
    assert (report.certified_count, report.revoked_count) == (1, 2)
    assert report.open_count == len(items) - 3
