"""Which tier decides what holds for an entitlement."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.catalog.domain.settings import (
    NO_EMERGENCIES,
    NO_OVERRIDE,
    Defaults,
    EmergencySettings,
    EntitlementOverride,
    SettingTier,
    settle,
)

ENTITLEMENT, RULES, APP, DEPLOYMENT = SettingTier
HOUR = timedelta(hours=1)
NOTHING = Defaults()
URGENT = EmergencySettings("pol_urgent", HOUR)


def policy(policy_id: str) -> Defaults:
    return Defaults(policy_id=policy_id)


def length(hours: int) -> Defaults:
    return Defaults(max_duration=hours * HOUR)


@pytest.mark.parametrize(
    ("own", "rules", "app", "decides"),
    [
        (policy("pol_e"), policy("pol_r"), policy("pol_a"), ("pol_e", ENTITLEMENT)),
        (NOTHING, policy("pol_r"), policy("pol_a"), ("pol_r", RULES)),
        (length(1), length(2), policy("pol_a"), ("pol_a", APP)),
        (NOTHING, None, policy("pol_a"), ("pol_a", APP)),
        (NOTHING, NOTHING, NOTHING, ("", DEPLOYMENT)),
    ],
)
def test_the_first_tier_that_names_a_policy_decides(
    own: Defaults, rules: Defaults | None, app: Defaults, decides: tuple[str, SettingTier]
) -> None:
    """Another setting of a tier doesn't count; the deployment's policy has no name here."""
    found = settle(EntitlementOverride(policy_id=own.policy_id), rules, app, length(9))
    assert (found.policy_id, found.policy_tier) == decides


@pytest.mark.parametrize(
    ("own", "rules", "app", "deployment", "hours", "tier"),
    [
        (length(8), length(2), length(3), length(9), 8, ENTITLEMENT),
        (policy("pol_e"), length(2), length(3), length(9), 2, RULES),
        (NOTHING, NOTHING, length(3), length(9), 3, APP),
        (NOTHING, None, NOTHING, length(9), 9, DEPLOYMENT),
        (NOTHING, NOTHING, NOTHING, NOTHING, None, DEPLOYMENT),
    ],
)
def test_the_first_tier_that_limits_a_lease_decides(
    own: Defaults,
    rules: Defaults | None,
    app: Defaults,
    deployment: Defaults,
    hours: int | None,
    tier: SettingTier,
) -> None:
    """Though a later one is stricter: it is a default, not a ceiling."""
    override = EntitlementOverride(policy_id=own.policy_id, max_duration=own.max_duration)
    found = settle(override, rules, app, deployment)
    assert found.max_duration == (None if hours is None else hours * HOUR)
    assert found.max_duration_tier is tier


@pytest.mark.parametrize(
    ("own", "rules", "holds", "tier"),
    [
        (None, NOTHING, NO_EMERGENCIES, DEPLOYMENT),
        (None, Defaults(emergency=URGENT), URGENT, RULES),
        (NO_EMERGENCIES, Defaults(emergency=URGENT), NO_EMERGENCIES, ENTITLEMENT),
        (URGENT, NOTHING, URGENT, ENTITLEMENT),
        (URGENT, None, URGENT, ENTITLEMENT),
        (
            URGENT,
            Defaults(max_duration=HOUR / 2),
            EmergencySettings("pol_urgent", HOUR / 2),
            ENTITLEMENT,
        ),
    ],
)
def test_emergencies(
    own: EmergencySettings | None,
    rules: Defaults | None,
    holds: EmergencySettings,
    tier: SettingTier,
) -> None:
    """None unless a tier says so, no is an answer too, and none is longer than a lease may be."""
    found = settle(EntitlementOverride(emergency=own), rules, NOTHING, NOTHING)
    assert (found.emergency, found.emergency_tier) == (holds, tier)
    # Where a lease's own limit is the shorter, its tier is the one that limits.
    shortened = own is not None and holds.max_duration < own.max_duration
    assert found.emergency_max_duration_tier == (RULES if shortened else tier)
    assert found.emergency.enabled == (holds is not NO_EMERGENCIES)


@pytest.mark.parametrize(
    ("not_requestable", "rules", "requestable", "tier"),
    [
        (False, NOTHING, True, RULES),
        (False, None, False, RULES),
        (True, NOTHING, False, ENTITLEMENT),
        (True, None, False, ENTITLEMENT),
    ],
)
def test_the_override_can_only_say_no(
    not_requestable: bool, rules: Defaults | None, requestable: bool, tier: SettingTier
) -> None:
    """Without rules that govern it nobody may ask for it, whatever it says."""
    override = EntitlementOverride(policy_id="pol_e", not_requestable=not_requestable)
    found = settle(override, rules, NOTHING, NOTHING)
    assert (found.requestable, found.requestable_tier) == (requestable, tier)


def test_what_rules_clear() -> None:
    """An override that says something, unless it is locked; a lock alone is nothing to clear."""
    said = (
        EntitlementOverride(policy_id="pol_e"),
        EntitlementOverride(max_duration=HOUR),
        EntitlementOverride(emergency=NO_EMERGENCIES),
        EntitlementOverride(not_requestable=True),
    )
    for override in said:
        assert override.says_something
        assert override.cleared_by_rules
        assert not replace(override, locked=True).cleared_by_rules
    for override in (NO_OVERRIDE, EntitlementOverride(locked=True)):
        assert not override.says_something
        assert not override.cleared_by_rules
