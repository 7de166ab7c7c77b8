"""AccessProfileService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import access_profile_pb2, access_profile_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.catalog.handlers.change_access_profile import (
    DeleteAccessProfile,
    UpdateAccessProfile,
)
from services.catalog.handlers.create_access_profile import CreateAccessProfile
from services.catalog.handlers.show import ShowAccessProfile
from services.catalog.handlers.show_members import ShowMembers
from services.catalog.translate import access_profile as translate

_SERVICE = "/latchkey.catalog.v1.AccessProfileService"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class AccessProfileServicer(access_profile_pb2_grpc.AccessProfileServiceServicer):
    """The audiences that entitlement rules name."""

    writes: Writes
    create: CreateAccessProfile
    update: UpdateAccessProfile
    delete: DeleteAccessProfile
    show: ShowAccessProfile
    members: ShowMembers

    async def CreateAccessProfile(
        self, request: access_profile_pb2.CreateAccessProfileRequest, context: Context
    ) -> access_profile_pb2.CreateAccessProfileResponse:
        command, actor = translate.create_access_profile_command(request), caller()
        return await self.writes.answer(
            lambda: self.create(command, actor),
            translate.create_access_profile_response,
            access_profile_pb2.CreateAccessProfileResponse,
            key_of(actor, f"{_SERVICE}/CreateAccessProfile", request),
        )

    async def GetAccessProfile(
        self, request: access_profile_pb2.GetAccessProfileRequest, context: Context
    ) -> access_profile_pb2.GetAccessProfileResponse:
        profile = await self.show(translate.get_access_profile(request))
        return access_profile_pb2.GetAccessProfileResponse(
            access_profile=translate.access_profile_to_proto(profile)
        )

    async def ListAccessProfiles(
        self, request: access_profile_pb2.ListAccessProfilesRequest, context: Context
    ) -> access_profile_pb2.ListAccessProfilesResponse:
        page = translate.list_access_profiles(request)
        return translate.list_access_profiles_response(await self.show.access_profiles.page(page))

    async def UpdateAccessProfile(
        self, request: access_profile_pb2.UpdateAccessProfileRequest, context: Context
    ) -> access_profile_pb2.UpdateAccessProfileResponse:
        command, actor = translate.update_access_profile_command(request), caller()
        return await self.writes.answer(
            lambda: self.update(command, actor),
            translate.update_access_profile_response,
            access_profile_pb2.UpdateAccessProfileResponse,
            key_of(actor, f"{_SERVICE}/UpdateAccessProfile", request),
        )

    async def DeleteAccessProfile(
        self, request: access_profile_pb2.DeleteAccessProfileRequest, context: Context
    ) -> access_profile_pb2.DeleteAccessProfileResponse:
        (profile_id, etag), actor = translate.delete_access_profile(request), caller()
        return await self.writes.answer(
            lambda: self.delete(profile_id, etag, actor),
            translate.delete_access_profile_response,
            access_profile_pb2.DeleteAccessProfileResponse,
            key_of(actor, f"{_SERVICE}/DeleteAccessProfile", request),
        )

    async def ListMembers(
        self, request: access_profile_pb2.ListMembersRequest, context: Context
    ) -> access_profile_pb2.ListMembersResponse:
        return translate.list_members_response(await self.members(*translate.list_members(request)))

    async def ExplainMembership(
        self, request: access_profile_pb2.ExplainMembershipRequest, context: Context
    ) -> access_profile_pb2.ExplainMembershipResponse:
        return translate.explain_membership_response(
            await self.members.explain(*translate.explain_membership(request))
        )
