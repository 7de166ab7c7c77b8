"""Plans of every kind, for the machine in `test_ways`."""

from datetime import timedelta

from hypothesis import strategies as st

from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Approvers,
    Escalate,
    GiveUp,
    GroupMembers,
    Manager,
    People,
    Reassign,
    Reject,
    Remind,
    Step,
    TimeLimit,
    UnknownApprovers,
    UnknownStep,
    Wait,
)
from tests.unit.requests_service.cast import ADA, DEE, GIL, GROUP, MAX, OLA, OTO, SUE, ids

HOUR = timedelta(hours=1)
ESCALATED = "pol_second"
CONDITION = "ready"

_NAMED = st.lists(st.sampled_from(ids(ADA, SUE, MAX, OLA, OTO, GIL, DEE)), max_size=4)
_LIKELY = st.sampled_from([AppOwners(), GroupMembers(GROUP), Manager(), Manager(2)])
_APPROVERS: st.SearchStrategy[Approvers] = st.one_of(
    _LIKELY,
    _LIKELY,
    _NAMED.map(lambda named: People(tuple(named))),
    st.just(UnknownApprovers()),
)
_LIMITS = st.builds(
    TimeLimit,
    after=st.sampled_from([HOUR, 5 * HOUR]),
    then=st.one_of(
        st.just(Remind()),
        st.just(GiveUp()),
        st.just(Escalate(ESCALATED)),
        st.builds(Reassign, _APPROVERS),
    ),
)
_SELDOM = st.sampled_from([False, False, False, True])
_STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        Approval,
        approvers=st.one_of(_LIKELY, _APPROVERS),
        fallback=st.one_of(st.none(), _APPROVERS),
        needed=st.sampled_from([1, 1, 1, 2, 2, 3]),
        all_of_them=_SELDOM,
        reason_to_approve=_SELDOM,
        reason_to_deny=_SELDOM,
        distinct=st.booleans(),
        no_reassignment=_SELDOM,
        no_delegation=_SELDOM,
        time_limit=st.one_of(st.none(), _LIMITS),
    ),
    st.builds(Approval, approvers=_LIKELY, distinct=st.booleans()),
    st.sampled_from([Wait(HOUR), Wait(condition=CONDITION, timeout=2 * HOUR)]),
)
_ENDS: st.SearchStrategy[tuple[Step, ...]] = st.sampled_from(
    [(), (), (Accept(),), (Accept(),), (Accept(),), (Reject("no"),)]
)
# What meets only now and then by chance.
_MEETINGS: st.SearchStrategy[list[Step]] = st.sampled_from(
    [
        [Approval(AppOwners(), needed=2)],
        [Approval(AppOwners(), no_delegation=True)],
        [
            Approval(AppOwners()),
            Approval(Manager(2), time_limit=TimeLimit(HOUR, Escalate(ESCALATED))),
        ],
        [Approval(GroupMembers(GROUP), needed=3), Approval(AppOwners())],
        [Approval(GroupMembers(GROUP), all_of_them=True)],
        [Approval(AppOwners(), all_of_them=True), Approval(AppOwners(), distinct=True)],
        [Approval(AppOwners()), Approval(AppOwners(), fallback=Manager(), distinct=True)],
        [
            Approval(Manager(), time_limit=TimeLimit(HOUR, Reassign(GroupMembers(GROUP)))),
            Approval(GroupMembers(GROUP), needed=2, distinct=True),
        ],
    ]
)
PEOPLE_DECIDE: st.SearchStrategy[tuple[Step, ...]] = st.builds(
    lambda steps, end: (*steps, *end),
    st.lists(_STEPS, min_size=1, max_size=3) | _MEETINGS,
    _ENDS,
)
PLANS: st.SearchStrategy[tuple[Step, ...]] = st.one_of(
    PEOPLE_DECIDE,
    PEOPLE_DECIDE,
    st.sampled_from([(Accept(),), (Reject("no"),), (), (UnknownStep(), Accept())]),
    PEOPLE_DECIDE.map(lambda steps: (*steps, UnknownStep(), Accept())),
)
