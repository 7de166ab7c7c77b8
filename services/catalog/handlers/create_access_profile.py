"""Creating an access profile."""

from dataclasses import dataclass

from libs.domain import ids
from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import errors, facts
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.ports import AccessProfiles, Directory


@dataclass(frozen=True, slots=True)
class Command:
    """Have an audience of these people."""

    display_name: str
    description: str
    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateAccessProfile:
    """Creates an access profile."""

    access_profiles: AccessProfiles
    directory: Directory
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[AccessProfile]:
        """Creates the profile.

        Raises:
            NotFound: USER_NOT_FOUND.
            AlreadyExists: ACCESS_PROFILE_NAME_TAKEN.
        """
        known = await self.directory.existing_users(command.user_ids)
        for index, user_id in enumerate(command.user_ids):
            if user_id not in known:
                raise errors.user_not_found(user_id, f"access_profile.user_ids[{index}]")
        if await self.access_profiles.name_taken(command.display_name):
            raise errors.access_profile_name_taken(command.display_name)
        profile = AccessProfile(
            access_profile_id=ids.new_id("apr"),
            display_name=command.display_name,
            description=command.description,
            user_ids=tuple(sorted(command.user_ids)),
            create_time=self.clock.now(),
        )
        return Outcome(
            profile,
            Change(
                audit=AuditEntry(
                    actor,
                    "access_profile.created",
                    profile.access_profile_id,
                    details={
                        "display_name": profile.display_name,
                        "user_ids": list(profile.user_ids),
                    },
                ),
                writes=self.access_profiles.created(profile),
                facts=(
                    Fact(
                        profile.access_profile_id,
                        profile.version,
                        facts.AccessProfileCreated(
                            profile.access_profile_id, profile.display_name, actor
                        ),
                    ),
                ),
            ),
        )
