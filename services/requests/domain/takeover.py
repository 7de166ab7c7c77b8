"""Takeovers: access from outside Latchkey becomes ours, to be kept in order or to be removed.

    RUNNING ─► HELD ─► RUNNING ─► DONE
       │         └──► CANCELLED
       └─────► DONE

A takeover first looks who holds the entitlement from outside, and then sees to each of them once.
What comes of that, an access request and perhaps a lease, is not made here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain.callers import Caller, Person
from services.requests.domain import errors
from services.requests.domain.holders import HeldThing
from services.requests.domain.person import PersonRef

MOST_HOLDERS = 20_000
"""So many are seen to by one takeover; the others by the next."""
_REMOVED_UNASKED = 20


class UnmanagedAction(StrEnum):
    """What becomes of access from outside; to report it is to do nothing."""

    REPORT = "REPORT"
    ADOPT = "ADOPT"
    REMOVE = "REMOVE"


class TakeoverState(StrEnum):
    """Where a takeover stands."""

    RUNNING = "RUNNING"
    HELD = "HELD"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


OPEN = frozenset({TakeoverState.RUNNING, TakeoverState.HELD})


class Fate(StrEnum):
    """What became of a holder in a takeover."""

    WAITING = "WAITING"
    TAKEN = "TAKEN"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class TakeoverHolder:
    """Somebody who held the entitlement from outside when a takeover looked.

    `access_request_id` is what was made of it; `reason` why nothing was; `time` when.
    """

    takeover_id: str
    entitlement_id: str
    action: UnmanagedAction
    subject: PersonRef
    time: datetime
    fate: Fate = Fate.WAITING
    access_request_id: str = ""
    reason: str = ""

    def taken(self, access_request_id: str, time: datetime) -> "TakeoverHolder":
        """An access request was made of it."""
        return replace(self, fate=Fate.TAKEN, access_request_id=access_request_id, time=time)

    def skipped(self, reason: str, time: datetime) -> "TakeoverHolder":
        """They are left alone."""
        return replace(self, fate=Fate.SKIPPED, reason=reason, time=time)


@dataclass(frozen=True, slots=True)
class FromOutside:
    """What somebody holds of an entitlement from outside.

    `since`: from when on they have all of it, as far as syncs saw; none for what was there before
    anybody noted that. `seen`: when the last part of it was first seen to be from outside; none
    while that is not noted.
    """

    subject: PersonRef
    directory_entitlement_ids: tuple[str, ...]
    since: datetime | None
    seen: datetime | None

    def was_taken(self, past: Iterable[TakeoverHolder], action: UnmanagedAction) -> bool:
        """Whether a takeover has seen to just this access before, so that another with this action
        leaves it alone: nobody is asked about twice. What was denied can still be removed."""
        return any(
            each.fate is Fate.TAKEN
            and (self.since is None or each.time >= self.since)
            and (action is UnmanagedAction.ADOPT or each.action is UnmanagedAction.REMOVE)
            for each in past
        )

    def is_new(self, past: Iterable[TakeoverHolder], since: datetime) -> bool:
        """Whether it was first seen after `since`, and no takeover has looked at it after that."""
        if self.seen is None or self.seen < since:
            return False
        return all(each.time < self.seen for each in past)


def from_outside(things: Iterable[HeldThing]) -> list[FromOutside]:
    """What is held from outside, once for each person."""
    found: dict[str, list[HeldThing]] = {}
    for each in things:
        if each.unmanaged:
            found.setdefault(each.subject.user_id, []).append(each)
    return [
        FromOutside(
            parts[0].subject,
            tuple(dict.fromkeys(each.directory_entitlement_id for each in parts)),
            max((each.since for each in parts if each.since is not None), default=None),
            max((each.seen for each in parts if each.seen is not None), default=None),
        )
        for parts in found.values()
    ]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A takeover. `look_time`: when it was looked who holds the entitlement; none before.

    `confirmed_by` also says who cancelled it.
    """

    takeover_id: str
    version: int
    app_id: str
    entitlement_id: str
    action: UnmanagedAction
    state: TakeoverState
    started_by: Caller
    create_time: datetime
    found_count: int = 0
    holder_count: int = 0
    taken_count: int = 0
    skipped_count: int = 0
    look_time: datetime | None = None
    finish_time: datetime | None = None
    confirmed_by: Caller | None = None

    @classmethod
    def start(
        cls,
        takeover_id: str,
        *,
        app_id: str,
        entitlement_id: str,
        action: UnmanagedAction,
        started_by: Caller,
        time: datetime,
    ) -> "Takeover":
        """A new one."""
        return cls(
            takeover_id=takeover_id,
            version=1,
            app_id=app_id,
            entitlement_id=entitlement_id,
            action=action,
            state=TakeoverState.RUNNING,
            started_by=started_by,
            create_time=time,
        )

    @property
    def is_open(self) -> bool:
        """Whether it has something to do: of an entitlement there is one of these at most."""
        return self.state in OPEN

    @property
    def is_asked_for(self) -> bool:
        """Whether a person wants it; else it goes by what the app says."""
        return any(isinstance(each, Person) for each in (self.started_by, self.confirmed_by))

    def looked(
        self,
        found: Sequence[FromOutside],
        holder_count: int,
        past: Mapping[str, Sequence[TakeoverHolder]],
        time: datetime,
    ) -> tuple["Takeover", tuple[TakeoverHolder, ...]]:
        """It was looked who holds the entitlement: `found` from outside, of `holder_count` in all.

        `past`: by person, what earlier takeovers of the entitlement did. To remove from many is
        held, unless that is confirmed.
        """
        holders = tuple(self._holder(each, past, time) for each in found[:MOST_HOLDERS])
        waiting = sum(each.fate is Fate.WAITING for each in holders)
        after = replace(
            self,
            version=self.version + 1,
            found_count=len(found),
            holder_count=holder_count,
            skipped_count=len(holders) - waiting,
            look_time=time,
        )
        if self.action is UnmanagedAction.REMOVE and _is_many(waiting, holder_count):
            after = replace(after, state=TakeoverState.HELD)
        return after, holders

    def _holder(
        self, found: FromOutside, past: Mapping[str, Sequence[TakeoverHolder]], time: datetime
    ) -> TakeoverHolder:
        holder = TakeoverHolder(
            self.takeover_id, self.entitlement_id, self.action, found.subject, time
        )
        if found.was_taken(past.get(found.subject.user_id, ()), self.action):
            return holder.skipped("A takeover has seen to it before.", time)
        return holder

    def confirm(self, actor: Caller) -> "Takeover":
        """Somebody agrees to what it removes.

        Raises:
            WrongState: TAKEOVER_STATE.
        """
        self._check_held("confirmed")
        return replace(
            self, version=self.version + 1, state=TakeoverState.RUNNING, confirmed_by=actor
        )

    def cancel(self, actor: Caller, time: datetime) -> "Takeover":
        """It is given up, and nobody is seen to any more.

        Raises:
            WrongState: TAKEOVER_STATE.
        """
        self._check_held("cancelled")
        return replace(
            self,
            version=self.version + 1,
            state=TakeoverState.CANCELLED,
            skipped_count=self.listed_count - self.taken_count,
            confirmed_by=actor,
            finish_time=time,
        )

    @property
    def listed_count(self) -> int:
        """How many of those whom it found it sees to."""
        return min(self.found_count, MOST_HOLDERS)

    def finish(self, time: datetime) -> "Takeover":
        """Everybody was seen to."""
        return replace(self, version=self.version + 1, state=TakeoverState.DONE, finish_time=time)

    def _check_held(self, verb: str) -> None:
        if self.state is not TakeoverState.HELD:
            raise errors.takeover_state(self.takeover_id, self.state, verb)


def _is_many(count: int, of: int) -> bool:
    """Whether so many lose what they have only when somebody agrees: more than 20, and more than
    10 % of those who have it."""
    return count > _REMOVED_UNASKED and count * 10 > of
