"""The bench, in little, on whatever machine this is: ratios to the floors of the same run only."""

import pytest

from tools.bench import programme
from tools.bench.figures import exponent
from tools.bench.profiles import shares

# A tenth of what a machine with ten other things to do was seen to reach: what is slower than this
# does something that it did not do before, and not a little slower.
_LEAST_OF_FLOOR = {
    "create to FULFILLED": 0.001,
    "create alone": 0.004,
    "preview": 0.003,
    "app catalog page": 0.003,
    "list my requests": 0.002,
    "EvaluatePolicy": 0.02,
}


@pytest.mark.timeout(300)
async def test_smoke() -> None:
    """Every figure is measured beside its floor, none is out of all proportion to it, and everybody
    who was told so has access in the directory."""
    found = await programme.house(programme.SQLITE, 0, programme.SMOKE)

    rates = {each["name"]: each["per_second"] for each in found["figures"]}
    shares_of_floor = {
        each["name"]: each["per_second"] / rates[each["floor"]]
        for each in found["figures"]
        if each["floor"]
    }
    assert shares_of_floor.keys() == _LEAST_OF_FLOOR.keys()
    slow = {name: share for name, share in shares_of_floor.items() if share < _LEAST_OF_FLOOR[name]}
    assert not slow
    assert {"commit", "publish", "graph", "full sync", "incremental sync"} <= rates.keys()
    assert found["delivered"] >= sum(programme.SMOKE.deliver.values())


def test_growth_is_the_slope_of_both_logarithms() -> None:
    """What grows with the square of the size has the exponent 2, what stays has 0."""
    sizes = [1_000, 10_000, 100_000]
    assert exponent(sizes, [size**2 for size in sizes]) == pytest.approx(2)
    assert exponent(sizes, [7.0, 7.0, 7.0]) == pytest.approx(0)


def test_shares_of_a_profile() -> None:
    """A function is within every stack that holds it, once a stack, and owns those it ends."""
    told = shares("a;b;b 3\na;c 1\n")
    within, own = told.split("\nown\n")
    assert "100.0 %  a" in within and " 75.0 %  b" in within
    assert " 25.0 %  c" in own and "a" not in own
