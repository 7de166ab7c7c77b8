"""`entitlement_rules.proto`."""

from collections.abc import Sequence

from latchkey.catalog.v1 import entitlement_rules_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration, duration_field
from services.catalog.domain.rules import EntitlementRules, GovernedEntitlement
from services.catalog.handlers import entitlement_rules
from services.catalog.translate.entitlement import entitlement_to_proto
from services.catalog.translate.settings import (
    emergency_of,
    emergency_to_proto,
    settings_to_proto,
)

_MOST_NAMED = 50


def get_entitlement_rules(
    request: entitlement_rules_pb2.GetEntitlementRulesRequest,
) -> str:
    """The id of the app."""
    with Fields() as fields:
        return fields.id("app_id", request.app_id, "app")


def get_entitlement_rules_response(
    rules: EntitlementRules,
) -> entitlement_rules_pb2.GetEntitlementRulesResponse:
    """The rules of an app."""
    return entitlement_rules_pb2.GetEntitlementRulesResponse(
        entitlement_rules=_rules_to_proto(rules)
    )


def preview_entitlement_rules(
    request: entitlement_rules_pb2.PreviewEntitlementRulesRequest,
) -> entitlement_rules.Command:
    """The wish to know what rules would govern."""
    with Fields() as fields:
        return _command(fields, request)


def preview_entitlement_rules_response(
    preview: entitlement_rules.Preview,
) -> entitlement_rules_pb2.PreviewEntitlementRulesResponse:
    """What rules would govern."""
    return entitlement_rules_pb2.PreviewEntitlementRulesResponse(
        requestable_entitlements=[
            entitlement_to_proto(each.shown, each.settings) for each in preview.requestable
        ],
        person_count=preview.person_count,
        governed_entitlements=map(_governed_to_proto, preview.governed),
        cleared_entitlements=[
            entitlement_rules_pb2.ClearedEntitlement(
                entitlement_id=each.entitlement_id,
                display_name=each.display_name,
                resource_type_id=each.resource_type_id,
            )
            for each in preview.cleared
        ],
    )


def apply_entitlement_rules(
    request: entitlement_rules_pb2.ApplyEntitlementRulesRequest,
) -> entitlement_rules.Command:
    """The wish for rules."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return _command(fields, request)


def apply_entitlement_rules_response(
    applied: entitlement_rules.Applied,
) -> entitlement_rules_pb2.ApplyEntitlementRulesResponse:
    """The rules as applied."""
    return entitlement_rules_pb2.ApplyEntitlementRulesResponse(
        entitlement_rules=_rules_to_proto(applied.rules),
        entitlement_count=applied.entitlement_count,
        cleared_override_count=applied.cleared_override_count,
    )


def _command(
    fields: Fields,
    request: entitlement_rules_pb2.PreviewEntitlementRulesRequest
    | entitlement_rules_pb2.ApplyEntitlementRulesRequest,
) -> entitlement_rules.Command:
    path, rules = "entitlement_rules", request.entitlement_rules
    if not request.HasField("entitlement_rules"):
        fields.wrong(path, "is required")
    limit = emergency = None
    if rules.HasField("max_duration"):
        limit = duration_field(fields, f"{path}.max_duration", rules.max_duration)
    if rules.HasField("emergency"):
        given = emergency_of(fields, f"{path}.emergency", rules.emergency, limit)
        # No tier after the rules has emergencies: that there are none is what none means.
        emergency = given if given.enabled else None
    return entitlement_rules.Command(
        EntitlementRules(
            app_id=fields.id(f"{path}.app_id", rules.app_id, "app"),
            enabled=rules.enabled,
            resource_type_ids=_named(
                fields, f"{path}.resource_type_ids", rules.resource_type_ids, "rty", rules.enabled
            ),
            access_profile_ids=_named(
                fields, f"{path}.access_profile_ids", rules.access_profile_ids, "apr", rules.enabled
            ),
            policy_id=fields.id(f"{path}.policy_id", rules.policy_id, "pol", required=False),
            max_duration=limit,
            emergency=emergency,
        ),
        etag=fields.text(f"{path}.etag", rules.etag, least=0, most=100),
        clear_overrides=request.clear_overrides,
    )


def _named(
    fields: Fields, path: str, named: Sequence[str], prefix: str, required: bool
) -> tuple[str, ...]:
    if not named and required:
        fields.wrong(path, "is required while enabled")
    if len(named) > _MOST_NAMED:
        fields.wrong(path, f"has {len(named)}, at most {_MOST_NAMED} are taken")
    for index, each in enumerate(named[:_MOST_NAMED]):
        fields.id(f"{path}[{index}]", each, prefix)
        if each in named[:index]:
            fields.wrong(f"{path}[{index}]", "is named more than once")
    return tuple(named)


def _rules_to_proto(rules: EntitlementRules) -> entitlement_rules_pb2.EntitlementRules:
    return entitlement_rules_pb2.EntitlementRules(
        app_id=rules.app_id,
        enabled=rules.enabled,
        resource_type_ids=rules.resource_type_ids,
        access_profile_ids=rules.access_profile_ids,
        policy_id=rules.policy_id,
        max_duration=duration(rules.max_duration),
        etag=str(rules.version),
        emergency=None if rules.emergency is None else emergency_to_proto(rules.emergency),
    )


def _governed_to_proto(
    governed: GovernedEntitlement,
) -> entitlement_rules_pb2.GovernedEntitlement:
    return entitlement_rules_pb2.GovernedEntitlement(
        entitlement_id=governed.shown.entitlement.entitlement_id,
        display_name=governed.shown.entitlement.display_name,
        settings=settings_to_proto(governed.settings),
        override_cleared=governed.override_cleared,
        override_locked=governed.override_locked,
    )
