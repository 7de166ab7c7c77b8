"""`access_profile.proto`."""

from latchkey.catalog.v1 import access_profile_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.handlers import create_access_profile
from services.catalog.translate import shapes

_MOST_PEOPLE = 1000


def create_access_profile_command(
    request: access_profile_pb2.CreateAccessProfileRequest,
) -> create_access_profile.Command:
    """The wish for an audience."""
    path, profile = "access_profile", request.access_profile
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("access_profile"):
            fields.wrong(path, "is required")
        if len(profile.user_ids) > _MOST_PEOPLE:
            fields.wrong(
                f"{path}.user_ids",
                f"has {len(profile.user_ids)}, at most {_MOST_PEOPLE} are taken",
            )
        seen: set[str] = set()
        for index, user_id in enumerate(profile.user_ids[:_MOST_PEOPLE]):
            fields.id(f"{path}.user_ids[{index}]", user_id, "usr")
            if user_id in seen:
                fields.wrong(f"{path}.user_ids[{index}]", "is named more than once")
            seen.add(user_id)
        return create_access_profile.Command(
            display_name=fields.text(f"{path}.display_name", profile.display_name, most=200),
            description=fields.text(
                f"{path}.description", profile.description, least=0, most=2000, lines=True
            ),
            user_ids=tuple(profile.user_ids),
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
        create_time=timestamp(profile.create_time),
        etag=str(profile.version),
    )
