"""Showing who is in an access profile, and why."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import Member, Membership, explain
from services.catalog.handlers.show import ShowAccessProfile, ShowDirectory
from services.catalog.ports import AccessProfiles, Directory


@dataclass(frozen=True, slots=True)
class ShowMembers:
    """Shows the people in an access profile."""

    access_profiles: AccessProfiles
    directory: Directory

    async def __call__(self, access_profile_id: str, page: PageRequest) -> Page[Member]:
        """The enabled people in a profile, by name.

        Raises:
            NotFound: ACCESS_PROFILE_NOT_FOUND.
            Invalid: PAGE_TOKEN_INVALID.
        """
        profile = await ShowAccessProfile(self.access_profiles)(access_profile_id)
        return await self.access_profiles.members(profile, page)

    async def explain(self, access_profile_id: str, user_id: str) -> Membership:
        """Whether a person is in a profile, and why.

        Raises:
            NotFound: ACCESS_PROFILE_NOT_FOUND, USER_NOT_FOUND.
        """
        profile = await ShowAccessProfile(self.access_profiles)(access_profile_id)
        person = await ShowDirectory(self.directory)(user_id)
        return explain(person, await self.access_profiles.reasons(profile, person))
