"""The tables of this service.

That a person has one open access request and one live lease for an entitlement at most is held by
two unique keys, which are null for all others.
"""

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, Table, Text

from libs.db.ledger import Ledger
from libs.db.types import Seconds, UtcTime

metadata = MetaData()
ledger = Ledger(metadata)

access_requests = Table(
    "access_requests",
    metadata,
    Column("access_request_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    # Subject and entitlement while it is open.
    Column("open_key", Text, unique=True),
    Column("entitlement_id", Text, nullable=False),
    Column("entitlement_display_name", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("app_display_name", Text, nullable=False),
    Column("requester_user_id", Text, nullable=False),
    Column("requester", JSON, nullable=False),
    Column("subject_user_id", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("justification", Text, nullable=False),
    Column("requested_duration", Seconds),
    Column("plan", JSON(none_as_null=True)),
    Column("lease_id", Text, nullable=False),
    Column("failure_reason", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("timeline", JSON, nullable=False),
)
for _who in ("requester_user_id", "subject_user_id", "state"):
    Index(
        f"access_requests_{_who}",
        access_requests.c[_who],
        access_requests.c.access_request_id,
    )
# Of an app only those that are not decided are looked for, which are few.
Index(
    "access_requests_app_id",
    access_requests.c.app_id,
    access_requests.c.state,
    access_requests.c.access_request_id,
)

leases = Table(
    "leases",
    metadata,
    Column("lease_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("access_request_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Subject and entitlement while it is live.
    Column("live_key", Text, unique=True),
    Column("entitlement_id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("subject_user_id", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("duration", Seconds),
    Column("round", BigInteger, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("start_time", UtcTime),
    Column("end_time", UtcTime),
    Column("end_cause", Text),
    Column("end_reason", Text, nullable=False),
)
Index("leases_subject_user_id", leases.c.subject_user_id, leases.c.lease_id)
Index("leases_app_id", leases.c.app_id, leases.c.state, leases.c.lease_id)
Index("leases_state", leases.c.state, leases.c.lease_id)
Index("leases_end_time", leases.c.state, leases.c.end_time)

delegations = Table(
    "delegations",
    metadata,
    Column("delegation_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("delegator_user_id", Text, nullable=False),
    Column("delegator", JSON, nullable=False),
    Column("delegate_user_id", Text, nullable=False),
    Column("delegate", JSON, nullable=False),
    Column("start_time", UtcTime, nullable=False),
    Column("end_time", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
)
# What is over stays, and is not looked at: all that is asked for ends behind some time.
Index("delegations_end_time", delegations.c.end_time, delegations.c.delegation_id)
for _who in ("delegator_user_id", "delegate_user_id"):
    Index(
        f"delegations_{_who}",
        delegations.c[_who],
        delegations.c.end_time,
        delegations.c.delegation_id,
    )
