"""What is asked of the catalog, in the messages of its `approver.proto`."""

from latchkey.catalog.v1 import approver_pb2
from services.policy.domain import steps as kinds
from services.policy.domain.coverage import Audience, Gap, Inquiry, Use


def use_of(use: approver_pb2.PolicyUse) -> Use:
    """Where a policy is used."""
    return Use(
        app_id=use.app_id,
        app_display_name=use.app_display_name,
        entitlement_id=use.entitlement_id,
        entitlement_display_name=use.entitlement_display_name,
        by_rules=use.tier == approver_pb2.POLICY_USE_TIER_RULES,
        emergency=use.emergency,
        audiences=tuple(
            Audience(each.access_profile_id, each.display_name) for each in use.audiences
        ),
    )


def inquiry_to_proto(inquiry: Inquiry) -> approver_pb2.CheckApproversRequest:
    """The question."""
    fallback = inquiry.fallback
    return approver_pb2.CheckApproversRequest(
        app_id=inquiry.app_id,
        access_profile_id=inquiry.access_profile_id,
        approvers=_source(inquiry.approvers),
        fallback=None if fallback is None else _source(fallback),
        needed=inquiry.needed,
    )


def gap_of(response: approver_pb2.CheckApproversResponse) -> Gap:
    """The answer."""
    return Gap(response.without_approver, tuple(response.user_ids), response.problem)


def _source(approvers: kinds.Approvers) -> approver_pb2.ApproverSource:
    made = approver_pb2.ApproverSource
    if isinstance(approvers, kinds.People):
        return made(people=made.People(user_ids=approvers.user_ids))
    if isinstance(approvers, kinds.Manager):
        return made(manager=made.Manager(level=approvers.level))
    if isinstance(approvers, kinds.AppOwners):
        return made(app_owners=made.AppOwners())
    if isinstance(approvers, kinds.EntitlementOwners):
        return made(entitlement_owners=made.EntitlementOwners())
    assert isinstance(approvers, kinds.GroupMembers), "expressions are not the catalog's"
    return made(group_members=made.GroupMembers(group_id=approvers.group_id))
