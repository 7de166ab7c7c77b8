"""Showing what there is: look-ups and lists that decide nothing but whether it exists."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.domain.app import App
from services.catalog.domain.directory import Group, User
from services.catalog.domain.entitlement import ResourceType
from services.catalog.domain.link import Binding, LinkedGroup
from services.catalog.domain.rules import GovernedEntitlement, Tiers
from services.catalog.domain.settings import Defaults
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.ports import AccessProfiles, Apps, Directory, Entitlements, Links, Rules


@dataclass(frozen=True, slots=True)
class ShowApp:
    """Shows an app, and what belongs to it."""

    apps: Apps
    entitlements: Entitlements
    links: Links

    async def shown(self, app_id: str) -> ShownApp:
        """The app, and who answers for it.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        shown = await self.apps.shown(app_id)
        if shown is None:
            raise errors.app_not_found(app_id)
        return shown

    async def __call__(self, app_id: str) -> App:
        """The app.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        app = await self.apps.find(app_id)
        if app is None:
            raise errors.app_not_found(app_id)
        return app

    async def its_resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        """The resource types of the app, the built-in one first.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        await self(app_id)
        return await self.entitlements.resource_types(app_id)

    async def its_linked_groups(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        """The groups linked to the app, by name.

        Raises:
            NotFound: APP_NOT_FOUND.
            WrongState: APP_NOT_MANAGED.
        """
        (await self(app_id)).require_managed()
        return await self.links.page(app_id, page)

    async def its_bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        """The bindings of the app, oldest first.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        await self(app_id)
        return await self.links.bindings(app_id, page)


@dataclass(frozen=True, slots=True)
class ShowEntitlement:
    """Shows entitlements, with what holds for them."""

    apps: Apps
    entitlements: Entitlements
    rules: Rules
    deployment: Defaults

    async def __call__(self, entitlement_id: str) -> GovernedEntitlement:
        """The entitlement.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND.
        """
        entitlement = await self.entitlements.shown(entitlement_id)
        if entitlement is None:
            raise errors.entitlement_not_found(entitlement_id)
        return await self.governed(entitlement)

    async def governed(self, shown: ShownEntitlement) -> GovernedEntitlement:
        """The entitlement with what holds for it."""
        return (await self._tiers(shown.entitlement.app_id)).of(shown)

    async def of_app(
        self, app_id: str, resource_type_id: str, page: PageRequest
    ) -> Page[GovernedEntitlement]:
        """The entitlements of an app, of one resource type or any: access, roles, virtual roles.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        tiers = await self._tiers(app_id)
        found = await self.entitlements.page(app_id, resource_type_id, page)
        return Page(tuple(map(tiers.of, found.items)), found.next_page_token)

    async def _tiers(self, app_id: str) -> Tiers:
        app = await self.apps.find(app_id)
        if app is None:
            raise errors.app_not_found(app_id)
        return Tiers(await self.rules.of_app(app_id), app.says, self.deployment)


@dataclass(frozen=True, slots=True)
class ShowAccessProfile:
    """Shows an access profile."""

    access_profiles: AccessProfiles

    async def __call__(self, access_profile_id: str) -> AccessProfile:
        """The access profile.

        Raises:
            NotFound: ACCESS_PROFILE_NOT_FOUND.
        """
        profile = await self.access_profiles.find(access_profile_id)
        if profile is None:
            raise errors.access_profile_not_found(access_profile_id)
        return profile


@dataclass(frozen=True, slots=True)
class ShowDirectory:
    """Shows people and groups of the directory."""

    directory: Directory

    async def __call__(self, user_id: str) -> User:
        """The person.

        Raises:
            NotFound: USER_NOT_FOUND.
        """
        user = await self.directory.user(user_id)
        if user is None:
            raise errors.user_not_found(user_id)
        return user

    async def managers(self, user_id: str) -> tuple[User, ...]:
        """Whom the person answers to, their own manager first.

        Raises:
            NotFound: USER_NOT_FOUND.
        """
        managers = await self.directory.managers(user_id)
        if managers is None:
            raise errors.user_not_found(user_id)
        return managers

    async def group(self, group_id: str) -> Group:
        """The group.

        Raises:
            NotFound: GROUP_NOT_FOUND.
        """
        group = await self.directory.group(group_id)
        if group is None:
            raise errors.group_not_found(group_id)
        return group
