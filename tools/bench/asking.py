"""What the people of a house ask of it, as calls: their wishes, and each of the reads."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.catalog.v1 import app_catalog_pb2
from latchkey.policy.v1 import evaluation_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from libs.rpc.well_known import duration
from tools.bench.calls import CATALOG_PAGE, EVALUATE, MY_REQUESTS, PREVIEW, REQUESTS, Read
from tools.bench.drive import Call
from tools.bench.stage import Stage, user_id
from tools.dev import cast
from tools.dev.cast import Member

CREATE = f"{REQUESTS}/CreateAccessRequest"


def creation(stage: Stage, member: Member, entitlement_id: str) -> Call:
    """A person's wish for an entitlement, another one each time."""
    request = pb.CreateAccessRequestRequest(
        entitlement_id=entitlement_id,
        justification="I draw the boards of the new instrument this quarter.",
        idempotency_key=str(uuid.uuid4()),
    )
    return stage.token(member), request.SerializeToString()


def asked(stage: Stage, read: Read, readers: Sequence[Member]) -> list[Call]:
    """The calls of a read, by people who take turns."""
    if read is EVALUATE:
        return [(stage.house.issuer.service("requests"), _evaluation(stage, readers[0]))]
    message = {
        PREVIEW: pb.PreviewAccessRequestRequest(entitlement_id=stage.role),
        CATALOG_PAGE: app_catalog_pb2.SearchAppCatalogRequest(),
        MY_REQUESTS: pb.ListAccessRequestsRequest(page_size=20),
    }[read].SerializeToString()
    return [(stage.token(member), message) for member in readers]


def _evaluation(stage: Stage, reader: Member) -> bytes:
    manager = user_id(stage.everybody[0])
    subject = evaluation_pb2.PersonFacts(
        user_id=user_id(reader),
        display_name=reader.name,
        department="Engineering",
        job_title="Engineer",
        manager_user_id=manager,
    )
    now = Timestamp()
    now.GetCurrentTime()
    return evaluation_pb2.EvaluatePolicyRequest(
        facts=evaluation_pb2.Facts(
            subject=subject,
            requester=subject,
            entitlement=evaluation_pb2.EntitlementFacts(
                entitlement_id=stage.role,
                display_name="Editor",
                resource_kind="ROLE",
            ),
            app=evaluation_pb2.AppFacts(app_id=stage.app_id, display_name=cast.APP),
            requested_duration=duration(timedelta(hours=8)),
            now=now,
            manager_user_ids=[manager],
        )
    ).SerializeToString()
