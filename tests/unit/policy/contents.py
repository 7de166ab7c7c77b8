"""Contents of every kind, for Hypothesis."""

from datetime import timedelta

from hypothesis import strategies as st

from services.policy.domain import steps as kinds
from services.policy.domain.content import Content, Rule

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
LENGTHS = st.timedeltas(timedelta(minutes=1), timedelta(days=90))


def ids(prefix: str, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    """Some ids of one kind, each once."""
    made = st.integers(0, 9).map(lambda n: f"{prefix}_{n}")
    return st.lists(made, min_size=least, max_size=3, unique=True).map(tuple)


APPROVERS = st.one_of(
    st.builds(kinds.People, ids("usr", 1)),
    st.builds(kinds.Manager, st.integers(1, 5)),
    st.just(kinds.AppOwners()),
    st.just(kinds.EntitlementOwners()),
    st.just(kinds.GroupMembers("grp_one")),
    st.builds(kinds.Expression, WORDS),
)
THEN = st.one_of(
    st.just(kinds.Remind()),
    st.builds(kinds.Reassign, APPROVERS),
    st.just(kinds.Escalate("pol_other")),
    st.just(kinds.Deny()),
)
APPROVALS = st.builds(
    kinds.Approval,
    APPROVERS,
    st.none() | APPROVERS,
    needed=st.integers(1, 20),
    reason_to_approve=st.booleans(),
    reason_to_deny=st.booleans(),
    distinct=st.booleans(),
    no_reassignment=st.booleans(),
    no_delegation=st.booleans(),
    time_limit=st.none() | st.builds(kinds.TimeLimit, LENGTHS, THEN),
) | st.builds(kinds.Approval, APPROVERS, all=st.just(True))
WAITS = st.builds(kinds.Wait, LENGTHS) | st.builds(kinds.Wait, st.none(), WORDS, LENGTHS)
STEPS = st.lists(
    st.builds(kinds.Accept, TEXTS) | st.builds(kinds.Reject, TEXTS) | APPROVALS | WAITS,
    max_size=3,
).map(tuple)
RULES = st.builds(Rule, TEXTS, TEXTS, STEPS, ids("app"), ids("ent"))
CONTENTS = st.builds(Content, st.lists(RULES, max_size=3).map(tuple), STEPS)
