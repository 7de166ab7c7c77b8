"""The tables of rules and access profiles: who may ask for what of an app, and on which terms."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text

from libs.db.types import Seconds, UtcTime
from services.catalog.store.tables import metadata

access_profiles = Table(
    "access_profiles",
    metadata,
    Column("access_profile_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("expression", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

access_profile_groups = Table(
    "access_profile_groups",
    metadata,
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
    ),
    Column("group_id", Text, primary_key=True, index=True),
)

access_profile_members = Table(
    "access_profile_members",
    metadata,
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
    ),
    Column("user_id", Text, primary_key=True, index=True),
)

entitlement_rules = Table(
    "entitlement_rules",
    metadata,
    Column("app_id", Text, ForeignKey("apps.app_id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("max_duration", Seconds),
    # None: no emergencies.
    Column("emergency_max_duration", Seconds),
    Column("emergency_policy_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

for _by in ("policy", "emergency_policy"):
    Index(
        f"entitlement_rules_by_{_by}",
        entitlement_rules.c[f"{_by}_id"],
        entitlement_rules.c.app_id,
    )

rule_resource_types = Table(
    "rule_resource_types",
    metadata,
    Column("app_id", Text, ForeignKey("entitlement_rules.app_id"), primary_key=True),
    Column(
        "resource_type_id",
        Text,
        ForeignKey("resource_types.resource_type_id"),
        primary_key=True,
    ),
    Column("position", BigInteger, nullable=False),
)

rule_access_profiles = Table(
    "rule_access_profiles",
    metadata,
    Column("app_id", Text, ForeignKey("entitlement_rules.app_id"), primary_key=True),
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
        index=True,
    ),
    Column("position", BigInteger, nullable=False),
)
