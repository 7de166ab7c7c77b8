"""Policies that can be saved, for Hypothesis: with every text that a request may hold."""

from hypothesis import strategies as st

from libs.domain.errors import Invalid
from libs.domain.fields import Fields
from services.policy.domain import steps as kinds
from services.policy.domain.content import Content, Rule
from tests.unit.policy.contents import LENGTHS, ids


def _saved(letters: st.SearchStrategy[str], *, lines: bool) -> st.SearchStrategy[str]:
    def is_taken(text: str) -> bool:
        try:
            with Fields() as fields:
                fields.text("text", text, most=100, lines=lines)
        except Invalid:
            return False
        return True

    return st.text(letters, min_size=1, max_size=30).map(str.strip).filter(is_taken)


_LETTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(
    "\x80\x85 :#-'\"\\{[&*!|>%@`"
)
NAMES = _saved(_LETTERS, lines=False) | st.sampled_from(["no", "null", "~", "1e3", "2026-01-01"])
LINES = _saved(_LETTERS | st.sampled_from("\n\r\t "), lines=True)
DESCRIPTIONS = st.just("") | LINES
_APPROVERS = st.one_of(
    st.builds(kinds.People, ids("usr", 1)),
    st.builds(kinds.Manager, st.integers(1, 5)),
    st.just(kinds.AppOwners()),
    st.just(kinds.EntitlementOwners()),
    st.just(kinds.GroupMembers("grp_one")),
    st.builds(kinds.Expression, LINES),
)
_THEN = st.one_of(
    st.just(kinds.Remind()),
    st.builds(kinds.Reassign, _APPROVERS),
    st.just(kinds.Escalate("pol_other")),
    st.just(kinds.Deny()),
)
_APPROVALS = st.builds(
    kinds.Approval,
    _APPROVERS,
    st.none() | _APPROVERS,
    needed=st.integers(1, 20),
    reason_to_approve=st.booleans(),
    reason_to_deny=st.booleans(),
    distinct=st.booleans(),
    no_reassignment=st.booleans(),
    no_delegation=st.booleans(),
    time_limit=st.none() | st.builds(kinds.TimeLimit, LENGTHS, _THEN),
) | st.builds(kinds.Approval, _APPROVERS, all=st.just(True))
_STEPS = st.lists(
    st.one_of(
        st.builds(kinds.Accept, st.just("") | LINES),
        st.builds(kinds.Reject, LINES),
        _APPROVALS,
        st.builds(kinds.Wait, LENGTHS),
        st.builds(kinds.Wait, st.none(), LINES, LENGTHS),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
_RULES = st.builds(Rule, NAMES, LINES, _STEPS, ids("app"), ids("ent"))
CONTENTS = st.builds(Content, st.lists(_RULES, max_size=2).map(tuple), _STEPS)
_FINAL = st.builds(kinds.Accept, st.just("") | LINES) | st.builds(kinds.Reject, LINES)
EVALUABLE = st.builds(
    Content,
    st.lists(
        st.builds(
            Rule,
            NAMES,
            st.sampled_from(["emergency", "duration <=\n  duration('4h')", "!without_end"]),
            st.tuples(_FINAL),
        ),
        max_size=2,
        unique_by=(lambda rule: rule.display_name, lambda rule: rule.condition),
    ).map(tuple),
    st.tuples(st.builds(kinds.Approval, st.just(kinds.Manager()), time_limit=st.none())),
)
"""Contents that nothing is refused of, whatever else there is."""
