"""The canonical form of what a policy decides by."""

import hashlib
import json

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from services.policy.domain.content import Accept, Content, Reject, Rule
from services.policy.domain.policy import folded
from tests.unit.policy.examples import ACCEPTING

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STEPS = st.lists(st.builds(Accept, TEXTS) | st.builds(Reject, TEXTS), max_size=3).map(tuple)
CONTENTS = st.builds(
    Content, st.lists(st.builds(Rule, TEXTS, TEXTS, STEPS), max_size=3).map(tuple), STEPS
)


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


def test_names_that_look_alike_are_one_name() -> None:
    """Case, and forms that a reader can't tell apart, do not make another name."""
    assert folded("Straße Ⅷ") == folded("STRASSE viii")
    assert folded("e\u0301t\u00e9") == folded("\u00e9te\u0301")
    assert folded("Night shift") != folded("Nightshift")
