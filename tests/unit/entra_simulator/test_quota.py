"""Throttling as Microsoft counts it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tools.entra_simulator.fields import FieldError
from tools.entra_simulator.limits import Limits, tenant_size
from tools.entra_simulator.quota import Quota

APP, OTHER = "the-app", "another-app"


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def make(users: int = 10, **limits: object) -> tuple[Quota, Seconds]:
    clock = Seconds()
    quota = Quota("tenant", lambda: users, clock)
    quota.set_limits(Limits().changed(limits))
    return quota, clock


@pytest.mark.parametrize(
    ("users", "size"),
    [
        (0, ("S", 3_500)),
        (49, ("S", 3_500)),
        (50, ("M", 5_000)),
        (500, ("M", 5_000)),
        (501, ("L", 8_000)),
        (100_000, ("L", 8_000)),
    ],
)
def test_the_tenants_size_sets_its_resource_units(users: int, size: tuple[str, int]) -> None:
    """S below 50 users, M up to 500, L above."""
    assert tenant_size(users) == size
    quota, _ = make(users)
    assert quota.admit(APP, units=size[1], writes=0) is None
    refused = quota.admit(APP, units=1, writes=0)
    assert refused is not None
    assert refused.information == "ResourceUnitLimitExceeded"
    assert refused.scope == f"Tenant_Application/ReadWrite/{APP}/tenant"


def test_writes_have_a_bucket_of_their_own() -> None:
    """3,000 writes in 150 seconds by default; reads go on when writes are used up."""
    quota, clock = make()
    for _ in range(3_000):
        assert quota.admit(APP, units=1, writes=1) is None
        clock.now += 0.001
    clock.now -= 3
    quota.reset()
    for _ in range(3_000):
        assert quota.admit(APP, units=0, writes=1) is None
    refused = quota.admit(APP, units=0, writes=1)
    assert refused is not None
    assert (refused.information, refused.retry_after) == ("WriteLimitExceeded", 1)
    assert refused.scope == f"Tenant_Application/Write/{APP}/tenant"
    assert quota.admit(APP, units=1, writes=0) is None


def test_a_bucket_refills_evenly_and_says_when() -> None:
    """Retry-After is the time until there is enough again, rounded up to whole seconds."""
    quota, clock = make(resourceUnits=100)
    assert quota.admit(APP, units=100, writes=0) is None
    refused = quota.admit(APP, units=25, writes=0)
    assert refused is not None
    assert refused.retry_after == 3
    clock.now += 2.4
    assert quota.admit(APP, units=25, writes=0) is not None
    clock.now += 0.1
    assert quota.admit(APP, units=25, writes=0) is None


def test_applications_do_not_share_but_the_tenant_does() -> None:
    """Each application has buckets of its own; the tenant's writes are everybody's."""
    quota, _ = make(writes=10, tenantWrites=15)
    for _ in range(10):
        assert quota.admit(APP, units=0, writes=1) is None
    assert quota.admit(APP, units=0, writes=1) is not None
    for _ in range(5):
        assert quota.admit(OTHER, units=0, writes=1) is None
    refused = quota.admit(OTHER, units=0, writes=1)
    assert refused is not None
    assert refused.scope.startswith("Tenant/Write/")


def test_refused_calls_cost_nothing() -> None:
    """A 429 charges nothing, and `refund` gives back what a 400 or 403 was charged."""
    quota, _ = make(writes=2)
    for _ in range(5):
        assert quota.admit(APP, units=1, writes=1) is None
        quota.refund(APP, units=1, writes=1)
    usage = quota.usage(APP)
    assert (usage.calls, usage.units, usage.writes, usage.refused) == (5, 0, 0, 0)


def test_early_calls_are_told() -> None:
    """A call before its Retry-After is over is early; one that was under way already is not."""
    quota, clock = make(writes=1)
    quota.admit(APP, units=0, writes=1)
    refused = quota.admit(APP, units=0, writes=1)
    assert refused is not None
    assert refused.retry_after == 150
    clock.now += 0.05
    quota.admit(APP, units=0, writes=1, method="POST", path="/under-way")
    clock.now += 5
    quota.admit(APP, units=1, writes=0, method="GET", path="/a-read")
    quota.admit(OTHER, units=0, writes=1, method="POST", path="/somebody-else")
    quota.admit(APP, units=0, writes=1, method="POST", path="/early")
    [early] = quota.early_calls
    assert (early.method, early.path) == ("POST", "/early")
    assert early.information == "WriteLimitExceeded"
    assert early.early == pytest.approx(145, abs=0.2)


def test_waiting_it_out_is_not_early() -> None:
    """A caller that comes back when it was told to is served and not counted."""
    quota, clock = make(resourceUnits=10)
    quota.admit(APP, units=10, writes=0)
    refused = quota.admit(APP, units=10, writes=0)
    assert refused is not None
    assert refused.retry_after == 10
    clock.now += 10
    assert quota.admit(APP, units=10, writes=0) is None
    assert quota.early_calls == []


def test_faults_count_too() -> None:
    """A 429 that a fault answered asks for its wait like any other."""
    quota, clock = make()
    quota.told_to_wait(APP, 2, writes_only=False, information="throttle")
    clock.now += 1
    quota.admit(APP, units=1, writes=0, method="GET", path="/users")
    assert [call.information for call in quota.early_calls] == ["throttle"]


def test_percentage_is_told_above_four_fifths() -> None:
    """Nothing up to 80 %, then the share of the fullest limit."""
    quota, _ = make(resourceUnits=100)
    quota.admit(APP, units=80, writes=0)
    assert quota.percentage(APP) is None
    quota.admit(APP, units=10, writes=0)
    assert quota.percentage(APP) == pytest.approx(0.9)


def test_limits_can_be_scaled_changed_and_switched_off() -> None:
    """`scale` multiplies every amount; null resource units follow the size again; off is off."""
    quota, _ = make(scale=0.001)
    assert quota.admit(APP, units=0, writes=3) is None
    assert quota.admit(APP, units=0, writes=1) is not None
    quota.set_limits(quota.limits.changed({"enabled": False}))
    for _ in range(10):
        assert quota.admit(APP, units=100_000, writes=100_000) is None
    changed = Limits().changed({"resourceUnits": 5, "retryAfter": False})
    assert changed.changed({"resourceUnits": None}).resource_units is None
    quota.set_limits(changed)
    quota.admit(APP, units=5, writes=0)
    refused = quota.admit(APP, units=5, writes=0)
    assert refused is not None
    assert refused.retry_after is None


@pytest.mark.parametrize("wrong", [{"writes": -1}, {"writes": "many"}, {"speed": 1}, {"scale": 0}])
def test_wrong_limits_are_refused_by_field(wrong: dict[str, object]) -> None:
    """An unknown name or a value out of range is refused with the name of the field."""
    with pytest.raises(FieldError) as refused:
        Limits().changed(wrong)
    assert refused.value.field == next(iter(wrong))


def test_what_was_used_can_be_read() -> None:
    """Usage, what is left in each bucket, refusals and early calls, as the surface shows them."""
    quota, clock = make(60, writes=1)
    quota.admit(APP, units=1, writes=1)
    quota.admit(APP, units=1, writes=1)
    clock.now += 1
    quota.admit(APP, units=1, writes=1, method="POST", path="/x")
    shown = quota.to_json()
    assert shown["tenantSize"] == "M"
    used = shown["applications"][APP]
    assert (used["calls"], used["units"], used["writes"], used["refused"]) == (3, 1, 1, 2)
    assert used["left"]["Tenant_Application/writes"] == 0
    assert shown["earlyCalls"]["count"] == 1
    quota.reset()
    assert quota.to_json()["applications"] == {}
