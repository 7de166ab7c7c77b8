"""What a policy that is not saved would have decided otherwise."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby

from services.requests.domain.plan import Plan
from services.requests.domain.steps import (
    Accept,
    Approval,
    Approvers,
    People,
    Reassign,
    Reject,
    Step,
    UnknownStep,
    Wait,
    length_in_words,
    who_in_words,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy that is not saved, as it was sent: nobody but policy reads it."""

    message: bytes


@dataclass(frozen=True, slots=True)
class DraftAnswer:
    """What a draft says about one access request: a plan, or why there is none."""

    plan: Plan | None
    problem: str = ""


_WAS = ("was approved", "was denied", "needed", "waited", "had a step of an unknown kind")
_WOULD = (
    "would be approved",
    "would be denied",
    "would need",
    "would wait",
    "would have a step of an unknown kind",
)
# What the words for a step don't tell, by the names of its fields.
_TERMS = {
    "approvers": "the people who are named",
    "fallback": "the fallback",
    "distinct": "whether earlier approvers count",
    "no_reassignment": "whether it may be handed on",
    "no_delegation": "whether delegates may decide",
    "time_limit": "the time limit",
    "timeout": "the timeout",
}


def difference(before: Plan, answer: DraftAnswer) -> str:
    """What would have come out differently, in words; empty where nothing would.

    Different is another outcome, or others who decide, how many of them, or in what order. The
    rule that matched, messages, and whether somebody has to say why make no difference.
    """
    old = _decisive(before.steps)
    was = _in_words(old, _WAS)
    if answer.plan is None:
        return f"{was}; would fail: {answer.problem}"
    new = _decisive(answer.plan.steps)
    if old == new:
        return ""
    if was == _in_words(new, _WAS):
        return f"{was}; would be the same but for {', '.join(_terms(old, new))}"
    shown = _in_words(_spoken(before.steps), _WAS), _in_words(_spoken(answer.plan.steps), _WOULD)
    return "; ".join(shown)


def _spoken(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without an acceptance that follows an approval by itself."""
    if len(steps) > 1 and isinstance(steps[-1], Accept) and isinstance(steps[-2], Approval):
        steps = steps[:-1]
    return tuple(steps)


def _decisive(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without what makes no difference."""
    return tuple(map(_bare, _spoken(steps)))


def _bare(step: Step) -> Step:
    match step:
        case Accept():
            return Accept()
        case Reject():
            return Reject()
        case Approval() as it:
            limit = it.time_limit
            if limit is not None and isinstance(limit.then, Reassign):
                limit = replace(limit, then=Reassign(_sorted(limit.then.approvers)))
            return replace(
                it,
                approvers=_sorted(it.approvers),
                fallback=None if it.fallback is None else _sorted(it.fallback),
                needed=1 if it.all_of_them else it.needed,
                reason_to_approve=False,
                reason_to_deny=False,
                time_limit=limit,
            )
        case _:
            return step


def _sorted(approvers: Approvers) -> Approvers:
    if isinstance(approvers, People):
        return People(tuple(sorted(set(approvers.user_ids))))
    return approvers


def _in_words(steps: Iterable[Step], verbs: tuple[str, str, str, str, str]) -> str:
    """A plan as a sentence: "needed the subject's manager, then 2 of the app's owners"."""
    alone = len(steps := tuple(steps)) == 1
    parts = []
    for verb, some in groupby(steps, key=lambda step: _verb(step, verbs)):
        parts.append(verb + ", then".join(_rest(step, alone=alone) for step in some))
    return ", then ".join(parts)


def _verb(step: Step, verbs: tuple[str, str, str, str, str]) -> str:
    kinds = (Accept, Reject, Approval, Wait, UnknownStep)
    return next(verb for kind, verb in zip(kinds, verbs, strict=True) if isinstance(step, kind))


def _rest(step: Step, *, alone: bool) -> str:
    match step:
        case Accept():
            return " at once" if alone else ""
        case Reject(message):
            return f": {message}" if message else ""
        case Approval() as it:
            return f" {who_in_words(it)}"
        case Wait(duration, condition):
            if duration is not None:
                return f" for {length_in_words(duration)}"
            return f" until {condition}"
        case UnknownStep():
            return ""


def _terms(old: Sequence[Step], new: Sequence[Step]) -> Iterator[str]:
    """What is not the same of steps that are the same in words."""
    seen: set[str] = set()
    for before, after in zip(old, new, strict=True):
        for field in fields(before):
            if getattr(before, field.name) != getattr(after, field.name):
                seen.add(field.name)
    yield from (words for name, words in _TERMS.items() if name in seen)
