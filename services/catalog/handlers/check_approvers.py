"""Looking in an audience for people for whom nobody else could approve."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.catalog.domain import errors
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.domain.approvers import Surroundings
from services.catalog.domain.coverage import MOST_TOLD, Coverage, Need, Some
from services.catalog.domain.directory import User
from services.catalog.domain.owner import Owner
from services.catalog.handlers.show import ShowAccessProfile
from services.catalog.ports import AccessProfiles, ApproverSources

_AT_ONCE = 500
# How many managers are kept in memory.
_KNOWN_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Query:
    """For whom in this audience of this app could too few others approve?"""

    app_id: str
    access_profile_id: str
    need: Need


@dataclass(frozen=True, slots=True)
class CheckApprovers:
    """Checks whether everybody in an audience has approvers.

    Of 100,000 people it takes seconds, in many short visits to the database; who comes or goes
    meanwhile may be counted or not.
    """

    sources: ApproverSources
    access_profiles: AccessProfiles

    async def __call__(self, query: Query) -> Coverage:
        """For how many too few others could approve, and for whom of them.

        Raises:
            NotFound: APP_NOT_FOUND, ACCESS_PROFILE_NOT_FOUND.
        """
        need = query.need
        of_app = await self.sources.around(need.sources, app_id=query.app_id)
        if of_app is None:
            raise errors.app_not_found(query.app_id)
        profile = await ShowAccessProfile(self.access_profiles)(query.access_profile_id)
        cases: Mapping[str, Surroundings] = {"": of_app}
        if need.asks_entitlement_owners:
            cases = await self._by_entitlement(query)
        short = need.short([*cases.values()])
        member_count, without, told = 0, 0, list[User]()
        known = dict[str, User]()
        async for members in self._looked_at(profile, of_app.app_tenant_id, short):
            member_count += len(members)
            lacking = await self._lacking(need, of_app, members, known)
            without += len(lacking)
            told += lacking[: MOST_TOLD - len(told)]
        if short is not None:
            member_count = await self.access_profiles.person_count(
                [profile.access_profile_id], of_app.app_tenant_id
            )
        return Coverage(
            member_count=member_count,
            without_approver=without,
            user_ids=tuple(user.user_id for user in told),
            problem=await self._problem(need, cases, told[0]) if told else "",
        )

    async def _by_entitlement(self, query: Query) -> Mapping[str, Surroundings]:
        """What is around those entitlements that can be asked for, one of each set of owners."""
        first_of = dict[tuple[Owner, ...], str]()
        after = ""
        while found := await self.sources.owners_of_requestable(query.app_id, after):
            for entitlement_id, counting in found:
                first_of.setdefault(counting, entitlement_id)
            after = found[-1][0]
        cases = {}
        for entitlement_id in first_of.values():
            around = await self.sources.around(query.need.sources, entitlement_id=entitlement_id)
            # Who took it away meanwhile took its owners along.
            if around is not None:
                cases[entitlement_id] = around
        return cases

    async def _looked_at(
        self, profile: AccessProfile, entra_tenant_id: str, short: Some
    ) -> AsyncIterator[Sequence[User]]:
        """The members among those who may lack approvers, in visits of their own, so that other
        calls get their turn between two."""
        if short is not None:
            user_ids = sorted(short)
            for begin in range(0, len(user_ids), _AT_ONCE):
                yield await self.access_profiles.members_among(
                    profile, entra_tenant_id, user_ids[begin : begin + _AT_ONCE]
                )
            return
        after, more = "", True
        while more:
            members, after = await self.access_profiles.members_behind(
                profile, entra_tenant_id, after
            )
            yield members
            more = bool(after)

    async def _lacking(
        self, need: Need, of_app: Surroundings, members: Sequence[User], known: dict[str, User]
    ) -> Sequence[User]:
        """Those of these for whom their managers don't suffice either.

        `known`: managers, who are most often those of others too. More are added.
        """
        if not need.levels:
            return members
        above = await self.sources.above(members, need.levels, known)
        if len(known) > _KNOWN_MOST:
            known.clear()
        managers = {user.manager_user_id for user in above.values()}
        known |= {each: above[each] for each in managers if each in above}
        return [
            user
            for user in members
            if need.lacks_managers(Surroundings(of_app.app_tenant_id, user, above))
        ]

    async def _problem(self, need: Need, cases: Mapping[str, Surroundings], user: User) -> str:
        above = await self.sources.above([user], need.levels, {})
        around = {
            key: replace(case, people={**case.people, **above}) for key, case in cases.items()
        }
        return need.problem(user, around)
