"""The expression engine: whatever goes wrong, the answer is not `True`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.any_pb2 import Any
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.domain.expressions import ExpressionProblem, Fault
from libs.expressions.syntax import Syntax
from services.policy.expressions import CelExpressions
from tests.support.examples import examples
from tests.unit.policy.examples import ADA, FACTS

EXPRESSIONS = CelExpressions()
FRAGMENTS = [
    *("true", "false", "subject", ".", "department", "==", "'x'", "(", ")", "[", "]", "{", "}"),
    *("&&", "||", "!", ",", "1", "/", "0", "now", "duration", "has", "requested_duration", "<"),
    *("emergency", "?", ":", "in", "size", "matches", "all", "exists"),
]


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("approver == 1", "line 1, column 1: undeclared reference to 'approver'"),
        ("subject.groups.size() > 0", "line 1, column 8: undefined field 'groups' not found"),
        ("has(subject.groups)", "undefined field 'groups' not found"),
        ("emergency == 1", "no matching overload for '_==_' applied to '(bool, int)'"),
        ("requested_duration < 8", "no matching overload for '_<_'"),
        ("now == requested_duration", "no matching overload for '_==_'"),
        ("true ||", "line 1, column 8: Syntax error"),
        ("true\n&& nothing", "line 2, column 4: undeclared reference to 'nothing'"),
        ("", "Syntax error"),
        ("1", "it is of type INT, and must be true or false"),
        ("'true'", "it is of type STRING, and must be true or false"),
        ("dyn(true)", "it is of type DYN, and must be true or false"),
        ("null", "and must be true or false"),
        ("subject", "it is of type latchkey.policy.v1.PersonFacts, and must be true or false"),
        ("(" * 300 + "true" + ")" * 300, "recursion limit exceeded"),
        ("true" + " " * 4093, "more than 4096 characters"),
        ("'" + "x" * 1_000_000 + "' == ''", "more than 4096 characters"),
        ("'a' + 'b' == 'ab'", "no matching overload for '_+_'"),
        ("[1] + [2] == [1, 2]", "no matching overload for '_+_'"),
        ("b'a' + b'b' == b'ab'", "no matching overload for '_+_'"),
        ("[1, 2].map(x, x * 2) == [2, 4]", "undeclared reference to 'map'"),
        ("[1, 2].filter(x, x > 1) == [2]", "undeclared reference to 'filter'"),
        ("'department' in subject", "no matching overload for '@in'"),
        ("subject['department'] == 'x'", "no matching overload for '_[_]'"),
        ("subject == {'user_id': 'usr_ada'}", "no matching overload for '_==_'"),
        ("subject.exists(k, k == 'x')", "must be list, map, or dynamic"),
        (
            "latchkey.policy.v1.PersonFacts{user_id: 'usr_ada'} == subject",
            "no matching overload for '_==_'",
        ),
        (
            "[1].all(a, [1].all(b, [1].all(c, true)))",
            "line 1, column 30: comprehensions are nested more than once",
        ),
        (
            "[1].all(a, [[1].all(b, [1].exists_one(c, true))].all(d, true))",
            "line 1, column 38: comprehensions are nested more than once",
        ),
    ],
)
def test_refuses_what_can_not_be_evaluated(condition: str, problem: str) -> None:
    """A condition that does not compile to true or false is refused, with the place and why."""
    with pytest.raises(ExpressionProblem) as raised:
        EXPRESSIONS.meaning(condition)
    assert problem in str(raised.value)
    assert "INVALID_ARGUMENT" not in str(raised.value)


@pytest.mark.parametrize(
    "condition", ["approver == 1", "1", "dyn(true)", "true ||", "(" * 300 + "true" + ")" * 300]
)
def test_evaluates_nothing_that_it_would_refuse(condition: str) -> None:
    """A stored condition that the engine no longer takes is a problem, not an answer."""
    with pytest.raises(ExpressionProblem):
        EXPRESSIONS.given(FACTS).is_true(condition)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("1 / 0 == 1", "divide by zero"),
        ("emergency || 1 / 0 == 1", "divide by zero"),
        ("int(subject.department) == 1", "cannot convert string to int"),
        ("subject.department.matches('(')", "invalid regular expression"),
        ("{'a': true}['b']", "Key not found"),
        ("[true][1]", "index"),
        ("dyn(1) + dyn('a') == dyn(2)", "No matching overload"),
        ("timestamp(subject.department) < now", "conversion failed"),
        ("9223372036854775807 + 1 > 0", "overflow"),
        (f"{[1] * 200}.all(a, {[1] * 200}.all(b, true))", "Iteration budget exceeded"),
        ("subject.job_title == ''", "subject.job_title is not in the directory"),
        ("{'job_title': 'x'}['job_titel'] == 'x'", 'Key not found in map : "job_titel"'),
        ("dyn(subject).job_title == ''", "subject.job_title or requester.job_title is"),
        ("[subject].exists(p, p.job_title == '')", "subject.job_title or requester.job_title is"),
        (
            "[subject, requester].all(p, p.job_title != 'x')",
            "subject.job_title or requester.job_title is not in the directory",
        ),
        ("{'a': requester}['a'].job_title == ''", "subject.job_title or requester.job_title is"),
    ],
)
def test_failing_while_evaluated_is_no_answer(condition: str, problem: str) -> None:
    """What the engine answers with an error value, what it raises, and what the directory does not
    give is the same problem."""
    untitled = replace(ADA, job_title=None)
    facts = replace(FACTS, subject=untitled, requester=untitled)
    with pytest.raises(ExpressionProblem) as raised:
        EXPRESSIONS.given(facts).is_true(condition)
    assert problem.lower() in str(raised.value).lower()


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("true", True),
        ("false", False),
        ("dyn(1) == 1", True),
        ("subject.department in ['Sales', 'Engineering']", True),
        ("has(subject.job_title)", True),
        ("!has(requester.manager_user_id)", True),
        ("!has(requester.job_title) || requester.job_title == 'x'", True),
        ("has(requester.job_title) && requester.job_title == 'x'", False),
        ("requester.job_title == 'x' && false", False),
        ("[subject, requester].exists(p, p.job_title == 'Engineer')", True),
        ("subject == requester", False),
        ("emergency && 1 / 0 == 1", False),
        ("[1, 2, 3].exists(x, x == 2)", True),
        ("requested_duration == duration('28800s')", True),
        ("duration == duration('28800s') && duration(duration) > duration('7h')", True),
        ("now.getFullYear() == 2025", True),
        ("1 + 1 == 2 && now + duration('1h') > now", True),
        ("// only a comment before it\ntrue", True),
        ("'Ⅷ' == 'Ⅷ' && 'é' != 'e'", True),
    ],
)
def test_answers(condition: str, answer: bool) -> None:
    """Facts are seen as they are; what does not matter to the answer may be missing."""
    bare = replace(ADA, user_id="usr_x", job_title=None, manager_user_id=None)
    is_true = EXPRESSIONS.given(replace(FACTS, requester=bare)).is_true
    assert is_true(condition) is answer


@pytest.mark.parametrize(
    "condition",
    [
        "[1].all(a, [1].all(b, true)) && [1].exists(c, [1].exists_one(d, true))",
        "[[[[true].all(a, a)].all(b, b)].all(c, c)].all(d, d)",
        "'.all(.all(.all(' != 'exists' && [1].all(a, [1].all(all, true)) // .all(",
    ],
)
def test_comprehensions_may_stand_side_by_side(condition: str) -> None:
    """Only one within the other within the other is too much work; not one after the other, not
    one over what another gave, and not their names in texts and comments."""
    assert EXPRESSIONS.given(FACTS).is_true(condition)


def test_problems_have_their_places() -> None:
    """Each fault has its line and column by itself, for those who show it in an editor."""
    with pytest.raises(ExpressionProblem) as raised:
        EXPRESSIONS.meaning("one ||\n  two")
    assert raised.value.faults == (
        Fault("undeclared reference to 'one'", 1, 1),
        Fault("undeclared reference to 'two'", 2, 3),
    )


def test_meanings() -> None:
    """What an expression says does not depend on how it is written."""
    meaning = EXPRESSIONS.meaning
    one, two = meaning("emergency && without_end"), meaning("(emergency)\n && without_end // x")
    assert one.shape == two.shape != meaning("emergency || without_end").shape
    assert meaning("app.app_id == 'a'").shape != meaning("app.app_id == 'b'").shape
    assert meaning("1 == 1").shape != meaning("2 == 2").shape
    assert (meaning("(true)").always, meaning("false").always, one.always) == (True, False, None)
    lengths = meaning("duration < duration('1h30m') || duration > duration('.5s')").lengths
    assert lengths == (timedelta(minutes=90), timedelta(seconds=0.5))
    assert meaning("duration == duration('-1h') || duration == duration(app.app_id)").lengths == ()


def test_a_tree_that_can_not_be_read_is_a_problem() -> None:
    """Whatever the engine gives away as the tree, nothing else is raised."""
    for serialized in (b"\xff", Any(value=b"\xff").SerializeToString()):
        with pytest.raises(ExpressionProblem, match="nested too deeply"):
            _ = Syntax("true", serialized).meaning


def test_approvers_are_lists_of_texts() -> None:
    """An expression that names approvers lists ids, and gives as many as there are."""
    facts = replace(FACTS, manager_user_ids=("usr_a", "usr_b"))
    people = EXPRESSIONS.given(facts).people
    assert people("managers") == ("usr_a", "usr_b")
    assert people("emergency ? managers : []") == ()
    assert people("['usr_c', subject.manager_user_id]") == ("usr_c", "usr_charles")
    for expression in ("subject.user_id", "[1]", "[]", "held", "dyn(managers)", "['a', 1]"):
        with pytest.raises(ExpressionProblem, match="must be a list of texts"):
            EXPRESSIONS.check_approvers(expression)
    with pytest.raises(ExpressionProblem, match="index"):
        people("[managers[7]]")


def test_no_end_is_longer_than_any_length() -> None:
    """Every length that can be requested is shorter than access without an end."""
    is_true = EXPRESSIONS.given(replace(FACTS, requested_duration=None)).is_true
    assert is_true("without_end && requested_duration > duration('87600h')")
    assert not is_true("requested_duration <= duration('87600h')")
    with pytest.raises(ExpressionProblem, match="timestamp overflow"):
        is_true("now + requested_duration > now")


def test_a_length_of_nothing_is_not_no_end() -> None:
    """The shortest length is not mistaken for the longest."""
    is_true = EXPRESSIONS.given(replace(FACTS, requested_duration=timedelta())).is_true
    assert is_true("!without_end && requested_duration == duration('0s')")


def test_the_ends_of_time_can_be_asked_about() -> None:
    """Times far away are facts like others; the first and the last, which the engine does not
    know as times, are no answer."""
    for moment in (datetime(9999, 12, 31, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)):
        assert EXPRESSIONS.given(replace(FACTS, now=moment)).is_true("now == now")
    for moment in (datetime.max, datetime.min):
        with pytest.raises(ExpressionProblem, match="allowed timestamp"):
            EXPRESSIONS.given(replace(FACTS, now=moment.replace(tzinfo=UTC))).is_true("now == now")


def test_facts_can_not_leak_between_evaluations() -> None:
    """One compiled condition answers each set of facts by itself."""
    condition = "subject.department == 'Engineering'"
    first = EXPRESSIONS.given(FACTS).is_true
    second = EXPRESSIONS.given(replace(FACTS, subject=replace(ADA, department="Sales"))).is_true
    assert (first(condition), second(condition), first(condition)) == (True, False, True)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(FRAGMENTS),
            max_size=14,
        ).map(" ".join),
    )
)
def test_any_text_is_answered_or_refused(condition: str) -> None:
    """Whatever stands in a condition, it is true, false, or an `ExpressionProblem`."""
    try:
        answer = EXPRESSIONS.given(FACTS).is_true(condition)
    except ExpressionProblem as problem:
        assert str(problem)
    else:
        assert answer is True or answer is False
