"""The catalog's ports in memory: people, audiences and approvers."""

from collections.abc import (
    Callable,
    Collection,
    Mapping,
    Sequence,
)

from libs.domain.changes import Write
from libs.domain.expressions import ExpressionProblem
from libs.domain.paging import (
    Page,
    PageRequest,
)
from services.catalog.domain.access_profile import (
    EVERYONE_ID,
    AccessProfile,
    Member,
    Reasons,
)
from services.catalog.domain.approvers import (
    Source,
    Surroundings,
)
from services.catalog.domain.directory import (
    Group,
    User,
    UserFilter,
)
from services.catalog.domain.managers import line_of
from services.catalog.domain.owner import (
    AppOwners,
    EntitlementOwners,
    Owner,
)
from tests.fakes.catalog import Fake, Kept


class FakeAccessProfiles(Fake):
    """The audiences."""

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        return self.catalog.access_profiles.get(access_profile_id)

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        return Page(tuple(self.catalog.access_profiles.values()), "")

    async def name_taken(self, display_name: str) -> bool:
        names = [each.display_name for each in self.catalog.access_profiles.values()]
        return display_name.casefold() in [name.casefold() for name in (*names, "Everyone")]

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        named = {
            user_id
            for each in self.catalog.access_profiles.values()
            if each.access_profile_id in access_profile_ids
            for user_id in each.user_ids
        }
        return sum(
            user.account_enabled
            and user.entra_tenant_id == entra_tenant_id
            and (EVERYONE_ID in access_profile_ids or user.user_id in named)
            for user in self.catalog.users.values()
        )

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (Kept((profile,)),)

    async def members(self, profile: AccessProfile, page: PageRequest) -> Page[Member]:
        found = [
            Member(user, reasons)
            for user in self.catalog.users.values()
            if user.account_enabled and (reasons := await self.reasons(profile, user))
        ]
        return Page(tuple(found), "")

    async def members_behind(
        self, profile: AccessProfile, entra_tenant_id: str, after: str
    ) -> tuple[Sequence[User], str]:
        # One at a time: whoever asks for all has to go on.
        behind = sorted(each for each in self.catalog.users if each > after)
        if not behind:
            return (), ""
        found = await self.members_among(profile, entra_tenant_id, behind[:1])
        return found, behind[0] if behind[1:] else ""

    async def members_among(
        self, profile: AccessProfile, entra_tenant_id: str, user_ids: Collection[str]
    ) -> Sequence[User]:
        return [
            user
            for key, user in sorted(self.catalog.users.items())
            if key in user_ids
            and user.account_enabled
            and user.entra_tenant_id == entra_tenant_id
            and await self.reasons(profile, user)
        ]

    async def reasons(self, profile: AccessProfile, person: User) -> Reasons:
        return Reasons(everyone=profile.everyone, named=person.user_id in profile.user_ids)

    async def apps_naming(self, access_profile_id: str) -> tuple[str, ...]:
        rules = self.catalog.rules.values()
        return tuple(each.app_id for each in rules if access_profile_id in each.access_profile_ids)

    def updated(self, before: AccessProfile, after: AccessProfile) -> tuple[Write, ...]:
        return (Kept((before, after)),)

    def deleted(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (Kept((profile,)),)


class FakeExpressions:
    """An engine that knows `true`, `false` and a question for the department."""

    def check(self, expression: str) -> None:
        if expression not in ("true", "false", "person.department"):
            raise ExpressionProblem("line 1, column 1: not known here")

    def given(self, person: User) -> Callable[[str], bool]:
        return {
            "true": True,
            "false": False,
            "person.department": bool(person.department),
        }.__getitem__


class FakeDirectory(Fake):
    """The people and groups of the directory."""

    async def user(self, user_id: str) -> User | None:
        return self.catalog.users.get(user_id)

    async def managers(self, user_id: str) -> tuple[User, ...] | None:
        user = self.catalog.users.get(user_id)
        return None if user is None else line_of(user, self.catalog.users)

    async def users(self, which: UserFilter, page: PageRequest) -> Page[User]:
        return Page(tuple(self.catalog.users.values()), "")

    async def group(self, group_id: str) -> Group | None:
        return None

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        return Page((), "")

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.users.keys() & set(user_ids))

    async def existing_groups(self, group_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.group_ids & set(group_ids))


class FakeApproverSources(Fake):
    """What sources of approvers stand for: groups and owners as the catalog has them."""

    async def around(
        self,
        sources: Collection[Source],
        *,
        app_id: str = "",
        entitlement_id: str = "",
        subject_user_id: str = "",
    ) -> Surroundings | None:
        its = self.catalog.entitlements.get(entitlement_id)
        app = self.catalog.apps.get(app_id if its is None else its.app_id)
        if app is None:
            return None
        of_app = self.catalog.owners.get(app.app_id, AppOwners())
        given = self.catalog.entitlement_owners.get(entitlement_id, ())
        return Surroundings(
            app.entra_tenant_id,
            self.catalog.users.get(subject_user_id),
            self.catalog.users,
            of_app.counting,
            EntitlementOwners(given, of_app).counting,
            groups=self.catalog.found_groups,
        )

    async def owners_of_requestable(
        self, app_id: str, after: str
    ) -> Sequence[tuple[str, tuple[Owner, ...]]]:
        of_app = self.catalog.owners.get(app_id, AppOwners())
        found = [
            (key, EntitlementOwners(self.catalog.entitlement_owners.get(key, ()), of_app).counting)
            for key, each in sorted(self.catalog.entitlements.items())
            if each.app_id == app_id and key > after
        ]
        return found[:1]

    async def above(
        self, people: Sequence[User], levels: int, known: Mapping[str, User]
    ) -> Mapping[str, User]:
        return self.catalog.users
