"""The canonical form of what a policy decides by."""

import hashlib
import json
from datetime import timedelta

import rfc8785
from hypothesis import given

from services.policy.domain import steps as kinds
from services.policy.domain.content import Content, Rule
from services.policy.domain.policy import folded
from services.policy.domain.steps import Accept, Reject
from tests.unit.policy.contents import CONTENTS
from tests.unit.policy.examples import ACCEPTING


@given(CONTENTS)
def test_content_survives_its_canonical_form(content: Content) -> None:
    """What is stored is what was decided on."""
    assert Content.from_json(content.to_json()) == content


@given(CONTENTS)
def test_canonical_form_is_that_of_rfc_8785(content: Content) -> None:
    """Anybody can compute the digest with a library for canonical JSON."""
    text = content.to_json()
    assert text.encode() == rfc8785.dumps(json.loads(text))
    assert content.digest == hashlib.sha256(text.encode()).hexdigest()


def test_digest_tells_contents_apart() -> None:
    """Another order, step or message is another digest."""
    one, two = Rule("A", "true", (Accept(),)), Rule("B", "true", (Accept(),))
    contents = [
        ACCEPTING,
        Content((), (Accept("Welcome"),)),
        Content((), (Reject("Welcome"),)),
        Content((one, two), (Accept(),)),
        Content((two, one), (Accept(),)),
    ]
    assert len({content.digest for content in contents}) == len(contents)


def test_old_contents_keep_their_digests() -> None:
    """What the first release stored is read, and its digest stays the digest."""
    stored = (
        '{"baseline":[{"reject":{"message":"No."}}],"rules":[{"condition":"emergency",'
        '"display_name":"Now","steps":[{"accept":{"message":""}}]}]}'
    )
    content = Content.from_json(stored)
    assert content == Content((Rule("Now", "emergency", (Accept(),)),), (Reject("No."),))
    assert content.to_json() == stored
    assert content.digest == hashlib.sha256(stored.encode()).hexdigest()


def test_what_is_not_given_is_not_written() -> None:
    """A field at its default is left out, so that one added later changes no digest."""
    limit = kinds.TimeLimit(timedelta(days=1.5), kinds.Escalate("pol_two"))
    asked = kinds.Approval(kinds.Manager(2), needed=3, time_limit=limit)
    rule = Rule("A", "true", (asked,), ("app_one",))
    assert json.loads(Content((rule,), (kinds.Approval(kinds.AppOwners()),)).to_json()) == {
        "baseline": [{"approval": {"approvers": {"app_owners": {}}}}],
        "rules": [
            {
                "app_ids": ["app_one"],
                "condition": "true",
                "display_name": "A",
                "steps": [
                    {
                        "approval": {
                            "approvers": {"manager": {"level": 2}},
                            "needed": 3,
                            "time_limit": {
                                "after": "129600s",
                                "then": {"escalate": {"policy_id": "pol_two"}},
                            },
                        }
                    }
                ],
            }
        ],
    }


def test_names_that_look_alike_are_one_name() -> None:
    """Case, and forms that a reader can't tell apart, do not make another name."""
    assert folded("Straße Ⅷ") == folded("STRASSE viii")
    assert folded("e\u0301t\u00e9") == folded("\u00e9te\u0301")
    assert folded("Night shift") != folded("Nightshift")
