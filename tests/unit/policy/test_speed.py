"""What a policy costs does not grow with the rules that are for something else."""

from tests.support.policies import evaluations_per_second


def test_rules_for_other_apps_cost_nothing() -> None:
    """With a thousand rules for one app each an evaluation is about as fast as with ten. The
    figures themselves are in tests/soak/soak_policy.py."""
    few, many = evaluations_per_second(10, 1000, apps=9)
    assert few / many <= 1.5
