"""Showing what there is: look-ups and lists that decide nothing but whether it exists."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.domain.app import App
from services.catalog.domain.directory import Group, User
from services.catalog.domain.entitlement import Entitlement, ResourceType
from services.catalog.domain.link import Binding, LinkedGroup
from services.catalog.ports import AccessProfiles, Apps, Directory, Entitlements, Links


@dataclass(frozen=True, slots=True)
class ShowApp:
    """Shows an app, and what belongs to it."""

    apps: Apps
    entitlements: Entitlements
    links: Links

    async def __call__(self, app_id: str) -> App:
        """The app.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        app = await self.apps.find(app_id)
        if app is None:
            raise errors.app_not_found(app_id)
        return app

    async def its_entitlements(self, app_id: str, page: PageRequest) -> Page[Entitlement]:
        """The entitlements of the app, oldest first.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        await self(app_id)
        return await self.entitlements.page(app_id, page)

    async def its_resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        """The resource types of the app, the built-in one first.

        Raises:
            NotFound: APP_NOT_FOUND.
        """
        await self(app_id)
        return await self.entitlements.resource_types(app_id)

    async def its_linked_groups(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        """The groups linked to the app, by name, those without a choice first.

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
    """Shows an entitlement."""

    entitlements: Entitlements

    async def __call__(self, entitlement_id: str) -> Entitlement:
        """The entitlement.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND.
        """
        entitlement = await self.entitlements.find(entitlement_id)
        if entitlement is None:
            raise errors.entitlement_not_found(entitlement_id)
        return entitlement


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


MOST_MANAGERS = 10


@dataclass(frozen=True, slots=True)
class ShowUser:
    """Shows a person, their managers, and groups."""

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
        """Their manager, that one's and so on, at most ten, ending before anybody comes twice.

        Raises:
            NotFound: USER_NOT_FOUND.
        """
        last, seen, found = await self(user_id), {user_id}, list[User]()
        while len(found) < MOST_MANAGERS and last.manager_user_id not in seen:
            manager = await self.directory.user(last.manager_user_id)
            if manager is None:
                break
            seen.add(manager.user_id)
            found.append(manager)
            last = manager
        return tuple(found)

    async def group(self, group_id: str) -> Group:
        """The group.

        Raises:
            NotFound: GROUP_NOT_FOUND.
        """
        group = await self.directory.group(group_id)
        if group is None:
            raise errors.group_not_found(group_id)
        return group
