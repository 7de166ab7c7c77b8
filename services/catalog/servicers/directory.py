"""DirectoryService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import directory_pb2, directory_pb2_grpc
from services.catalog.handlers.show import ShowUser
from services.catalog.translate import directory as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class DirectoryServicer(directory_pb2_grpc.DirectoryServiceServicer):
    """The people and groups of the tenant, as of the last sync."""

    show: ShowUser

    async def GetUser(
        self, request: directory_pb2.GetUserRequest, context: Context
    ) -> directory_pb2.GetUserResponse:
        user = await self.show(translate.get_user(request))
        return directory_pb2.GetUserResponse(user=translate.user_to_proto(user))

    async def ListUsers(
        self, request: directory_pb2.ListUsersRequest, context: Context
    ) -> directory_pb2.ListUsersResponse:
        which, page = translate.list_users(request)
        return translate.list_users_response(await self.show.directory.users(which, page))

    async def ListGroups(
        self, request: directory_pb2.ListGroupsRequest, context: Context
    ) -> directory_pb2.ListGroupsResponse:
        query, page = translate.list_groups(request)
        return translate.list_groups_response(await self.show.directory.groups(query, page))

    async def GetGroup(
        self, request: directory_pb2.GetGroupRequest, context: Context
    ) -> directory_pb2.GetGroupResponse:
        group = await self.show.group(translate.get_group(request))
        return directory_pb2.GetGroupResponse(group=translate.group_to_proto(group))

    async def ListManagers(
        self, request: directory_pb2.ListManagersRequest, context: Context
    ) -> directory_pb2.ListManagersResponse:
        managers = await self.show.managers(translate.list_managers(request))
        return directory_pb2.ListManagersResponse(managers=map(translate.user_to_proto, managers))
