"""gRPC in: one module for each service, and who may call it."""

from latchkey.requests.v1 import (
    access_request_pb2,
    access_request_pb2_grpc,
    campaign_pb2,
    campaign_pb2_grpc,
    delegation_pb2,
    delegation_pb2_grpc,
    lease_pb2,
    lease_pb2_grpc,
    replay_pb2,
    replay_pb2_grpc,
    takeover_pb2,
    takeover_pb2_grpc,
    task_pb2,
    task_pb2_grpc,
)
from libs.rpc.server import Servicer
from services.requests.servicers.access import ACCESS
from services.requests.servicers.access_requests import AccessRequestServicer
from services.requests.servicers.campaigns import CampaignServicer
from services.requests.servicers.delegations import DelegationServicer
from services.requests.servicers.leases import LeaseServicer
from services.requests.servicers.replay import ReplayServicer
from services.requests.servicers.takeovers import TakeoverServicer
from services.requests.servicers.tasks import TaskServicer


def servicers(
    access_requests: AccessRequestServicer,
    leases: LeaseServicer,
    delegations: DelegationServicer,
    replay: ReplayServicer,
    campaigns: CampaignServicer,
    tasks: TaskServicer,
    takeovers: TakeoverServicer,
) -> list[Servicer]:
    """Everything that this service answers of its own."""
    return [
        (
            access_request_pb2.DESCRIPTOR.services_by_name["AccessRequestService"],
            access_request_pb2_grpc.add_AccessRequestServiceServicer_to_server,
            access_requests,
        ),
        (
            lease_pb2.DESCRIPTOR.services_by_name["LeaseService"],
            lease_pb2_grpc.add_LeaseServiceServicer_to_server,
            leases,
        ),
        (
            delegation_pb2.DESCRIPTOR.services_by_name["DelegationService"],
            delegation_pb2_grpc.add_DelegationServiceServicer_to_server,
            delegations,
        ),
        (
            replay_pb2.DESCRIPTOR.services_by_name["ReplayService"],
            replay_pb2_grpc.add_ReplayServiceServicer_to_server,
            replay,
        ),
        (
            campaign_pb2.DESCRIPTOR.services_by_name["CampaignService"],
            campaign_pb2_grpc.add_CampaignServiceServicer_to_server,
            campaigns,
        ),
        (
            task_pb2.DESCRIPTOR.services_by_name["TaskService"],
            task_pb2_grpc.add_TaskServiceServicer_to_server,
            tasks,
        ),
        (
            takeover_pb2.DESCRIPTOR.services_by_name["TakeoverService"],
            takeover_pb2_grpc.add_TakeoverServiceServicer_to_server,
            takeovers,
        ),
    ]


__all__ = [
    "ACCESS",
    "AccessRequestServicer",
    "CampaignServicer",
    "DelegationServicer",
    "LeaseServicer",
    "ReplayServicer",
    "TakeoverServicer",
    "TaskServicer",
    "servicers",
]
