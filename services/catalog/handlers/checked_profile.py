"""What an access profile may name."""

from dataclasses import dataclass

from libs.domain.expressions import ExpressionProblem
from services.catalog.domain import errors
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.ports import AccessProfiles, Directory, Expressions


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """Checks what is new of an access profile."""

    access_profiles: AccessProfiles
    directory: Directory
    expressions: Expressions

    async def __call__(self, profile: AccessProfile, before: AccessProfile | None = None) -> None:
        """Does nothing for a profile that can be kept, in place of `before` where there is one.

        Raises:
            Invalid: EXPRESSION_INVALID.
            NotFound: USER_NOT_FOUND, GROUP_NOT_FOUND.
            AlreadyExists: ACCESS_PROFILE_NAME_TAKEN.
        """
        if profile.expression:
            try:
                self.expressions.check(profile.expression)
            except ExpressionProblem as problem:
                raise errors.expression_invalid("access_profile.expression", str(problem)) from None
        # Whom the directory has lost since may stay: they are members of nothing.
        kept = () if before is None else (*before.user_ids, *before.group_ids)
        known = await self.directory.existing_users(profile.user_ids)
        for index, user_id in enumerate(profile.user_ids):
            if user_id not in known and user_id not in kept:
                raise errors.user_not_found(user_id, f"access_profile.user_ids[{index}]")
        known = await self.directory.existing_groups(profile.group_ids)
        for index, group_id in enumerate(profile.group_ids):
            if group_id not in known and group_id not in kept:
                raise errors.group_not_found(group_id, f"access_profile.group_ids[{index}]")
        name = profile.display_name
        same = before is not None and before.display_name.casefold() == name.casefold()
        if not same and await self.access_profiles.name_taken(name):
            raise errors.access_profile_name_taken(name)
