"""What must be true of every journal, whatever happened: an oracle for each invariant.

The numbers are those of the reliability study. Each oracle goes by the journal alone, and gives the
violations that it finds, as sentences.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import zip_longest

from tests.simulation.entra import HAND, LATCHKEY
from tests.simulation.record import Lease, Place, Record, live_between

BOUND = timedelta(seconds=60 + 5)
"""How long after its end access may be there, and an undone call may have its effect: a minute,
which is the longest pause before Graph is tried again, and the steps that a simulation goes in."""
_ALARM = timedelta(minutes=5)
_SEEN = timedelta(minutes=3)
_HEARD = timedelta(minutes=30)
Violations = Iterator[str]


def s1_no_access_without_approval(record: Record) -> Violations:
    """S1: before each thing that Latchkey gave in Entra there is, on record, an approval of a lease
    that names it: by a policy, with as many different people as that policy asks for, none of whom
    asked or is who gets it; and the audit has the decision."""
    for place, changes in record.places.items():
        for change in changes:
            if change.added and change.by == LATCHKEY:
                leases = record.by_place[place]
                if not any(
                    _approved(record, it, it.access_request_id, change.time) for it in leases
                ):
                    yield f"S1: {place} was given at {change.time} and nobody had approved it"


def _approved(record: Record, lease: Lease, access_request_id: str, time: datetime) -> bool:
    """Whether an access request was approved before a time, by whom it must be."""
    approval, request = (
        record.approvals.get(access_request_id),
        record.requests.get(access_request_id),
    )
    if approval is None or request is None or approval.time > time:
        return False
    needed = record.people_of_policy.get(approval.policy_id)
    people = set(approval.approvers)
    audited = (access_request_id, lease.lease_id) in record.audited
    own = {request["requester"], request["subject"]}
    return audited and needed is not None and len(people) >= needed and not people & own


def s3_given_once(record: Record) -> Violations:
    """S3: nothing is given that is there; Latchkey gives no more often than leases were granted or
    others took it away; and what an active lease holds is not taken from under it by Latchkey, not
    even to be given again at once."""
    for place, changes in record.places.items():
        there, taken, ours = False, 0, False
        for change in changes:
            if change.added == there:
                yield f"S3: {place} was {'given' if there else 'taken'} twice by {change.time}"
            there = change.added
            taken += not change.added and change.by == HAND and ours
            ours = change.added and change.by == LATCHKEY
            if change.by == LATCHKEY and not change.added:
                for lease in record.by_place[place]:
                    begun = lease.active is not None and lease.active < change.time
                    if begun and (lease.ending is None or lease.ending > change.time):
                        yield f"S3: {place} was taken at {change.time}, under {lease.lease_id}"
        given = sum(each.added and each.by == LATCHKEY for each in changes)
        if given > len(record.by_place[place]) + taken:
            yield f"S3: {place} was given {given} times"


def s4_revoke_wins(record: Record) -> Violations:
    """S4: what Latchkey gives while every lease that names it has had its end committed is out
    again within the bound, counted from when nothing is in the way, unless another lease has been
    granted by then; and so it is at the end."""
    for place, changes in record.places.items():
        for given, taken in live_between(changes):
            leases = record.by_place[place]
            if given.by != LATCHKEY or any(it.is_wanted(given.time) for it in leases):
                continue
            until = record.clear_from(given.time, BOUND) + BOUND
            if any(it.granted and given.time < it.granted < until for it in leases):
                continue
            if taken is None or taken.time > until:
                yield f"S4: {place} was given at {given.time} after its end, and stayed"


def s9_one_effect(record: Record) -> Violations:
    """S9: an event has its effect in a consumer's database once at most: of all commits that name
    both there is one."""
    counts = Counter((line["consumer"], line["event_id"]) for line in record.effects)
    for (consumer, event_id), count in counts.items():
        if count > 1:
            yield f"S9: {event_id} had {count} effects on {consumer}"


def s15_others_stay(record: Record) -> Violations:
    """S15: Latchkey takes away only what Latchkey gave. What somebody's hand gave is theirs for
    sure once a sync saw it that began when Entra's lists show it. Before that an answer of Entra
    that was lost may have made it look like ours, if a lease of it was on its way at that time."""
    for place, changes in record.places.items():
        for given, taken in live_between(changes):
            if given.by != HAND or taken is None or taken.by != LATCHKEY:
                continue
            leases = [it for it in record.by_place[place] if it.is_granted_in(given, taken)]
            seen = min((it for it in record.syncs if it > given.time + _SEEN), default=taken.time)
            if all(it.granted is None or it.granted > seen for it in leases):
                yield f"S15: {place} was taken at {taken.time}, and was given by hand"


def s17_never_longer(record: Record) -> Violations:
    """S17: a lease ends no later than its start and what was approved; only an approved extension
    moves its end, and only to a later time. Within the bound after it, counted from when nothing is
    in the way, it is out of Entra, unless another lease or somebody's hand is why it is there."""
    for lease in record.leases.values():
        end = lease.first_end
        if not lease.extensions and lease.active and lease.duration and end:
            too_late = end > lease.active + lease.duration
            if too_late:
                yield f"S17: {lease.lease_id} ends at {end}, which is too late"
        for each in lease.extensions:
            if not _approved(record, lease, each.access_request_id, each.time):
                yield f"S17: {lease.lease_id} was made longer at {each.time} without an approval"
            if end is None or each.end_time <= end:
                yield f"S17: {lease.lease_id} was made shorter at {each.time}"
            end = each.end_time
        if (end := lease.end_time) is None:
            continue
        until = record.clear_from(end, BOUND) + BOUND
        if record.end is not None and until <= record.end:
            for place in lease.places:
                if _stays(record, lease, place, until):
                    yield f"S17: {place} of {lease.lease_id} is there at {until}, after {end}"


def _stays(record: Record, lease: Lease, place: Place, time: datetime) -> bool:
    """Whether what a lease brought is in Entra at a time, and nothing else is why."""
    for given, taken in live_between(record.places[place]):
        if given.time <= time and (taken is None or taken.time > time):
            others = (it for it in record.by_place[place] if it is not lease)
            return given.by == LATCHKEY and not any(it.is_shown(time) for it in others)
    return False


def ended_is_gone(record: Record) -> Violations:
    """A lease is shown as ended only when what it brought is out of Entra, or another lease or
    somebody's hand is why it is there."""
    for lease in record.leases.values():
        if lease.ended is None:
            continue
        for place in lease.places:
            if _stays(record, lease, place, lease.ended):
                yield f"{lease.lease_id} was shown as ended while {place} was there"


def l2_ends_come(record: Record) -> Violations:
    """L2: each lease that has to end has ended when all is quiet. One whose end takes longer than
    five minutes is told of within another minute in which its service runs."""
    for lease in record.leases.values():
        end = lease.end_time
        if end is None or record.end is None or end + BOUND > record.end:
            continue
        if lease.ended is None:
            yield f"L2: {lease.lease_id} should have ended at {end}"
            continue
        late = lease.ending is not None and lease.ended > lease.ending + _ALARM + BOUND
        if late and lease.told_late is None:
            told_by = record.clear_from(max(end, lease.ending or end) + _ALARM, BOUND) + BOUND
            if lease.ended > told_by:
                yield f"L2: nobody was told that {lease.lease_id} ended late, at {lease.ended}"


def l7_nothing_is_stuck(record: Record) -> Violations:
    """L7: when all is quiet no lease is on its way, and no access request waits for anything but
    people or its delivery's retry."""
    for lease in record.leases.values():
        if lease.state in ("GRANTED", "ENDING"):
            yield f"L7: {lease.lease_id} is {lease.state}"
    for request in record.requests.values():
        if request["state"] in ("EVALUATING", "NO_APPROVER", "APPROVED"):
            yield f"L7: {request['access_request_id']} is {request['state']}"


def l8_removals_are_seen(record: Record) -> Violations:
    """L8: what somebody's hand takes from under an active lease is seen with the first sync that
    begins when Entra's lists show what Latchkey did: soon after it, counted from when neither Graph
    nor the broker is in the way, the lease has ended, or somebody has given it back. Requests hears
    of it by events alone, which are said again where they were lost."""
    for place, changes in record.places.items():
        for change, after in zip_longest(changes, changes[1:]):
            if change.added or change.by != HAND:
                continue
            for lease in record.by_place[place]:
                if lease.active is None or not lease.active < change.time:
                    continue
                if not lease.is_wanted(change.time):
                    continue
                shown = max(change.time, lease.active + _SEEN)
                seen = next((each for each in record.syncs if each > shown), None)
                if seen is None or record.end is None:
                    continue
                until = record.clear_from(seen, _HEARD, needs_broker=True) + _HEARD
                back = after is not None and after.time <= until
                if until <= record.end and not back and lease.is_wanted(until):
                    yield f"L8: nobody saw that {place} was taken at {change.time}"


ORACLES: tuple[Callable[[Record], Violations], ...] = (
    s1_no_access_without_approval,
    s3_given_once,
    s4_revoke_wins,
    s9_one_effect,
    s15_others_stay,
    s17_never_longer,
    ended_is_gone,
    l2_ends_come,
    l7_nothing_is_stuck,
    l8_removals_are_seen,
)


def violations(record: Record) -> list[str]:
    """All that is wrong with what a journal tells."""
    return [found for oracle in ORACLES for found in oracle(record)]
