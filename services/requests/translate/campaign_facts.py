"""What happened to campaigns, as the events that leave."""

from google.protobuf.message import Message

from latchkey.requests.v1 import campaign_pb2
from latchkey.requests.v1 import events_pb2 as pb
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.requests.domain import facts


def campaign_fact_to_message(body: object) -> Message | None:
    """The event that says it; none for what is of something else."""
    match body:
        case facts.CampaignStarted() as it:
            return pb.CampaignStarted(
                campaign_id=it.campaign_id,
                app_id=it.app_id,
                entitlement_id=it.entitlement_id,
                item_count=it.item_count,
                due_time=timestamp(it.due_time),
                actor=actor_to_proto(it.actor),
            )
        case facts.CampaignItemReviewed() as it:
            return pb.CampaignItemReviewed(
                campaign_item_id=it.campaign_item_id,
                campaign_id=it.campaign_id,
                entitlement_id=it.entitlement_id,
                subject_user_id=it.subject_user_id,
                lease_id=it.lease_id,
                verdict=campaign_pb2.CampaignVerdict.Value(f"CAMPAIGN_VERDICT_{it.verdict}"),
                actor=actor_to_proto(it.actor),
            )
        case facts.CampaignClosed() as it:
            return pb.CampaignClosed(
                campaign_id=it.campaign_id,
                app_id=it.app_id,
                open_count=it.open_count,
                due_action=campaign_pb2.CampaignDueAction.Value(
                    f"CAMPAIGN_DUE_ACTION_{it.due_action}"
                ),
                actor=actor_to_proto(it.actor),
            )
        case _:
            return None
