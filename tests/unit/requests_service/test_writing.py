"""How writing methods are named in what is kept of their answers."""

import pytest
from google.protobuf.message import Message

from latchkey.requests.v1 import access_request_pb2, campaign_pb2, lease_pb2, task_pb2
from services.requests.servicers.writing import method_of


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        (
            access_request_pb2.CancelAccessRequestRequest(),
            "AccessRequestService/CancelAccessRequest",
        ),
        (campaign_pb2.StartCampaignRequest(), "CampaignService/StartCampaign"),
        (lease_pb2.RevokeLeaseRequest(), "LeaseService/RevokeLease"),
        (task_pb2.CompleteTaskRequest(), "TaskService/CompleteTask"),
    ],
)
def test_a_request_names_its_method(request_: Message, method: str) -> None:
    """As the wire does: keys are kept for days under this name, so it never changes."""
    assert method_of(request_.DESCRIPTOR) == f"/latchkey.requests.v1.{method}"
