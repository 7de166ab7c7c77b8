"""The tables of what an app offers: its resources, the entitlements to them, and what fulfils them.

An entitlement is fulfilled with directory entitlements, which are the mirror's and have no foreign
key: they may go, and what was said of them here stays.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from libs.db.types import Seconds, UtcTime
from services.catalog.store.tables import metadata

# Owners given here. `owner_id` is a `usr_…` or an `ent_…`, whoever holds which; `of_id` an app or
# an entitlement.
owners = Table(
    "owners",
    metadata,
    Column("of_id", Text, primary_key=True),
    Column("owner_id", Text, primary_key=True, index=True),
    Column("position", BigInteger, nullable=False),
)

resource_types = Table(
    "resource_types",
    metadata,
    Column("resource_type_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("app_id", "kind"),
)

resources = Table(
    "resources",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("resource_type_id", Text, ForeignKey("resource_types.resource_type_id"), nullable=False),
    Column("display_name", Text, nullable=False),
    # Casefolded: no two virtual roles of an app differ only in case, and there is one Credential.
    # Of an app role its id: an app may declare two of one name.
    Column("name_key", Text, nullable=False),
    UniqueConstraint("resource_type_id", "name_key"),
)

entitlements = Table(
    "entitlements",
    metadata,
    Column("entitlement_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column("resource_id", Text, ForeignKey("resources.resource_id"), nullable=False, index=True),
    # As its resource has them. They never change, and with two joins more PostgreSQL would plan
    # a search of the app catalog for longer than it runs it.
    Column(
        "resource_type_id",
        Text,
        ForeignKey("resource_types.resource_type_id"),
        nullable=False,
        index=True,
    ),
    Column("resource_kind", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    # A list of targets without their connection: that is the app's.
    Column("fulfilment", JSON, nullable=False),
    # The role of the app that it stands for, empty for virtual roles; and whether that is gone.
    Column("entra_app_role_id", Text, nullable=False),
    Column("role_gone", Boolean, nullable=False),
    # What it says for itself, where it says anything: its override.
    Column("policy_id", Text, nullable=False),
    Column("max_duration", Seconds),
    # None where it says nothing; a length of 0 where it says that there are no emergencies.
    Column("emergency_max_duration", Seconds),
    Column("emergency_policy_id", Text, nullable=False),
    Column("not_requestable", Boolean, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# With the name, so that a search of the app catalog reads no more than the index.
Index("entitlements_by_app", entitlements.c.app_id, entitlements.c.search_name)
for _by in ("policy", "emergency_policy"):
    Index(
        f"entitlements_by_{_by}",
        entitlements.c[f"{_by}_id"],
        entitlements.c.app_id,
        entitlements.c.entitlement_id,
    )

# The fulfilments, by what is fulfilled with: who holds these directory entitlements holds the
# entitlement.
entitlement_targets = Table(
    "entitlement_targets",
    metadata,
    Column("entitlement_id", Text, ForeignKey("entitlements.entitlement_id"), primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True, index=True),
    Column("app_id", Text, nullable=False, index=True),
)

# The choices that were made; a linked group without a row is pending. The group is kept so that a
# choice stays visible when the group is gone: its names as they were last, if something is bound.
links = Table(
    "links",
    metadata,
    Column("app_id", Text, ForeignKey("apps.app_id"), primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("group_display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("entra_group_id", Text, nullable=False),
    # All roles in which it was assigned then, by the text of their ids.
    Column("entra_app_role_ids", JSON, nullable=False),
    Column("choice", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
)

bindings = Table(
    "bindings",
    metadata,
    Column("binding_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column(
        "entitlement_id",
        Text,
        ForeignKey("entitlements.entitlement_id"),
        nullable=False,
        index=True,
    ),
    Column("directory_entitlement_id", Text, nullable=False),
    Column("directory_display_name", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    UniqueConstraint("app_id", "directory_entitlement_id"),
)
