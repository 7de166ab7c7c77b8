"""What policy is told."""

from latchkey.policy.v1 import evaluation_pb2
from libs.rpc.well_known import duration, timestamp
from services.requests.domain.inputs import Inputs
from services.requests.domain.resolution import DirectoryPerson


def inputs_to_proto(inputs: Inputs) -> evaluation_pb2.Facts:
    """The facts of an evaluation. What the directory does not say is not set."""
    return evaluation_pb2.Facts(
        subject=_person(inputs.subject),
        requester=_person(inputs.requester),
        entitlement=evaluation_pb2.EntitlementFacts(
            entitlement_id=inputs.entitlement_id,
            display_name=inputs.entitlement_display_name,
            resource_kind=inputs.resource_kind,
        ),
        app=evaluation_pb2.AppFacts(app_id=inputs.app_id, display_name=inputs.app_display_name),
        requested_duration=duration(inputs.requested_duration),
        emergency=inputs.emergency,
        now=timestamp(inputs.now),
        held=[
            evaluation_pb2.HeldFacts(
                entitlement_id=each.entitlement_id,
                display_name=each.display_name,
                app_id=each.app_id,
            )
            for each in inputs.held
        ],
        manager_user_ids=inputs.manager_user_ids,
        app_owner_user_ids=inputs.app_owner_user_ids,
        entitlement_owner_user_ids=inputs.entitlement_owner_user_ids,
    )


def _person(person: DirectoryPerson) -> evaluation_pb2.PersonFacts:
    return evaluation_pb2.PersonFacts(
        user_id=person.user_id,
        display_name=person.display_name,
        department=person.department or None,
        job_title=person.job_title or None,
        manager_user_id=person.manager_user_id or None,
    )
