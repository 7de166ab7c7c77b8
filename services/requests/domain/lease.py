"""The approved period of access.

    GRANTED ─► ACTIVE ─► ENDING ─► ENDED
       │ ▲                 ▲
       ▼ │ (retry)         │
      FAILED ──────────────┘     and GRANTED ─► ENDING, when it is revoked on its way

The clock starts when everything is in Entra. A lease that failed may have brought a part of it
there, so it ends too when its time is over, counted from the failure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, Caller, Person
from libs.domain.errors import Conflict
from libs.domain.fields import MAX_DURATION
from services.requests.domain import errors
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.person import PersonRef
from services.requests.domain.target import Target


class LeaseState(StrEnum):
    """Where a lease stands."""

    GRANTED = "GRANTED"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    ENDING = "ENDING"
    ENDED = "ENDED"


class EndCause(StrEnum):
    """Why a lease ends."""

    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    REMOVED_OUTSIDE = "REMOVED_OUTSIDE"
    UNMANAGED = "UNMANAGED"


_State = LeaseState
LATE = timedelta(minutes=5)
"""How long an end may take before somebody has to know."""
_IN_TIME = timedelta(seconds=5)
_REMINDED_FROM = timedelta(hours=1)
_SOONEST_REMINDER, _LATEST_REMINDER = timedelta(days=3), timedelta(minutes=15)
ON_ITS_WAY = frozenset({_State.GRANTED, _State.ENDING})
EXPIRING = frozenset({_State.ACTIVE, _State.FAILED})
OVER = frozenset({_State.ENDING, _State.ENDED})
NOT_OVER = frozenset(_State) - OVER
_NEXT = {
    _State.GRANTED: {_State.ACTIVE, _State.FAILED, _State.ENDING},
    _State.ACTIVE: {_State.ENDING},
    _State.FAILED: {_State.GRANTED, _State.ENDING},
    _State.ENDING: {_State.ENDED},
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease. `duration` none means without an end.

    While it is `live`, its subject can't have another one of the same entitlement. One that
    failed is not, and does not become so again by ending, since there may be another by then.
    """

    lease_id: str
    version: int
    access_request_id: str
    state: LeaseState
    live: bool
    entitlement_id: str
    app_id: str
    subject: PersonRef
    targets: tuple[Target, ...]
    duration: timedelta | None
    round: int
    create_time: datetime
    update_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    end_cause: EndCause | None = None
    end_reason: str = ""
    emergency: bool = False
    """Whether it was granted in an emergency: it goes to Entra before others."""
    remind_time: datetime | None = None
    """When its subject is reminded of its end; none once that is done, and for very short ones."""
    alarm_time: datetime | None = None
    """When it was found to be in Entra long after its end; none once it is out."""
    removed_outside_time: datetime | None = None
    """When a part of it was last found to have been taken out of Entra by hand."""
    takes_over: bool = False
    """Whether what its subject held of it in Entra before is part of it, and goes with it."""

    @classmethod
    def grant(
        cls,
        lease_id: str,
        access_request: AccessRequest,
        targets: tuple[Target, ...],
        duration: timedelta | None,
        time: datetime,
    ) -> "Lease":
        """The lease that an approval brings."""
        return cls(
            lease_id=lease_id,
            version=1,
            access_request_id=access_request.access_request_id,
            state=_State.GRANTED,
            live=True,
            entitlement_id=access_request.entitlement_id,
            app_id=access_request.app_id,
            subject=access_request.subject,
            targets=targets,
            duration=duration,
            round=1,
            create_time=time,
            update_time=time,
            emergency=access_request.emergency,
            takes_over=access_request.takes_over,
        )

    @classmethod
    def take_out(
        cls,
        lease_id: str,
        access_request: AccessRequest,
        targets: tuple[Target, ...],
        reason: str,
        time: datetime,
    ) -> "Lease":
        """The lease by which access from outside is removed: it ends as it begins."""
        return replace(
            cls.grant(lease_id, access_request, targets, None, time),
            state=_State.ENDING,
            end_time=time,
            end_cause=EndCause.UNMANAGED,
            end_reason=reason,
            takes_over=True,
        )

    @property
    def is_over(self) -> bool:
        """Whether it is ending or has ended."""
        return self.state in OVER

    @property
    def is_on_its_way(self) -> bool:
        """Whether the connector has something to do for it."""
        return self.state in ON_ITS_WAY

    def is_overdue(self, time: datetime) -> bool:
        """Whether it should end now because its time is over."""
        return self.state in EXPIRING and self.end_time is not None and self.end_time <= time

    def visible_to(self, caller: Caller) -> bool:
        """Whether the caller may know that it exists; of services, only the connector calls.

        So may who answers for it, which the catalog knows.
        """
        if not isinstance(caller, Person):
            return True
        return caller.user_id == self.subject.user_id or caller.may(ADMIN, AUDITOR, HELPDESK)

    def check_etag(self, etag: str) -> None:
        """Does nothing for no etag or the present one.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.lease_id)

    def activate(self, time: datetime) -> "Lease":
        """Everything is in Entra, and the clock runs."""
        end_time = self._end_after(time)
        return self._to(
            _State.ACTIVE,
            "activated",
            time,
            start_time=time,
            end_time=end_time,
            remind_time=_remind_time(time, end_time),
        )

    def extend(self, by: timedelta, most: timedelta | None, time: datetime) -> "Lease":
        """It lasts longer: by so much, but at most so long from now on. Where there is no limit
        there is the longest duration that can be asked for, however often it is extended.

        Raises:
            WrongState: LEASE_STATE, it is not active or its time is over; LEASE_WITHOUT_END.
            Invalid: DURATION_TOO_LONG, it lasts as long as it may already.
        """
        if self.state is not _State.ACTIVE or self.is_overdue(time):
            raise errors.lease_state(self.lease_id, self.state, "extended")
        if self.end_time is None or self.start_time is None:
            raise errors.lease_without_end(self.lease_id)
        longest = MAX_DURATION if most is None else most
        end_time = min(self.end_time + by, time + longest)
        if end_time <= self.end_time:
            raise errors.extended_too_long(longest)
        return replace(
            self,
            version=self.version + 1,
            update_time=time,
            duration=end_time - self.start_time,
            end_time=end_time,
            remind_time=_remind_time(time, end_time),
        )

    def reminded(self, time: datetime) -> "Lease":
        """Its subject was reminded."""
        return replace(self, version=self.version + 1, update_time=time, remind_time=None)

    def alarmed(self, time: datetime) -> "Lease":
        """It is in Entra though its end is long over."""
        return replace(self, version=self.version + 1, update_time=time, alarm_time=time)

    def is_late(self, time: datetime) -> bool:
        """Whether it is in Entra though its end is long over, and nobody has been told."""
        ending = self.state is _State.ENDING and self.alarm_time is None
        return ending and self.end_time is not None and self.end_time + LATE <= time

    def overdue_by(self, time: datetime) -> timedelta | None:
        """How late it is ended; none when it is in time."""
        late = None if self.end_time is None else time - self.end_time
        return late if late is not None and late > _IN_TIME else None

    def fail(self, time: datetime) -> "Lease":
        """Something can't be put into Entra."""
        return self._to(_State.FAILED, "failed", time, live=False, end_time=self._end_after(time))

    def retry(self, time: datetime, takes_over: bool = False) -> "Lease":
        """A new round of delivery begins. With `takes_over` what is found there is part of it from
        now on; what was part of it before stays so.

        Raises:
            WrongState: LEASE_STATE.
        """
        return self._to(
            _State.GRANTED,
            "retried",
            time,
            live=True,
            round=self.round + 1,
            end_time=None,
            takes_over=self.takes_over or takes_over,
        )

    def expire(self, time: datetime) -> "Lease":
        """Its time is over."""
        return self._to(_State.ENDING, "ended", time, end_cause=EndCause.EXPIRED, remind_time=None)

    def revoke(self, reason: str, time: datetime) -> "Lease":
        """Somebody ends it before its time."""
        return self._to(
            _State.ENDING,
            "revoked",
            time,
            end_time=time,
            end_cause=EndCause.REVOKED,
            end_reason=reason,
            remind_time=None,
        )

    @property
    def told_of_removals_until(self) -> datetime:
        """Up to when what was taken out by hand is known here, or was no matter of this lease."""
        return self.removed_outside_time or self.create_time

    def lose(self, reason: str, found_time: datetime, time: datetime) -> "Lease":
        """Somebody took a part of it out of Entra by hand, so it ends."""
        return self._to(
            _State.ENDING,
            "ended",
            time,
            end_time=time,
            end_cause=EndCause.REMOVED_OUTSIDE,
            end_reason=reason,
            remind_time=None,
            removed_outside_time=found_time,
        )

    def restored(self, found_time: datetime, time: datetime) -> "Lease":
        """Somebody took a part of it out of Entra by hand, and it is put back."""
        return replace(
            self, version=self.version + 1, update_time=time, removed_outside_time=found_time
        )

    def finish(self, time: datetime) -> "Lease":
        """What it brought is out of Entra."""
        return self._to(_State.ENDED, "finished", time, live=False, alarm_time=None)

    def _end_after(self, time: datetime) -> datetime | None:
        return None if self.duration is None else time + self.duration

    def _to(self, state: LeaseState, verb: str, time: datetime, **changes: Any) -> "Lease":
        if state not in _NEXT.get(self.state, ()):
            raise errors.lease_state(self.lease_id, self.state, verb)
        return replace(self, version=self.version + 1, state=state, update_time=time, **changes)


def _remind_time(time: datetime, end_time: datetime | None) -> datetime | None:
    """A tenth of what is left before the end, within three days and a quarter of an hour.

    Who has it for less than an hour needs no reminder.
    """
    if end_time is None or end_time - time < _REMINDED_FROM:
        return None
    return end_time - min(_SOONEST_REMINDER, max(_LATEST_REMINDER, (end_time - time) / 10))
