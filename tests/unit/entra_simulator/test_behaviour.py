"""The switches of behaviour, as JSON sets them."""

from __future__ import annotations

from typing import Any

import pytest

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.fields import FieldError


def test_switches_are_set_by_their_json_names() -> None:
    """Named switches change in place; the others stay, or go back where they came from."""
    behaviour = Behaviour()
    behaviour.change({"replicaLags": [0, 1.5], "deltaShuffled": True}, keep=True)
    behaviour.change({"userDeltaPage": 7}, keep=True)
    assert behaviour.replica_lags == (0.0, 1.5)
    assert (behaviour.delta_shuffled, behaviour.user_delta_page) == (True, 7)
    behaviour.change({"tokenLifetime": 60}, keep=False)
    assert behaviour == Behaviour(token_lifetime=60)


def test_every_switch_can_be_read_and_written_back() -> None:
    """What the surface shows, it also takes."""
    shown = Behaviour().to_json()
    again = Behaviour(delta_repeated=0.5, seed=9)
    again.change({**shown, "replicaLags": list(shown["replicaLags"])}, keep=False)
    assert again == Behaviour()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"replicaLags": [-1]}, "replicaLags"),
        ({"replicaLags": 3}, "replicaLags"),
        ({"deltaRepeated": 1.5}, "deltaRepeated"),
        ({"userDeltaPage": 0}, "userDeltaPage"),
        ({"userDeltaPage": 1.5}, "userDeltaPage"),
        ({"deltaShuffled": 1}, "deltaShuffled"),
        ({"tokenLifetime": 0}, "tokenLifetime"),
        ({"seed": 5, "colour": "red"}, "colour"),
        ("fast", "body"),
    ],
)
def test_wrong_switches_change_nothing(document: Any, field: str) -> None:
    """The error names the field, and not even the right ones beside it are taken."""
    behaviour = Behaviour()
    with pytest.raises(FieldError) as refused:
        behaviour.change(document, keep=True)
    assert refused.value.field == field
    assert behaviour == Behaviour()
