"""Showing who has what, and why."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, Person
from libs.domain.errors import Invalid
from libs.domain.paging import MAX_PAGE_SIZE, Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.grant import Explanation, Grant, Which, explain
from services.catalog.ports import Apps, Directory, Entitlements, Grants, Uses


@dataclass(frozen=True, slots=True)
class ShowGrants:
    """Shows grants: to those who see everything, and to people their own."""

    grants: Grants
    directory: Directory
    apps: Apps
    entitlements: Entitlements
    uses: Uses

    async def __call__(self, which: Which, page: PageRequest, caller: Person) -> Page[Grant]:
        """A page of grants.

        Raises:
            Invalid: a person who sees only what is theirs names nobody.
            NotFound: USER_NOT_FOUND, APP_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
        """
        _may_see(which.user_id, caller)
        # Who is gone still has a past.
        if which.user_id and which.at_time is None:
            await self._name_of(which.user_id)
        if which.app_id and await self.apps.find(which.app_id) is None:
            raise errors.app_not_found(which.app_id)
        if which.entitlement_id:
            await self._require_entitlement(which.entitlement_id)
        return await self.grants.page(which, page)

    async def explain(
        self, user_id: str, entitlement_id: str, directory_entitlement_id: str, caller: Person
    ) -> Explanation:
        """Why a person has or lacks one of the two, of which one is empty.

        Raises:
            NotFound: USER_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
        """
        _may_see(user_id, caller)
        name = await self._name_of(user_id)
        open_ids: tuple[str, ...] = ()
        if entitlement_id:
            await self._require_entitlement(entitlement_id)
            wanted = await self.grants.wanted(entitlement_id)
            open_ids = tuple(
                use.access_request_id
                for use in await self.uses.of_entitlements([entitlement_id])
                if use.user_id == user_id and not use.lease_id
            )
        else:
            known = await self.grants.name(directory_entitlement_id)
            wanted = {directory_entitlement_id: known or directory_entitlement_id}
        which = Which(
            user_id=user_id,
            entitlement_id=entitlement_id,
            directory_entitlement_id=directory_entitlement_id,
        )
        first = PageRequest(size=MAX_PAGE_SIZE, token="", scope=())
        found = await self.grants.page(which, first)
        return explain(name, wanted, found.items, open_ids)

    async def _name_of(self, user_id: str) -> str:
        user = await self.directory.user(user_id)
        if user is None:
            raise errors.user_not_found(user_id)
        return user.display_name

    async def _require_entitlement(self, entitlement_id: str) -> None:
        if entitlement_id not in await self.entitlements.existing([entitlement_id]):
            raise errors.entitlement_not_found(entitlement_id)


def _may_see(user_id: str, caller: Person) -> None:
    """Somebody else's grants are, for most, those of nobody."""
    if caller.may(ADMIN, CONNECTOR_ADMIN, AUDITOR) or user_id == caller.user_id:
        return
    if not user_id:
        raise Invalid.field("user_id", "is required of people who see only their own grants")
    raise errors.user_not_found(user_id)
