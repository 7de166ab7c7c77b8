"""Policies as YAML: written, read, and what is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Invalid
from services.policy.domain.content import Content
from services.policy.domain.escalation import escalated
from services.policy.domain.policy import Policy
from services.policy.expressions import CelExpressions
from services.policy.handlers.apply_policies import ApplyPolicies
from services.policy.handlers.checked_content import problems_of
from services.policy.handlers.export_policies import Exported
from services.policy.translate.apply import apply_policies, export_policies_response
from services.policy.translate.document.lengths import length_of_text, length_text
from services.policy.translate.document.text import yaml_text
from tests.support.documents import DOCS, fenced
from tests.support.examples import examples
from tests.unit.policy.contents import LENGTHS
from tests.unit.policy.documents import CONTENTS, DESCRIPTIONS, NAMES
from tests.unit.policy.examples import ACCEPTING, PERSON, policy


def _apply(document: str) -> ApplyPolicies:
    return apply_policies(policy_pb2.ApplyPoliciesRequest(document=document), PERSON)


def _export(policies: list[Policy], **names: str) -> str:
    return export_policies_response(Exported(tuple(policies), names)).document


@settings(deadline=None, max_examples=examples(40))
@given(st.lists(st.tuples(NAMES, DESCRIPTIONS, CONTENTS), max_size=3), NAMES)
def test_what_is_written_is_read_as_it_was(
    found: list[tuple[str, str, Content]], other: str
) -> None:
    """Whatever can be saved is read from its document as it was, by ours and by any YAML reader."""
    policies = [
        replace(policy(content, f"pol_{n}", f"{name} {n}"), description=description)
        for n, (name, description, content) in enumerate(found)
    ]
    document = _export(policies, pol_other=other)
    command = _apply(document)
    assert set(command.escalations.values()) <= {other}
    ids = dict.fromkeys(command.escalations, "pol_other")
    assert [
        (each.display_name, each.description, escalated(each.content, ids))
        for each in command.policies
    ] == [(each.display_name, each.description, each.content) for each in policies]
    read = yaml.safe_load(document)["policies"]
    assert [each["name"] for each in read] == [each.display_name for each in policies]
    assert [each.get("description", "") for each in read] == [each.description for each in policies]


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    """A text is read by another YAML reader as it was written, and is never anything but a text."""
    text = text.encode(errors="replace").decode()
    assert yaml.safe_load(yaml_text({"a": {"b": text}, "c": [text]})) == {
        "a": {"b": text},
        "c": [text],
    }


@given(LENGTHS)
def test_lengths_are_read_as_written(length: timedelta) -> None:
    """A length of time loses nothing in words."""
    assert length_of_text(length_text(length)) == length


DOCUMENT = """\
policies:
  - name: Production
    description: |-
      Who may touch production,
        and for how long.
    rules:
      - name: Short
        when: duration <= duration("4h") && !emergency
        steps:
          - approve: manager
      - name: Emergency
        when: |-
          emergency
          && subject.department == "Operations"
        apps:
          - app_one
        entitlements:
          - ent_one
          - ent_two
        steps:
          - wait: 90m
          - wait:
              until: now.getDayOfWeek() > 0
              timeout: 3d
          - approve:
              by: grp_operators
              fallback:
                - usr_ada
                - usr_bob
              needed: 2
              reason_to_deny: true
              distinct: true
              time_limit:
                after: 30m
                escalate_to: 'On call: everybody'
          - approve:
              by:
                expression: 'emergency ? ["usr_ada"] : managers'
              needed: all
              no_delegation: true
              time_limit:
                after: 8h
                then: remind
          - approve:
              by: manager 2
              time_limit:
                after: 1d
                reassign: app owners
          - approve: entitlement owners
          - accept: Thank you.
      - name: 'no'
        when: '!without_end'
        steps:
          - approve: usr_ada
          - accept
    baseline:
      - reject: Ask for less than four hours.
"""


def test_document_is_legible() -> None:
    """What is written is what a person would write, to the letter: it is kept in Git."""
    command = _apply(DOCUMENT)
    (found,) = command.policies
    ((stand_in, name),) = command.escalations.items()
    assert name == "On call: everybody"
    kept = replace(policy(found.content, name="Production"), description=found.description)
    assert _export([kept], **{stand_in: name}) == DOCUMENT
    assert _export([]) == "policies: []\n"
    assert _apply("policies: []").policies == ()


async def test_document_of_the_manual_is_one() -> None:
    """What docs/operating.md shows can be applied, and is written as it is there."""
    (text,) = fenced((DOCS / "operating.md").read_text(), "yaml")
    (found,) = _apply(text).policies
    kept = policy(found.content, name=found.display_name)
    assert _export([kept], pol_of_the_document_0="Manager approval") == text
    assert await problems_of(found.content, "", CelExpressions(), _nothing_else) == ()


async def _nothing_else(_: str) -> Content:
    return ACCEPTING


BASE = "policies:\n  - name: A\n    baseline:\n      - "
REFUSED = [
    ("policies: [", "line 2, column 1: is not YAML"),
    ("- a", "line 1, column 1: must be a mapping with policies"),
    ("a: 1", "line 1, column 1: a is no key here"),
    ("policies: 5", "line 1, column 11: must be a list"),
    ("policies: []\npolicies: []", "line 2, column 1: the key 'policies' is there twice"),
    ("policies: []\n---\npolicies: []", "line 2, column 1: begins a second document"),
    ("# nothing", "line 1, column 1: there is nothing"),
    ("policies: &a []", "line 1, column 11: anchors and aliases are not taken"),
    ("policies: *a", "line 1, column 11: anchors and aliases are not taken"),
    ("policies: !!python/object:os.system []", "line 1, column 11: tags are not taken"),
    ("policies: !!binary aaaa", "line 1, column 11: tags are not taken"),
    ("? [a]\n: b", "line 1, column 3: a key must be a word"),
    ("policies: " + "[" * 500 + "]" * 500, "line 1, column 30: is nested deeper than 20"),
    ("policies: \x00", "line 1, column 11: holds a character that YAML does not take"),
    ('policies: ["\\uD800"]', "line 1, column 15: is not YAML"),
    ("policies:\n  - name: A", "line 2, column 5: baseline is missing"),
    ("policies:\n  - {name: , baseline: [accept]}", "line 2, column 12: must be a text"),
    ("policies:\n  - {name: [], baseline: [accept]}", "line 2, column 12: must be a text"),
    ("policies:\n  - {name: '', baseline: [accept]}", "line 2, column 12: is required"),
    (f"policies:\n  - name: {'x' * 201}\n    baseline: [accept]", "line 2, column 11: has 201"),
    ("policies:\n  - {name: A, baseline: [accept], rule: []}", "line 2, column 35: rule is no"),
    (f"{BASE}accept\n  - name: a\n    baseline: [accept]", "line 5, column 11: is the name of"),
    (f"{BASE}approved", "line 4, column 9: must be accept, or one of"),
    (f"{BASE}{{}}", "line 4, column 9: must be one of accept, reject, approve, wait"),
    (f"{BASE}{{accept: a, wait: 1h}}", "line 4, column 9: must be one of"),
    (f"{BASE}reject: ''", "line 4, column 17: is required"),
    (f"{BASE}wait: 5", "line 4, column 15: must be a length of time"),
    (f"{BASE}wait: 30s", "line 4, column 15: must be between 60s and 90 days"),
    (f"{BASE}wait: {{until: x}}", "line 4, column 15: timeout is missing"),
    (f"{BASE}approve: everybody", "line 4, column 18: must be one of manager, manager 2"),
    (f"{BASE}approve: manager 6", "line 4, column 18: must be between 1 and 5"),
    (f"{BASE}approve: manager 0", "line 4, column 18: must be one of manager"),
    (f"{BASE}approve: usr_!", "line 4, column 18: must be an id that begins with usr_"),
    (f"{BASE}approve: [usr_a, usr_a]", "line 4, column 26: names usr_a again"),
    (f"{BASE}approve: []", "line 4, column 18: is required"),
    (f"{BASE}approve: {{fallback: manager}}", "line 4, column 18: by is missing"),
    (f"{BASE}approve: {{by: manager, needed: 0}}", "line 4, column 40: must be a number from 1"),
    (f"{BASE}approve: {{by: manager, needed: 21}}", "line 4, column 40: must be between 1 and"),
    (f"{BASE}approve: {{by: manager, distinct: yes}}", "line 4, column 42: must be true or false"),
    (f"{BASE}approve: {{by: manager, time_limit: {{}}}}", "line 4, column 44: after is missing"),
    (
        f"{BASE}approve: {{by: manager, time_limit: {{after: 1h}}}}",
        "line 4, column 44: must have one of then, reassign, escalate_to",
    ),
    (
        f"{BASE}approve: {{by: manager, time_limit: {{after: 1h, then: approve}}}}",
        "line 4, column 62: must be remind or deny",
    ),
    ("policies:\n" + "  - {name: a, baseline: [accept]}\n" * 1001, "has 1001 policies"),
]


@pytest.mark.parametrize(("document", "says"), REFUSED)
def test_what_is_wrong_is_said_with_its_place(document: str, says: str) -> None:
    """What is no document of policies is refused, with the line and column of what is wrong."""
    with pytest.raises(Invalid) as raised:
        _apply(document)
    assert raised.value.reason == "DOCUMENT_INVALID"
    assert {violation.field for violation in raised.value.violations} == {"document"}
    problems = [violation.problem for violation in raised.value.violations]
    assert any(says in problem for problem in problems), problems


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Nobody has to mend a document one mistake at a time."""
    with pytest.raises(Invalid) as raised:
        _apply(f"{BASE}approve: nobody\n      - wait: long\n      - done\nmore: 1")
    assert len(raised.value.violations) == 4


def test_size_is_limited() -> None:
    """A document of more than a mebibyte is not looked at."""
    with pytest.raises(Invalid) as raised:
        _apply("policies: []  # " + "x" * 1024 * 1024)
    assert [violation.field for violation in raised.value.violations] == ["document"]


_KEYS = """
policies name description rules baseline when apps entitlements steps accept reject approve wait by
fallback needed reason_to_deny distinct time_limit after then reassign escalate_to until timeout
expression manager all 1h 2 true deny remind usr_a grp_a
"""
_WORDS = st.sampled_from(_KEYS.split())
_ANYTHING = st.recursive(
    _WORDS | st.text(max_size=5) | st.none() | st.booleans() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_WORDS, inner, max_size=4)
        | st.fixed_dictionaries({"name": _WORDS, "baseline": st.lists(inner, min_size=1)})
    ),
    max_leaves=20,
)


def _is_answered(document: str) -> None:
    """It is a document, or it is said why not; whatever it is, nothing else happens."""
    try:
        _apply(document)
    except Invalid as invalid:
        assert invalid.violations
        assert all(violation.field == "document" for violation in invalid.violations)


@settings(deadline=None, max_examples=examples(40))
@given(st.lists(_ANYTHING, max_size=3), _ANYTHING)
def test_any_structure_is_read_or_refused(policies: list[Any], other: Any) -> None:
    """Whatever is where something else should be."""
    _is_answered(json.dumps({"policies": policies}))
    _is_answered(json.dumps(other))


@settings(deadline=None)
@given(st.integers(0, len(DOCUMENT)), st.integers(0, 20), st.text(max_size=5))
def test_any_text_is_read_or_refused(start: int, length: int, instead: str) -> None:
    """Whatever happens to a document on its way."""
    _is_answered(
        DOCUMENT[:start] + instead.encode(errors="replace").decode() + DOCUMENT[start + length :]
    )
