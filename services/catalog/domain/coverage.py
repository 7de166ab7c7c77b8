"""For whom too few others could approve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.catalog.domain.approvers import (
    Approvers,
    Manager,
    OwnersOfEntitlement,
    Source,
    Surroundings,
    approvers_of,
    has_manager,
)
from services.catalog.domain.directory import User

# Of so many who lack approvers the ids are told.
MOST_TOLD = 10

# Some people by their ids; none for everybody.
Some = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Need:
    """How many of whom must approve: of `approvers` or, where those are too few, of `fallback`.

    `needed`: 0 stands for all of them.
    """

    approvers: Source
    fallback: Source | None
    needed: int

    @property
    def sources(self) -> tuple[Source, ...]:
        """Whom to ask for, one after the other."""
        return (self.approvers,) if self.fallback is None else (self.approvers, self.fallback)

    @property
    def least(self) -> int:
        """How many others there must be. All others can approve if there is one."""
        return self.needed or 1

    @property
    def asks_entitlement_owners(self) -> bool:
        """Whether it is another need for each entitlement."""
        return any(isinstance(each, OwnersOfEntitlement) for each in self.sources)

    @property
    def levels(self) -> int:
        """How far up a person's managers matter."""
        return max((each.level for each in self.sources if isinstance(each, Manager)), default=0)

    def short(self, cases: Sequence[Surroundings]) -> Some:
        """Who would lack approvers in one of these cases if nobody had a manager.

        Of a source that is the same for everybody only those can lack who are of it themselves,
        unless it is too small for all.
        """
        found = frozenset[str]()
        for around in cases:
            of_case: Some = None
            for source in self.sources:
                if not isinstance(source, Manager):
                    of_case = _both(of_case, self._short_of(source, around))
            if of_case is None:
                return None
            found |= of_case
        return found

    def _short_of(self, source: Source, around: Surroundings) -> Some:
        people = approvers_of(source, around).people
        if len(people) < self.least:
            return None
        if len(people) > self.least:
            return frozenset()
        return frozenset(user.user_id for user in people)

    def lacks_managers(self, around: Surroundings) -> bool:
        """Whether for the subject no source that is their manager suffices: that is one person."""
        return self.least > 1 or not any(
            has_manager(source.level, around)
            for source in self.sources
            if isinstance(source, Manager)
        )

    def problem(self, user: User, cases: Mapping[str, Surroundings]) -> str:
        """Why a person lacks approvers, in the first case in which they do, in words.

        The cases are by the ids of entitlements; the one of the app itself is by none.
        """
        for entitlement_id, of_case in cases.items():
            around = replace(of_case, subject=user)
            if all(self._lacks(source, around) for source in self.sources):
                whose = f"{user.display_name} ({user.user_id})"
                whose += f" and {entitlement_id}" if entitlement_id else ""
                return f"{whose}: " + "; in their place: ".join(
                    self._words(source, around) for source in self.sources
                )
        return ""

    def _lacks(self, source: Source, around: Surroundings) -> bool:
        return len(_others(approvers_of(source, around), around)) < self.least

    def _words(self, source: Source, around: Surroundings) -> str:
        found = approvers_of(source, around)
        count = f"{len(_others(found, around))} others could approve, {self.least} must"
        return f"{count} ({found.problem})" if found.problem else count


@dataclass(frozen=True, slots=True)
class Coverage:
    """For how many of an audience too few others could approve, for whom of them, and why of the
    first."""

    member_count: int
    without_approver: int = 0
    user_ids: tuple[str, ...] = ()
    problem: str = ""


def _both(first: Some, second: Some) -> Some:
    if first is None:
        return second
    return first if second is None else first & second


def _others(found: Approvers, around: Surroundings) -> list[User]:
    """Nobody approves what they would have themselves."""
    own_id = "" if around.subject is None else around.subject.user_id
    return [user for user in found.people if user.user_id != own_id]
