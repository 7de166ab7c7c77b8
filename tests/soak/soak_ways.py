"""The state machine of access requests, for as long as it takes to go far more ways."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.requests_service.test_ways import Ways


def test_five_thousand_ways() -> None:
    """As `test_ways`, with more of them, and longer ones."""
    many = settings(max_examples=5000, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(Ways, settings=many)
