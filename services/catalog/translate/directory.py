"""`directory.proto`."""

from latchkey.catalog.v1 import directory_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.directory import Group, User, WhichUsers
from services.catalog.translate import shapes
from services.catalog.translate.link import unwritable_to_proto


def get_user(request: directory_pb2.GetUserRequest) -> str:
    """The id of the person."""
    with Fields() as fields:
        return fields.id("user_id", request.user_id, "usr")


def get_group(request: directory_pb2.GetGroupRequest) -> str:
    """The id of the group."""
    with Fields() as fields:
        return fields.id("group_id", request.group_id, "grp")


def list_managers(request: directory_pb2.ListManagersRequest) -> str:
    """The id of the person."""
    with Fields() as fields:
        return fields.id("user_id", request.user_id, "usr")


def list_users(request: directory_pb2.ListUsersRequest) -> tuple[WhichUsers, PageRequest]:
    """Which people, which page."""
    with Fields() as fields:
        enabled = request.account_enabled if request.HasField("account_enabled") else None
        which = WhichUsers(
            shapes.query(fields, request.query),
            fields.text("department", request.department, least=0, most=shapes.MAX_QUERY),
            fields.id("manager_user_id", request.manager_user_id, "usr", required=False),
            enabled,
        )
        scope = (which.query, which.department, which.manager_user_id, str(enabled))
        return which, shapes.page_request(fields, request, "users", *scope)


def list_users_response(page: Page[User]) -> directory_pb2.ListUsersResponse:
    """A page of people."""
    return directory_pb2.ListUsersResponse(
        users=map(user_to_proto, page.items), next_page_token=page.next_page_token
    )


def list_groups(request: directory_pb2.ListGroupsRequest) -> tuple[str, PageRequest]:
    """With what in their name, which page."""
    with Fields() as fields:
        query = shapes.query(fields, request.query)
        return query, shapes.page_request(fields, request, "groups", query)


def list_groups_response(page: Page[Group]) -> directory_pb2.ListGroupsResponse:
    """A page of groups."""
    return directory_pb2.ListGroupsResponse(
        groups=map(group_to_proto, page.items), next_page_token=page.next_page_token
    )


def user_to_proto(user: User) -> directory_pb2.User:
    """A person."""
    return directory_pb2.User(
        user_id=user.user_id,
        entra_tenant_id=user.entra_tenant_id,
        entra_object_id=user.entra_object_id,
        display_name=user.display_name,
        user_principal_name=user.user_principal_name,
        mail=user.mail,
        department=user.department,
        job_title=user.job_title,
        manager_user_id=user.manager_user_id,
        account_enabled=user.account_enabled,
        sync_time=timestamp(user.sync_time),
    )


def group_to_proto(group: Group) -> directory_pb2.Group:
    """A group."""
    return directory_pb2.Group(
        group_id=group.group_id,
        entra_tenant_id=group.entra_tenant_id,
        entra_object_id=group.entra_object_id,
        display_name=group.display_name,
        description=group.description,
        member_count=group.member_count,
        unwritable_reason=unwritable_to_proto(group.unwritable_reason),
    )
