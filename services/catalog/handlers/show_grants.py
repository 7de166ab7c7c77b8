"""Showing who has what, and why."""

from dataclasses import dataclass, replace

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, Caller, Person
from libs.domain.errors import Invalid
from libs.domain.paging import Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.grant import Explanation, Grant, Which, explain
from services.catalog.ports import AppCatalog, Apps, Directory, Entitlements, Grants


@dataclass(frozen=True, slots=True)
class ShowGrants:
    """Shows grants: to those who see everything, and to people their own.

    People's own name only entitlements that they may ask for, hold or have asked for; any other
    one, and its app, is to them as one that does not exist.
    """

    grants: Grants
    directory: Directory
    apps: Apps
    entitlements: Entitlements
    app_catalog: AppCatalog

    async def __call__(self, which: Which, page: PageRequest, caller: Caller) -> Page[Grant]:
        """A page of grants.

        Raises:
            Invalid: a person who sees only what is theirs names nobody.
            NotFound: USER_NOT_FOUND, APP_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
        """
        _may_see(which.user_id, caller)
        # Who is gone still has a past.
        if which.user_id and which.at_time is None:
            await self._name_of(which.user_id)
        if _sees_all(caller):
            await self._require(which)
        else:
            which = await self._shown(which)
        return await self.grants.page(which, page)

    async def _shown(self, which: Which) -> Which:
        """The same of what a person may know of.

        Raises:
            NotFound: APP_NOT_FOUND, ENTITLEMENT_NOT_FOUND: they may not.
        """
        shown = await self.app_catalog.shown(which.user_id, which.app_id, which.entitlement_id)
        if which.app_id and which.app_id not in shown.values():
            raise errors.app_not_found(which.app_id)
        if which.entitlement_id and which.entitlement_id not in shown:
            raise errors.entitlement_not_found(which.entitlement_id)
        return replace(which, shown=frozenset(shown))

    async def explain(
        self, user_id: str, entitlement_id: str, directory_entitlement_id: str, caller: Person
    ) -> Explanation:
        """Why a person has or lacks one of the two, of which one is empty.

        Raises:
            NotFound: USER_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
        """
        _may_see(user_id, caller)
        name = await self._name_of(user_id)
        shown = None
        if not _sees_all(caller):
            which = Which(user_id=user_id, entitlement_id=entitlement_id)
            shown = (await self._shown(which)).shown
        if entitlement_id:
            about = await self.grants.about_entitlement(user_id, entitlement_id)
            if about is None:
                raise errors.entitlement_not_found(entitlement_id)
            return explain(name, *about)
        known, grants = await self.grants.about_directory_entitlement(
            user_id, directory_entitlement_id, shown
        )
        # What a thing is called that they do not hold is not theirs to know.
        if shown is not None and not grants:
            known = ""
        wanted = {directory_entitlement_id: known or directory_entitlement_id}
        return explain(name, wanted, grants)

    async def _name_of(self, user_id: str) -> str:
        user = await self.directory.user(user_id)
        if user is None:
            raise errors.user_not_found(user_id)
        return user.display_name

    async def _require(self, which: Which) -> None:
        if which.app_id and await self.apps.find(which.app_id) is None:
            raise errors.app_not_found(which.app_id)
        asked = [which.entitlement_id] if which.entitlement_id else []
        if asked and not await self.entitlements.existing(asked):
            raise errors.entitlement_not_found(which.entitlement_id)


def _sees_all(caller: Caller) -> bool:
    # Of services only those are let in that review access.
    return not isinstance(caller, Person) or caller.may(ADMIN, CONNECTOR_ADMIN, AUDITOR)


def _may_see(user_id: str, caller: Caller) -> None:
    """Somebody else's grants are, for most, those of nobody."""
    if not isinstance(caller, Person) or _sees_all(caller) or user_id == caller.user_id:
        return
    if not user_id:
        raise Invalid.field("user_id", "is required of people who see only their own grants")
    raise errors.user_not_found(user_id)
