"""Changing and deleting access profiles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts, in_use
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.handlers.checked_profile import CheckedProfile
from services.catalog.ports import AccessProfiles


@dataclass(frozen=True, slots=True)
class Command:
    """Have these values, by the names of their fields. An empty `etag` is any."""

    access_profile_id: str
    etag: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpdateAccessProfile:
    """Changes an access profile."""

    access_profiles: AccessProfiles
    checked: CheckedProfile

    async def __call__(self, command: Command, actor: Caller) -> Outcome[AccessProfile]:
        """Changes the profile; one that is so already stays as it is.

        Raises:
            NotFound: ACCESS_PROFILE_NOT_FOUND, USER_NOT_FOUND, GROUP_NOT_FOUND.
            WrongState: ACCESS_PROFILE_BUILT_IN.
            Conflict: ETAG_MISMATCH.
            Invalid: EXPRESSION_INVALID.
            AlreadyExists: ACCESS_PROFILE_NAME_TAKEN.
        """
        before = await _found(self.access_profiles, command.access_profile_id, command.etag)
        # As the request has them, so that what is refused is named by its place.
        await self.checked(replace(before, **command.values), before)
        values = {
            name: tuple(sorted(value)) if isinstance(value, tuple) else value
            for name, value in command.values.items()
        }
        after = before.changed(values)
        if after == before:
            return Outcome(before)
        changed = tuple(name for name, value in values.items() if getattr(before, name) != value)
        profile_id = after.access_profile_id
        return Outcome(
            after,
            Change(
                audit=AuditEntry(
                    actor,
                    "access_profile.updated",
                    profile_id,
                    details={
                        name: list(value) if isinstance(value, tuple) else value
                        for name, value in values.items()
                        if name in changed
                    },
                ),
                writes=self.access_profiles.updated(before, after),
                facts=(
                    Fact(
                        profile_id,
                        after.version,
                        facts.AccessProfileUpdated(profile_id, changed, actor),
                    ),
                ),
            ),
        )


@dataclass(frozen=True, slots=True)
class DeleteAccessProfile:
    """Deletes an access profile."""

    access_profiles: AccessProfiles

    async def __call__(self, access_profile_id: str, etag: str, actor: Caller) -> Outcome[None]:
        """Deletes the profile, which no rules may name.

        Raises:
            NotFound: ACCESS_PROFILE_NOT_FOUND.
            WrongState: ACCESS_PROFILE_BUILT_IN, ACCESS_PROFILE_IN_USE.
            Conflict: ETAG_MISMATCH.
        """
        profile = await _found(self.access_profiles, access_profile_id, etag)
        app_ids = await self.access_profiles.apps_naming(access_profile_id)
        if app_ids:
            raise in_use.access_profile_in_use(access_profile_id, app_ids)
        return Outcome(
            None,
            Change(
                audit=AuditEntry(
                    actor,
                    "access_profile.deleted",
                    access_profile_id,
                    details={"display_name": profile.display_name},
                ),
                writes=self.access_profiles.deleted(profile),
                facts=(
                    Fact(
                        access_profile_id,
                        profile.version + 1,
                        facts.AccessProfileDeleted(access_profile_id, profile.display_name, actor),
                    ),
                ),
            ),
        )


async def _found(profiles: AccessProfiles, access_profile_id: str, etag: str) -> AccessProfile:
    profile = await profiles.find(access_profile_id)
    if profile is None:
        raise errors.access_profile_not_found(access_profile_id)
    return profile.at(etag)
