"""Creating an access profile."""

from dataclasses import dataclass, replace

from libs.domain import ids
from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import facts
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.handlers.checked_profile import CheckedProfile
from services.catalog.ports import AccessProfiles


@dataclass(frozen=True, slots=True)
class Command:
    """Have an audience of these people, members of these groups, and whom the expression fits."""

    display_name: str
    description: str
    user_ids: tuple[str, ...]
    group_ids: tuple[str, ...] = ()
    expression: str = ""


@dataclass(frozen=True, slots=True)
class CreateAccessProfile:
    """Creates an access profile."""

    access_profiles: AccessProfiles
    checked: CheckedProfile
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[AccessProfile]:
        """Creates the profile.

        Raises:
            Invalid: EXPRESSION_INVALID.
            NotFound: USER_NOT_FOUND, GROUP_NOT_FOUND.
            AlreadyExists: ACCESS_PROFILE_NAME_TAKEN.
        """
        wanted = AccessProfile(
            access_profile_id=ids.new_id("apr"),
            display_name=command.display_name,
            description=command.description,
            user_ids=command.user_ids,
            create_time=self.clock.now(),
            group_ids=command.group_ids,
            expression=command.expression,
        )
        await self.checked(wanted)
        profile = replace(
            wanted,
            user_ids=tuple(sorted(wanted.user_ids)),
            group_ids=tuple(sorted(wanted.group_ids)),
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
                        "group_ids": list(profile.group_ids),
                        "expression": profile.expression,
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
