"""A journal, read: the leases there were, what Entra held, and when anything was in the way."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.simulation.journal import Line

Place = tuple[str, str]
"""Somebody, by their object id, and what they hold."""


@dataclass(slots=True)
class Change:
    """Somebody came to hold something in Entra, or holds it no more."""

    time: datetime
    by: str
    added: bool


@dataclass(slots=True)
class Approval:
    """A decision for access: by a policy, and by the people it asked."""

    time: datetime
    policy_id: str
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extension:
    """A lease that lasts longer, and the access request that it is for."""

    time: datetime
    access_request_id: str
    end_time: datetime


@dataclass(slots=True)
class Lease:
    """One lease. `active` is when it was shown as delivered, with its end then; `ending` when its
    end was committed, `ended` when it was shown as ended. `duration` is how long it lasts, as it
    is kept.
    """

    lease_id: str
    access_request_id: str
    state: str
    places: tuple[Place, ...]
    duration: timedelta | None
    granted: datetime | None = None
    active: datetime | None = None
    ending: datetime | None = None
    ended: datetime | None = None
    told_late: datetime | None = None
    first_end: datetime | None = None
    extensions: list[Extension] = field(default_factory=list)

    @property
    def end_time(self) -> datetime | None:
        """When it had to end: its last end, or when somebody ended it if that was before."""
        last = self.extensions[-1].end_time if self.extensions else self.first_end
        return min((each for each in (last, self.ending) if each is not None), default=None)

    def is_wanted(self, time: datetime) -> bool:
        """Whether it is granted, and its end is not committed."""
        begun = self.granted is not None and self.granted <= time
        return begun and (self.ending is None or self.ending > time)

    def is_granted_in(self, given: Change, taken: Change) -> bool:
        """Whether it was granted while something was held."""
        return self.granted is not None and given.time < self.granted < taken.time

    def is_shown(self, time: datetime) -> bool:
        """Whether it is granted, and not shown as ended."""
        begun = self.granted is not None and self.granted <= time
        return begun and (self.ended is None or self.ended > time)


@dataclass(slots=True)
class Record:
    """Everything that a checker goes by."""

    leases: dict[str, Lease] = field(default_factory=dict)
    places: dict[Place, list[Change]] = field(default_factory=lambda: defaultdict(list))
    by_place: dict[Place, list[Lease]] = field(default_factory=lambda: defaultdict(list))
    approvals: dict[str, Approval] = field(default_factory=dict)
    audited: set[tuple[str, str]] = field(default_factory=set)
    requests: dict[str, Line] = field(default_factory=dict)
    people_of_policy: dict[str, int] = field(default_factory=dict)
    effects: list[Line] = field(default_factory=list)
    syncs: list[datetime] = field(default_factory=list)
    foul: list[tuple[datetime, datetime]] = field(default_factory=list)
    deaf: list[tuple[datetime, datetime]] = field(default_factory=list)
    end: datetime | None = None

    def clear_from(
        self, time: datetime, need: timedelta, *, needs_broker: bool = False
    ) -> datetime:
        """The first moment from `time` on after which nothing is in the way for so long."""
        for begin, over in sorted([*self.foul, *(self.deaf if needs_broker else ())]):
            if begin < time + need and over > time:
                time = over
        return time


def time_of(line: Line) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(line["time"])


def record_of(lines: Iterable[Line]) -> Record:
    """What a journal says."""
    record, every = Record(), list(lines)
    since: dict[str, datetime] = {}
    for line in every:
        match line["what"]:
            case "lease":
                _lease(record, line)
            case "access_request":
                record.requests[line["access_request_id"]] = line
            case "policy":
                record.people_of_policy[line["policy_id"]] = line["people"]
            case "effect":
                record.effects.append(line)
            case "sync":
                record.syncs.append(time_of(line))
            case "entra":
                change = Change(time_of(line), line["by"], line["added"])
                record.places[line["person"], line["kind"]].append(change)
            case "weather" | "broker" as what:
                if not line["fair"]:
                    since.setdefault(what, time_of(line))
                elif what in since:
                    known = record.foul if what == "weather" else record.deaf
                    known.append((since.pop(what), time_of(line)))
            case "end":
                record.end = time_of(line)
    for line in every:
        if line["what"] == "event":
            _event(record, line)
        elif line["what"] == "audit":
            _audit(record, line)
    for changes in record.places.values():
        changes.sort(key=lambda each: each.time)
    record.syncs.sort()
    return record


def _lease(record: Record, line: Line) -> None:
    places = tuple((line["person"], kind) for kind in line["kinds"])
    seconds = line["duration_seconds"]
    lease = Lease(
        line["lease_id"],
        line["access_request_id"],
        line["state"],
        places,
        None if seconds is None else timedelta(seconds=seconds),
    )
    record.leases[lease.lease_id] = lease
    for place in places:
        record.by_place[place].append(lease)


def _event(record: Record, line: Line) -> None:
    body, time, kind = line["body"], time_of(line), line["type"]
    if kind == "AccessRequestApproved":
        record.approvals[body["access_request_id"]] = Approval(
            time, body.get("policy_id", ""), tuple(body.get("approver_user_ids", ()))
        )
    lease = record.leases.get(body.get("lease_id", ""))
    if lease is None:
        return
    end = datetime.fromisoformat(body["end_time"]) if "end_time" in body else None
    match kind:
        case "LeaseGranted":
            lease.granted = lease.granted or time
        case "AccessRequestFulfilled" if body["access_request_id"] == lease.access_request_id:
            lease.active, lease.first_end = time, end
        case "LeaseExtended":
            assert end is not None, "only what has an end lasts longer"
            lease.extensions.append(Extension(time, body["access_request_id"], end))
        case "LeaseEnded":
            lease.ending = lease.ending or time
        case "LeaseRemoved":
            lease.ended = time
        case "LeaseEndLate":
            lease.told_late = time


def _audit(record: Record, line: Line) -> None:
    details = line["details"]
    if line["action"] == "lease.extended":
        record.audited.add((details["access_request_id"], line["resource_id"]))
    elif "lease_id" in details and details.get("state") == "APPROVED":
        record.audited.add((line["resource_id"], details["lease_id"]))


def live_between(changes: Sequence[Change]) -> list[tuple[Change, Change | None]]:
    """Each time that something was held: what began it, and what ended it if anything did."""
    found: list[tuple[Change, Change | None]] = []
    for change in changes:
        if change.added:
            found.append((change, None))
        elif found and found[-1][1] is None:
            found[-1] = (found[-1][0], change)
    return found
