"""What the contract says becomes of an access request: a model to hold the service against.

Written from the comments of `access_request.proto`, `policy.proto` and `delegation.proto`, and the
words of the issue; not from the code. People are their ids. A refusal is a set of reasons, of which
the service may give any.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Escalate,
    GiveUp,
    People,
    Reassign,
    Reject,
    Remind,
    Step,
    UnknownStep,
    Wait,
)
from tests.unit.requests_service.ways_people import Town

Nobody: frozenset[str] = frozenset()
UNDECIDED = ("EVALUATING", "PENDING", "NO_APPROVER")
EMERGENCY = "pol_emergency"


@dataclass
class Way:
    """One access request on its way. `said` are the approvals that count: at which step, by whom.

    `tells` are the names of the events of what was done last.
    """

    town: Town
    requester: str
    subject: str
    emergency: bool
    asked: timedelta | None
    state: str = "EVALUATING"
    duration: timedelta | None = None
    settled: timedelta | None = None
    policy: str = ""
    steps: tuple[Step, ...] = ()
    at: int = 0
    due: datetime | None = None
    may: frozenset[str] = Nobody
    needed: int = 0
    said: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    given: tuple[str, ...] = ()
    struck: bool = False
    known: frozenset[str] = Nobody
    review: str = "UNSPECIFIED"
    reviewers: frozenset[str] = Nobody
    tells: list[str] = field(default_factory=list)

    @property
    def own(self) -> frozenset[str]:
        """Those whose own it is, who decide nothing of it."""
        return frozenset({self.requester, self.subject})

    @property
    def step(self) -> Step | None:
        """The step that it is at."""
        at_one = self.state in ("PENDING", "NO_APPROVER")
        return self.steps[self.at] if at_one else None

    @property
    def here(self) -> int:
        """How many have approved the step."""
        return sum(at == self.at for at, _ in self.said)

    @property
    def still_needed(self) -> int:
        """How many more must."""
        return max(0, self.needed - self.here)

    @property
    def inbox(self) -> frozenset[str]:
        """In whose inbox it is: who may decide it, or review it."""
        return self.may if self.state == "PENDING" else self.to_review

    @property
    def to_review(self) -> frozenset[str]:
        """Who may review it, beside administrators."""
        return self.reviewers if self.review == "OPEN" else Nobody

    def cap(self, length: timedelta | None) -> timedelta | None:
        """So long, or as long as the limit where no end was asked for."""
        return self.limit if length is None else length

    @property
    def limit(self) -> timedelta | None:
        """The longest that it can be."""
        limits = (self.town.limit, self.town.emergency_limit)
        return limits[1] if self.emergency else limits[0]

    def over(self, length: timedelta | None) -> bool:
        """Whether so long is too long."""
        return length is not None and self.limit is not None and length > self.limit

    def able(self) -> tuple[frozenset[str], int]:
        """Who may decide the step now, and how many must; nobody where too few can."""
        step = self.step
        assert isinstance(step, Approval)
        out = self.own.union(
            *(who for at, who in self.said if at == self.at or (step.distinct and at < self.at))
        )
        sources = [step.approvers] + ([] if step.fallback is None else [step.fallback])
        if self.given:
            sources = [People(self.given)]
        elif self.struck and step.time_limit and isinstance(step.time_limit.then, Reassign):
            sources = [step.time_limit.then.approvers]
        for source in sources:
            people = self.town.stand_for(source, self.subject) - out
            needed = self.here + len(people) if step.all_of_them else step.needed
            if people and self.here + len(people) >= needed:
                return people, needed
        return Nobody, 1 if step.all_of_them else step.needed

    def seat(self, who: str) -> frozenset[str]:
        """Who decides with somebody's word: they, "A for B" both, or nobody."""
        step = self.step
        assert isinstance(step, Approval)
        able, _ = self.able()
        if who in able:
            return frozenset({who})
        earlier = Nobody.union(*(people for at, people in self.said if at < self.at))
        if step.no_delegation or who not in self.town.enabled or (step.distinct and who in earlier):
            return Nobody
        return next(
            (frozenset({who, of}) for of in self.town.delegators(who) if of in able), Nobody
        )

    def look(self) -> None:
        """The step is resolved: who comes to those who may decide is asked, nobody is told."""
        before, was = self.may, self.state
        self.may, self.needed = self.able()
        self.known |= self.may
        self.state = "PENDING" if self.may else "NO_APPROVER"
        if not self.may and was != "NO_APPROVER":
            self.tells.append("NoApproverFound")
        elif self.may and (was == "NO_APPROVER" or not self.may <= before):
            self.tells.append("ApprovalRequested")

    def ask(self, policy: str) -> None:
        """Policy decides, from its first step on; while it does not, nobody does."""
        self.said, self.due, self.may, self.given, self.struck = [], None, Nobody, (), False
        steps = self.answer(policy)
        self.steps, self.policy = steps or (), policy
        if steps is None:
            self.state, self.duration = "EVALUATING", self.settled
        else:
            self.settled = self.duration = self.cap(self.asked)
            self.begin(0)

    def answer(self, policy: str) -> tuple[Step, ...] | None:
        """What policy says; none when it is away, or its plan is not understood to its end."""
        steps = self.town.policies[policy]
        for number, step in enumerate(steps):
            if isinstance(step, UnknownStep):
                break
            if isinstance(step, Accept | Reject) or (
                number == len(steps) - 1 and isinstance(step, Approval)
            ):
                return None if self.town.policy_away else steps
        return None

    def asks_somebody_or_denies(self, policy: str) -> bool:
        """Whether a policy that is escalated to has an answer: by itself it approves nothing."""
        steps = self.answer(policy) or ()
        people = any(isinstance(step, Approval) for step in steps)
        return bool(steps) and (people or not any(isinstance(step, Accept) for step in steps))

    def begin(self, number: int) -> None:
        """A step begins; behind the last approval everything is approved."""
        self.at, self.given, self.struck = number, (), False
        self.due, self.may, self.needed = None, Nobody, 0
        match self.steps[number] if number < len(self.steps) else Accept():
            case Accept():
                self.state, self.duration = "APPROVED", self.cap(self.duration)
                self.tells.append("AccessRequestApproved")
                if self.emergency:
                    self.review = "OPEN"
                    self.reviewers = self.town.stand_for(AppOwners(), self.subject) - self.own
            case Reject():
                self.deny()
            case Wait(length, _, timeout):
                self.state, self.due = "PENDING", self.town.now + (length or timeout or timedelta())
            case Approval() as step:
                if step.time_limit is not None:
                    self.due = self.town.now + step.time_limit.after
                self.state = "PENDING"
                self.look()

    def deny(self) -> None:
        """Policy, somebody or the time says no."""
        self.state, self.may, self.due = "DENIED", Nobody, None
        self.tells.append("AccessRequestDenied")

    def approve(self, who: str, length: timedelta | None) -> None:
        """Somebody approves the step."""
        seat, before = self.seat(who), self.may
        fresh, self.needed = self.able()
        self.said.append((self.at, seat))
        self.duration = self.duration if length is None else length
        self.may = fresh - seat
        self.tells.append("ApprovalGiven")
        self.known |= {who}
        if self.still_needed and not self.may <= before:
            self.tells.append("ApprovalRequested")
        if stays := self.still_needed > 0:
            self.known |= fresh
        else:
            self.begin(self.at + 1)
        if not stays and self.state not in UNDECIDED:
            self.known |= fresh

    def overdue(self) -> None:
        """The time of the step is over."""
        step = self.step
        if isinstance(step, Wait):
            if step.duration is None:
                self.deny()
            else:
                self.ends_at(self.at + 1)
            return
        assert isinstance(step, Approval)
        assert step.time_limit is not None
        match step.time_limit.then:
            case GiveUp():
                self.deny()
            case Escalate(policy) if self.town.gone or self.over(self.asked):
                self.deny()
            case Escalate(policy) if self.asks_somebody_or_denies(policy):
                self.tells.append("AccessRequestEscalated")
                self.ask(policy)
            case Reassign() if not self.struck and self._hand_over():
                self.due = self.town.now + step.time_limit.after
                self.tells += ["AccessRequestReassigned", "ApprovalRequested"]
            case Remind() | Reassign() | Escalate():
                self.look()
                self.due = self.town.now + step.time_limit.after
                self.tells += ["ApprovalReminded"] if self.may else []

    def _hand_over(self) -> bool:
        kept = self.given
        self.given, self.struck = (), True
        able, needed = self.able()
        if not able:
            self.given, self.struck = kept, False
            return False
        self.may, self.needed, self.state = able, needed, "PENDING"
        self.known |= able
        return True

    def ends_at(self, number: int) -> None:
        """What a wait waited for is so: the next step begins, if it can be had then."""
        last = isinstance(self.steps[number], Accept)
        if last and (self.town.gone or self.over(self.duration)):
            self.deny()
        else:
            self.begin(number)

    def look_again(self) -> None:
        """Policy and the directory are asked again about what is undecided."""
        step, town = self.step, self.town
        if self.review == "OPEN":
            self.reviewers = town.stand_for(AppOwners(), self.subject) - self.own
        elif isinstance(step, Approval):
            self.look()
        elif isinstance(step, Wait) and not step.condition:
            return
        elif self.state in UNDECIDED and (town.gone or self.over(self.asked)):
            # Who asked for no duration asked for none that is too long, whatever the limit is now.
            self.deny()
        elif isinstance(step, Wait):
            too_late = self.due is not None and self.due <= town.now
            if town.ready and not town.policy_away and not too_late:
                self.ends_at(self.at + 1)
        elif self.state == "EVALUATING":
            self.ask(EMERGENCY if self.emergency else "")
