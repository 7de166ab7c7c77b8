"""`approver.proto`."""

from collections.abc import Sequence

from latchkey.catalog.v1 import approver_pb2
from libs.domain.fields import Fields
from services.catalog.domain.approvers import (
    Approvers,
    GroupMembers,
    Manager,
    OwnersOfApp,
    OwnersOfEntitlement,
    People,
    Source,
)
from services.catalog.domain.managers import MOST_MANAGERS
from services.catalog.handlers import resolve_approvers
from services.catalog.translate.directory import user_to_proto

_MOST_SOURCES = 40
_MOST_PEOPLE = 100


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
