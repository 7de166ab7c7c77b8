"""`settings.proto`."""

from datetime import timedelta

from latchkey.catalog.v1 import settings_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration, duration_field
from services.catalog.domain.settings import (
    NO_EMERGENCIES,
    NO_OVERRIDE,
    EmergencySettings,
    EntitlementOverride,
    EntitlementSettings,
    SettingTier,
    UnmanagedAccessAction,
)

_TIERS = {tier: settings_pb2.SettingTier.Value(f"SETTING_TIER_{tier}") for tier in SettingTier}


def tier_to_proto(tier: SettingTier) -> settings_pb2.SettingTier.ValueType:
    """Where a value comes from."""
    return _TIERS[tier]


def unmanaged_action_to_proto(
    action: UnmanagedAccessAction,
) -> settings_pb2.UnmanagedAccessAction.ValueType:
    """What becomes of access from outside."""
    return settings_pb2.UnmanagedAccessAction.Value(f"UNMANAGED_ACCESS_ACTION_{action}")


def emergency_of(
    fields: Fields, path: str, emergency: settings_pb2.EmergencySettings, limit: timedelta | None
) -> EmergencySettings:
    """What is given for emergencies, for no longer than `limit`, which is given beside it.

    Whether the request holds it at all is the caller's to ask.
    """
    given = emergency.HasField("max_duration")
    if not emergency.enabled:
        if emergency.policy_id:
            fields.wrong(f"{path}.policy_id", "is for emergencies that are enabled")
        if given:
            fields.wrong(f"{path}.max_duration", "is for emergencies that are enabled")
        return NO_EMERGENCIES
    policy_id = fields.id(f"{path}.policy_id", emergency.policy_id, "pol")
    if not given:
        fields.wrong(f"{path}.max_duration", "is required while enabled")
        return NO_EMERGENCIES
    longest = duration_field(fields, f"{path}.max_duration", emergency.max_duration)
    if longest is not None and limit is not None and longest > limit:
        fields.wrong(
            f"{path}.max_duration",
            f"must not be longer than the {limit.total_seconds():.0f}s of max_duration",
        )
    return NO_EMERGENCIES if longest is None else EmergencySettings(policy_id, longest)


def emergency_to_proto(emergency: EmergencySettings) -> settings_pb2.EmergencySettings:
    """What holds in an emergency."""
    if not emergency.enabled:
        return settings_pb2.EmergencySettings()
    return settings_pb2.EmergencySettings(
        enabled=True,
        policy_id=emergency.policy_id,
        max_duration=duration(emergency.max_duration),
    )


def override_of(
    fields: Fields, path: str, override: settings_pb2.EntitlementOverride
) -> EntitlementOverride:
    """What an entitlement shall say for itself; nothing when the message is empty."""
    limit = None
    if override.HasField("max_duration"):
        limit = duration_field(fields, f"{path}.max_duration", override.max_duration)
    emergency = None
    if override.HasField("emergency"):
        emergency = emergency_of(fields, f"{path}.emergency", override.emergency, limit)
    return EntitlementOverride(
        policy_id=fields.id(f"{path}.policy_id", override.policy_id, "pol", required=False),
        max_duration=limit,
        emergency=emergency,
        not_requestable=override.not_requestable,
        locked=override.locked,
    )


def override_to_proto(override: EntitlementOverride) -> settings_pb2.EntitlementOverride | None:
    """What an entitlement says for itself; none where it says nothing."""
    if override == NO_OVERRIDE:
        return None
    emergency = override.emergency
    return settings_pb2.EntitlementOverride(
        policy_id=override.policy_id,
        max_duration=duration(override.max_duration),
        emergency=None if emergency is None else emergency_to_proto(emergency),
        not_requestable=override.not_requestable,
        locked=override.locked,
    )


def settings_to_proto(settings: EntitlementSettings) -> settings_pb2.EntitlementSettings:
    """What holds for an entitlement."""
    return settings_pb2.EntitlementSettings(
        policy_id=settings.policy_id,
        policy_tier=tier_to_proto(settings.policy_tier),
        max_duration=duration(settings.max_duration),
        max_duration_tier=tier_to_proto(settings.max_duration_tier),
        emergency=emergency_to_proto(settings.emergency),
        emergency_tier=tier_to_proto(settings.emergency_tier),
        emergency_max_duration_tier=tier_to_proto(settings.emergency_max_duration_tier),
        requestable=settings.requestable,
        requestable_tier=tier_to_proto(settings.requestable_tier),
        unprovisionable_reason=settings.unprovisionable_reason,
        unmanaged_access_action=unmanaged_action_to_proto(settings.unmanaged_access_action),
    )
