"""`approver.proto`."""

from collections.abc import Sequence

from latchkey.catalog.v1 import approver_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.approvers import (
    Approvers,
    GroupMembers,
    Manager,
    OwnersOfApp,
    OwnersOfEntitlement,
    People,
    Source,
)
from services.catalog.domain.coverage import Coverage, Need
from services.catalog.domain.managers import MOST_MANAGERS
from services.catalog.domain.policy_use import PolicyUse
from services.catalog.handlers import check_approvers, resolve_approvers
from services.catalog.translate import shapes
from services.catalog.translate.directory import user_to_proto

_MOST_SOURCES = 40
_MOST_PEOPLE = 100
_MOST_NEEDED = 20


def resolve_approvers_query(
    request: approver_pb2.ResolveApproversRequest,
) -> resolve_approvers.Query:
    """The question whom sources stand for."""
    asked = request.sources
    with Fields() as fields:
        if not 1 <= len(asked) <= _MOST_SOURCES:
            fields.wrong("sources", f"has {len(asked)}, 1 to {_MOST_SOURCES} are taken")
        return resolve_approvers.Query(
            entitlement_id=fields.id("entitlement_id", request.entitlement_id, "ent"),
            subject_user_id=fields.id("subject_user_id", request.subject_user_id, "usr"),
            sources=tuple(
                _source_of(fields, f"sources[{index}]", each)
                for index, each in enumerate(asked[:_MOST_SOURCES])
            ),
        )


def resolve_approvers_response(
    resolved: tuple[Approvers, ...],
) -> approver_pb2.ResolveApproversResponse:
    """Whom the sources stand for."""
    return approver_pb2.ResolveApproversResponse(
        resolved=[
            approver_pb2.ResolvedApprovers(
                people=map(user_to_proto, each.people), problem=each.problem
            )
            for each in resolved
        ]
    )


def check_approvers_query(request: approver_pb2.CheckApproversRequest) -> check_approvers.Query:
    """The question about the audience of an app."""
    with Fields() as fields:
        if not 0 <= request.needed <= _MOST_NEEDED:
            fields.wrong("needed", f"must be between 1 and {_MOST_NEEDED}, or 0 for all of them")
        return check_approvers.Query(
            app_id=fields.id("app_id", request.app_id, "app"),
            access_profile_id=fields.id("access_profile_id", request.access_profile_id, "apr"),
            need=Need(
                approvers=_source_of(fields, "approvers", request.approvers),
                fallback=_source_of(fields, "fallback", request.fallback)
                if request.HasField("fallback")
                else None,
                needed=request.needed,
            ),
        )


def check_approvers_response(coverage: Coverage) -> approver_pb2.CheckApproversResponse:
    """For whom too few others could approve."""
    return approver_pb2.CheckApproversResponse(
        member_count=coverage.member_count,
        without_approver=coverage.without_approver,
        user_ids=coverage.user_ids,
        problem=coverage.problem,
    )


def list_policy_uses(request: approver_pb2.ListPolicyUsesRequest) -> tuple[str, PageRequest]:
    """Of which policy, which page."""
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol")
        return policy_id, shapes.page_request(fields, request, "policy_uses", policy_id)


def list_policy_uses_response(page: Page[PolicyUse]) -> approver_pb2.ListPolicyUsesResponse:
    """A page of uses."""
    return approver_pb2.ListPolicyUsesResponse(
        uses=map(_use_to_proto, page.items), next_page_token=page.next_page_token
    )


def _use_to_proto(use: PolicyUse) -> approver_pb2.PolicyUse:
    return approver_pb2.PolicyUse(
        app_id=use.app_id,
        app_display_name=use.app_display_name,
        entitlement_id=use.entitlement_id,
        entitlement_display_name=use.entitlement_display_name,
        tier=approver_pb2.PolicyUseTier.Value(f"POLICY_USE_TIER_{use.tier}"),
        emergency=use.emergency,
        audiences=[
            approver_pb2.PolicyUse.Audience(
                access_profile_id=each.access_profile_id, display_name=each.display_name
            )
            for each in use.audiences
        ],
    )


def source_to_proto(source: Source) -> approver_pb2.ApproverSource:
    """A source of approvers."""
    message = approver_pb2.ApproverSource()
    match source:
        case People(user_ids):
            message.people.user_ids.extend(user_ids)
        case Manager(level):
            message.manager.level = level
        case OwnersOfApp():
            message.app_owners.SetInParent()
        case OwnersOfEntitlement():
            message.entitlement_owners.SetInParent()
        case GroupMembers(group_id):
            message.group_members.group_id = group_id
    return message


def _source_of(fields: Fields, path: str, source: approver_pb2.ApproverSource) -> Source:
    match source.WhichOneof("kind"):
        case "people":
            return People(_people_of(fields, f"{path}.people.user_ids", source.people.user_ids))
        case "manager":
            level = source.manager.level
            if not 1 <= level <= MOST_MANAGERS:
                fields.wrong(f"{path}.manager.level", f"must be between 1 and {MOST_MANAGERS}")
            return Manager(level)
        case "app_owners":
            return OwnersOfApp()
        case "entitlement_owners":
            return OwnersOfEntitlement()
        case "group_members":
            where = f"{path}.group_members.group_id"
            return GroupMembers(fields.id(where, source.group_members.group_id, "grp"))
        case _:
            fields.wrong(
                path,
                "is required: people, manager, app_owners, entitlement_owners or group_members",
            )
            return People(())


def _people_of(fields: Fields, path: str, user_ids: Sequence[str]) -> tuple[str, ...]:
    if not 1 <= len(user_ids) <= _MOST_PEOPLE:
        fields.wrong(path, f"has {len(user_ids)}, 1 to {_MOST_PEOPLE} are taken")
    return tuple(
        fields.id(f"{path}[{index}]", each, "usr")
        for index, each in enumerate(user_ids[:_MOST_PEOPLE])
    )
