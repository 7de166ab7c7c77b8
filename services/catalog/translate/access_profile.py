"""`access_profile.proto`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from latchkey.catalog.v1 import access_profile_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.access_profile import (
    EXPRESSION_MOST,
    AccessProfile,
    Member,
    Membership,
    Reasons,
)
from services.catalog.domain.directory import User
from services.catalog.handlers import change_access_profile, create_access_profile
from services.catalog.translate import shapes
from services.catalog.translate.directory import user_to_proto

# The fields that a caller gives a profile, by the contract's names and the domain's.
_CHANGEABLE = ("display_name", "description", "user_ids", "group_ids", "expression")


def create_access_profile_command(
    request: access_profile_pb2.CreateAccessProfileRequest,
) -> create_access_profile.Command:
    """The wish for an audience."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("access_profile"):
            fields.wrong("access_profile", "is required")
        return create_access_profile.Command(**_values(fields, request.access_profile, _CHANGEABLE))


def _values(
    fields: Fields, profile: access_profile_pb2.AccessProfile, names: Iterable[str]
) -> dict[str, Any]:
    """The fields of a profile with these names."""
    path = "access_profile."
    read: dict[str, Callable[[], Any]] = {
        "user_ids": lambda: _ids(fields, f"{path}user_ids", profile.user_ids, "usr", 1000),
        "group_ids": lambda: _ids(fields, f"{path}group_ids", profile.group_ids, "grp", 100),
        "display_name": lambda: fields.text(f"{path}display_name", profile.display_name, most=200),
        "description": lambda: fields.text(
            f"{path}description", profile.description, least=0, most=2000, lines=True
        ),
        "expression": lambda: fields.text(
            f"{path}expression", profile.expression, least=0, most=EXPRESSION_MOST, lines=True
        ),
    }
    return {name: value() for name, value in read.items() if name in names}


def _ids(
    fields: Fields, path: str, given: Sequence[str], prefix: str, most: int
) -> tuple[str, ...]:
    """Ids of one kind, each once."""
    if len(given) > most:
        fields.wrong(path, f"has {len(given)}, at most {most} are taken")
    seen: set[str] = set()
    for index, each in enumerate(given[:most]):
        fields.id(f"{path}[{index}]", each, prefix)
        if each in seen:
            fields.wrong(f"{path}[{index}]", "is named more than once")
        seen.add(each)
    return tuple(given)


def update_access_profile_command(
    request: access_profile_pb2.UpdateAccessProfileRequest,
) -> change_access_profile.Command:
    """The wish for other values of a profile."""
    profile = request.access_profile
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("access_profile"):
            fields.wrong("access_profile", "is required")
        else:
            fields.id("access_profile.access_profile_id", profile.access_profile_id, "apr")
            fields.text("access_profile.etag", profile.etag, least=0, most=40)
        paths = fields.update_mask(request.update_mask.paths, _CHANGEABLE)
        return change_access_profile.Command(
            profile.access_profile_id, profile.etag, _values(fields, profile, paths)
        )


def update_access_profile_response(
    profile: AccessProfile,
) -> access_profile_pb2.UpdateAccessProfileResponse:
    """The changed access profile."""
    return access_profile_pb2.UpdateAccessProfileResponse(
        access_profile=access_profile_to_proto(profile)
    )


def delete_access_profile(
    request: access_profile_pb2.DeleteAccessProfileRequest,
) -> tuple[str, str]:
    """The id of the access profile, and its etag."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return (
            fields.id("access_profile_id", request.access_profile_id, "apr"),
            fields.text("etag", request.etag, least=0, most=40),
        )


def delete_access_profile_response(_: None) -> access_profile_pb2.DeleteAccessProfileResponse:
    """It is deleted."""
    return access_profile_pb2.DeleteAccessProfileResponse()


def list_members(request: access_profile_pb2.ListMembersRequest) -> tuple[str, PageRequest]:
    """Of which access profile, which page."""
    with Fields() as fields:
        profile_id = fields.id("access_profile_id", request.access_profile_id, "apr")
        return profile_id, shapes.page_request(fields, request, "members", profile_id)


def list_members_response(page: Page[Member]) -> access_profile_pb2.ListMembersResponse:
    """People in an access profile."""
    return access_profile_pb2.ListMembersResponse(
        members=[
            access_profile_pb2.ListMembersResponse.Member(
                user=user_to_proto(member.user), reasons=_reasons_to_proto(member.reasons)
            )
            for member in page.items
        ],
        next_page_token=page.next_page_token,
    )


def explain_membership(
    request: access_profile_pb2.ExplainMembershipRequest,
) -> tuple[str, str]:
    """The ids of the access profile and of the person."""
    with Fields() as fields:
        return (
            fields.id("access_profile_id", request.access_profile_id, "apr"),
            fields.id("user_id", request.user_id, "usr"),
        )


def explain_membership_response(
    membership: Membership,
) -> access_profile_pb2.ExplainMembershipResponse:
    """Whether a person is in an access profile."""
    return access_profile_pb2.ExplainMembershipResponse(
        member=membership.member,
        reasons=_reasons_to_proto(membership.reasons),
        problem=membership.problem,
    )


def _reasons_to_proto(reasons: Reasons) -> list[access_profile_pb2.MembershipReason]:
    reason = access_profile_pb2.MembershipReason
    return [
        *([reason(everyone=True)] if reasons.everyone else []),
        *([reason(named=True)] if reasons.named else []),
        *(reason(group_id=group_id) for group_id in reasons.group_ids),
        *([reason(expression=True)] if reasons.expression else []),
    ]


def attributes_to_proto(person: User) -> access_profile_pb2.PersonAttributes:
    """What an expression knows of a person."""
    return access_profile_pb2.PersonAttributes(
        user_id=person.user_id,
        display_name=person.display_name,
        user_principal_name=person.user_principal_name,
        mail=person.mail,
        department=person.department,
        job_title=person.job_title,
        manager_user_id=person.manager_user_id,
    )


def create_access_profile_response(
    profile: AccessProfile,
) -> access_profile_pb2.CreateAccessProfileResponse:
    """The created access profile."""
    return access_profile_pb2.CreateAccessProfileResponse(
        access_profile=access_profile_to_proto(profile)
    )


def get_access_profile(request: access_profile_pb2.GetAccessProfileRequest) -> str:
    """The id of the access profile."""
    with Fields() as fields:
        return fields.id("access_profile_id", request.access_profile_id, "apr")


def list_access_profiles(
    request: access_profile_pb2.ListAccessProfilesRequest,
) -> PageRequest:
    """Which page."""
    with Fields() as fields:
        return shapes.page_request(fields, request, "access_profiles")


def list_access_profiles_response(
    page: Page[AccessProfile],
) -> access_profile_pb2.ListAccessProfilesResponse:
    """A page of access profiles."""
    return access_profile_pb2.ListAccessProfilesResponse(
        access_profiles=map(access_profile_to_proto, page.items),
        next_page_token=page.next_page_token,
    )


def access_profile_to_proto(profile: AccessProfile) -> access_profile_pb2.AccessProfile:
    """An access profile."""
    return access_profile_pb2.AccessProfile(
        access_profile_id=profile.access_profile_id,
        display_name=profile.display_name,
        description=profile.description,
        everyone=profile.everyone,
        user_ids=profile.user_ids,
        group_ids=profile.group_ids,
        expression=profile.expression,
        create_time=timestamp(profile.create_time),
        etag=str(profile.version),
    )
