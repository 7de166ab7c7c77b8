"""Who decides in another's place, and for how long.

A delegator has one delegate at a time, and at no moment does the way from delegate to delegate lead
back to where it began. Whether that is so can't be seen in one delegation: the others on the way
are looked at, person by person, each for the time that is left of the way so far.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.errors import Invalid
from services.requests.domain import deciding_errors, errors
from services.requests.domain.person import PersonRef

# The same day of the next year, also of a leap year.
_LONGEST = timedelta(days=366)
# What is looked at is guarded in the commit, which all others wait for.
MOST_ON_THE_WAY = 100


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` on, until `end`, which is not in it any more."""

    start: datetime
    end: datetime

    @classmethod
    def ahead(cls, start: datetime | None, end: datetime, time: datetime) -> "Period":
        """A period that begins at `time` or later; at `time` when no start is given.

        Raises:
            Invalid: FIELD_INVALID.
        """
        begin = time if start is None else max(start, time)
        if end <= begin:
            raise Invalid.field("end_time", "must be after the start, and not past")
        if end > time + _LONGEST:
            raise Invalid.field("end_time", f"must be at most {_LONGEST.days} days from now")
        return cls(begin, end)

    def both(self, other: "Period") -> "Period | None":
        """The time that is in both; none when no moment is."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Delegation:
    """`delegate` decides in the place of `delegator` during `period`.

    The period of one that was ended ends at that moment, which may be before it would have begun.
    """

    delegation_id: str
    version: int
    delegator: PersonRef
    delegate: PersonRef
    period: Period
    reason: str
    create_time: datetime

    @classmethod
    def create(
        cls,
        delegation_id: str,
        *,
        delegator: PersonRef,
        delegate: PersonRef,
        period: Period,
        reason: str,
        time: datetime,
    ) -> "Delegation":
        """A new one, of two people of one tenant.

        Raises:
            NotFound: DELEGATE_NOT_FOUND.
        """
        if delegate.entra_tenant_id != delegator.entra_tenant_id:
            raise deciding_errors.delegate_not_found(delegate.user_id)
        return cls(delegation_id, 1, delegator, delegate, period, reason, time)

    def visible_to(self, person: Person) -> bool:
        """Whether the person may know that it exists."""
        mine = person.user_id in (self.delegator.user_id, self.delegate.user_id)
        return mine or person.may(ADMIN, AUDITOR)

    def check_deletable_by(self, person: Person) -> None:
        """Does nothing for the two whom it is about, and for administrators.

        Raises:
            NotAllowed: anybody else who may see it.
        """
        mine = person.user_id in (self.delegator.user_id, self.delegate.user_id)
        if not mine and not person.may(ADMIN):
            allowed = "the delegator, the delegate and administrators"
            raise errors.not_theirs_to_change(person, allowed)

    def is_over(self, time: datetime) -> bool:
        """Whether nobody will decide by it any more."""
        return self.period.end <= time

    def end(self, time: datetime) -> "Delegation":
        """It is over before its time."""
        return replace(self, version=self.version + 1, period=replace(self.period, end=time))


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that one person has delegated for any part of a period, as it was read.

    Of more than `MOST_ON_THE_WAY` one more than that: a way that goes on from there is not gone.
    """

    user_id: str
    period: Period
    delegations: tuple[Delegation, ...]

    def check_free(self) -> None:
        """Does nothing for a person who has no delegate in the period.

        Raises:
            AlreadyExists: DELEGATION_EXISTS.
        """
        for found in self.delegations:
            if found.period.both(self.period) is not None:
                raise deciding_errors.delegation_exists(found.delegation_id)

    def onward(self, delegator_user_id: str) -> list[tuple[str, Period]]:
        """To whom the way goes on from here, and for which part of the period.

        Raises:
            WrongState: DELEGATION_LOOP, when it comes to the delegator at whom it began.
            Invalid: FIELD_INVALID, when there are too many.
        """
        ways = []
        if len(self.delegations) > MOST_ON_THE_WAY:
            raise too_far()
        for found in self.delegations:
            if (both := found.period.both(self.period)) is None:
                continue
            if found.delegate.user_id == delegator_user_id:
                raise deciding_errors.delegation_loop(found.delegation_id)
            ways.append((found.delegate.user_id, both))
        return ways


def too_far() -> Invalid:
    """So much is delegated in the period that it is not looked through."""
    return Invalid.field(
        "end_time",
        f"is too far: more than {MOST_ON_THE_WAY} other delegations lie on the way from delegate "
        "to delegate until then; name an earlier time",
    )


def check_may_name(person: Person, delegator_user_id: str, delegate_user_id: str) -> None:
    """Does nothing for people who name somebody else than themselves, and for administrators who
    do so for others.

    Raises:
        NotAllowed: CALLER_NOT_ALLOWED.
        Invalid: FIELD_INVALID.
    """
    if person.user_id != delegator_user_id and not person.may(ADMIN):
        raise errors.not_theirs_to_change(person, "the delegator and administrators")
    if delegate_user_id == delegator_user_id:
        raise Invalid.field("delegate_user_id", "must be somebody else than the delegator")
