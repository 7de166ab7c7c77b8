"""Why the contract refuses somebody, of the model in `ways_model`: all the reasons that there are.

None of them means that it must be done.
"""

from collections.abc import Sequence
from datetime import timedelta

from services.requests.domain.steps import Accept, Approval, GiveUp, Remind, Wait
from tests.unit.requests_service.ways_model import UNDECIDED, Way
from tests.unit.requests_service.ways_people import Town

Why = set[str]


def asking(
    town: Town,
    ways: Sequence[Way],
    leased: bool,
    way: Way,
    length: timedelta | None,
) -> Why:
    """`ways` are those that the subject has had before, `leased` whether they have it already."""
    why: Why = set()
    theirs = way.requester in town.admins | town.helpdesk | {way.subject}
    if not theirs and way.requester not in town.managers.get(way.subject, [])[:1]:
        why.add("ON_BEHALF_NOT_ALLOWED")
    if any(each.state in (*UNDECIDED, "APPROVED") for each in ways):
        why.add("ACCESS_REQUEST_OPEN")
    if leased:
        why.add("ALREADY_LEASED")
    if way.emergency and any(
        each.emergency and (each.state in UNDECIDED or each.review == "OPEN") for each in ways
    ):
        why.add("EMERGENCY_REVIEW_OPEN")
    if way.over(length):
        why.add("DURATION_TOO_LONG")
    return why | _catalog(town, had=True)


def sees(way: Way, who: str) -> bool:
    """Whether it is their business, for itself."""
    town = way.town
    return who in way.own | way.known | way.reviewers | town.admins | town.auditors


def seeing(way: Way, who: str, *, also_own: bool = False) -> Why:
    """They, or in whose place they decide, must have a part in it."""
    through = way.known | (way.own if also_own else frozenset())
    if sees(way, who) or any(each in through for each in way.town.delegators(who)):
        return set()
    return {"ACCESS_REQUEST_NOT_FOUND"}


def commenting(way: Way, who: str) -> Why:
    """An auditor only looks."""
    if who in way.town.auditors and who not in way.own | way.known | way.reviewers:
        return {"CALLER_NOT_ALLOWED"}
    return seeing(way, who)


def changing(way: Way, who: str) -> Why:
    """It is its requester's, and administrators'."""
    why: Why = set() if sees(way, who) else {"ACCESS_REQUEST_NOT_FOUND"}
    if who != way.requester and who not in way.town.admins:
        why.add("CALLER_NOT_ALLOWED")
    if way.state not in UNDECIDED:
        why.add("ACCESS_REQUEST_STATE")
    return why


def restarting(way: Way, who: str) -> Why:
    """As a new wish would be, as far as the catalog is concerned."""
    why = changing(way, who) | _catalog(way.town, had=True)
    return why | ({"DURATION_TOO_LONG"} if way.over(way.asked) else set())


def deciding(way: Way, who: str, *, stale: bool, also_without: bool = False) -> Why:
    """Nobody decides for themselves, twice, too late, or without being among those who may."""
    town = way.town
    why = seeing(way, who, also_own=True) | ({"ETAG_MISMATCH"} if stale else set())
    if who in way.own:
        why.add("SELF_DECISION")
    step = way.step
    if not isinstance(step, Approval) or not (also_without or way.state == "PENDING"):
        return why | {"ACCESS_REQUEST_STATE"}
    late = way.due is not None and way.due <= town.now and not way.struck
    if late and step.time_limit and not isinstance(step.time_limit.then, Remind):
        why.add("ACCESS_REQUEST_STATE")
    why |= _catalog(town)
    if who in way.own:
        return why
    if any(at == way.at and who in people for at, people in way.said):
        why.add("ALREADY_DECIDED")
    elif not way.seat(who):
        in_place = any(each in way.own for each in town.delegators(who))
        why.add("SELF_DECISION" if in_place else "NOT_AN_APPROVER")
    return why


def approving(way: Way, who: str, *, stale: bool, length: timedelta | None, reason: str) -> Why:
    """The last approval must be for what can still be had, and for no longer than that."""
    why = deciding(way, who, stale=stale)
    step = way.step
    if not isinstance(step, Approval):
        return why
    if step.reason_to_approve and not reason:
        why.add("FIELD_INVALID")
    if length is not None and way.duration is not None and length > way.duration:
        why.add("DURATION_TOO_LONG")
    following = way.steps[way.at + 1] if way.at + 1 < len(way.steps) else Accept()
    if way.able()[1] - way.here <= 1 and isinstance(following, Accept):
        why |= _catalog(way.town, had=True)
        if way.over(way.duration if length is None else length):
            why.add("DURATION_TOO_LONG")
    return why


def denying(way: Way, who: str, *, stale: bool, reason: str) -> Why:
    """One denial is enough."""
    why = deciding(way, who, stale=stale)
    if isinstance(way.step, Approval) and way.step.reason_to_deny and not reason:
        why.add("FIELD_INVALID")
    return why


def reassigning(way: Way, who: str, to: Sequence[str], *, stale: bool) -> Why:
    """To those who can decide it, and to as many as must."""
    town, step = way.town, way.step
    if who in town.admins:
        why = {"ETAG_MISMATCH"} if stale else set()
        if who in way.own:
            why.add("SELF_DECISION")
    else:
        why = deciding(way, who, stale=stale, also_without=True)
    if not isinstance(step, Approval):
        return why | {"ACCESS_REQUEST_STATE"}
    if step.no_reassignment and who not in town.admins:
        why.add("REASSIGNMENT_NOT_ALLOWED")
    before = way.needed if who in town.admins else way.able()[1]
    kept, way.given = way.given, tuple(to)
    able, needed = way.able()
    way.given = kept
    if able != frozenset(to) or needed < before:
        why.add("ASSIGNEE_NOT_ELIGIBLE")
    return why | _catalog(town)


def reviewing(way: Way, who: str, *, stale: bool) -> Why:
    """Others than those whose it was: who owns the app, and administrators."""
    town = way.town
    why: Why = set() if sees(way, who) else {"ACCESS_REQUEST_NOT_FOUND"}
    if who in way.own:
        why.add("SELF_DECISION")
    if who not in town.admins:
        why |= _catalog(town)
        if who not in town.owners & town.enabled:
            why.add("CALLER_NOT_ALLOWED")
    if stale:
        why.add("ETAG_MISMATCH")
    if way.review != "OPEN":
        why.add("REVIEW_NOT_OPEN")
    return why


def _catalog(town: Town, *, had: bool = False) -> Why:
    """`had`: whether it must say that the entitlement can be had, too."""
    why = {"DEPENDENCY_UNAVAILABLE"} if town.catalog_away else set()
    return why | ({"APP_REMOVED"} if had and town.gone else set())


def by_itself(way: Way, *, overdue: bool) -> Why:
    """What the service does by itself waits for the catalog where that has to say something."""
    town, step = way.town, way.step
    if not town.catalog_away:
        return set()
    if way.state not in UNDECIDED:
        return {"DEPENDENCY_UNAVAILABLE"} if way.review == "OPEN" and not overdue else set()
    if not overdue:
        timed = isinstance(step, Wait) and not step.condition
        return set() if timed else {"DEPENDENCY_UNAVAILABLE"}
    if way.due is None or way.due > town.now:
        return set()
    if isinstance(step, Approval):
        assert step.time_limit is not None
        denies = isinstance(step.time_limit.then, GiveUp)
    else:
        assert isinstance(step, Wait)
        following = way.steps[way.at + 1]
        denies = step.duration is None or not isinstance(following, Approval | Accept)
    return set() if denies else {"DEPENDENCY_UNAVAILABLE"}
