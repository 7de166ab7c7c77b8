"""The tables of this service.

That a person has one open access request and one live lease for an entitlement at most is held by
two unique keys, which are null for all others.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, MetaData, Table, Text, false, text

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
    Column("asked_duration", Seconds),
    Column("emergency", Boolean, nullable=False, server_default=false()),
    # Its subject while it is an emergency that is undecided or not reviewed.
    Column("emergency_key", Text, unique=True),
    Column("extends_lease_id", Text, nullable=False, server_default=text("''")),
    Column("takes_over", Boolean, nullable=False, server_default=false()),
    Column("policy_id", Text, nullable=False, server_default=text("''")),
    Column("plan", JSON(none_as_null=True)),
    Column("inputs", JSON(none_as_null=True)),
    Column("progress", JSON(none_as_null=True)),
    Column("approvals", JSON, nullable=False, server_default=text("'[]'")),
    # What has to happen for it to go on: "POLICY", "APPROVER" or "CONDITION"; null while that is
    # for people or the clock, and when it is decided.
    Column("waits_for", Text),
    Column("due_time", UtcTime),
    Column("review", Text, nullable=False, server_default=text("'UNSPECIFIED'")),
    Column("reviewers", JSON, nullable=False, server_default=text("'[]'")),
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

# Few of all wait for something, and these are gone through in the order of their ids.
Index(
    "access_requests_waits_for",
    access_requests.c.access_request_id,
    postgresql_where=access_requests.c.waits_for.is_not(None),
    sqlite_where=access_requests.c.waits_for.is_not(None),
)
Index("access_requests_due_time", access_requests.c.due_time, access_requests.c.access_request_id)
Index("access_requests_review", access_requests.c.review, access_requests.c.access_request_id)
# What was decided under a policy in a period is replayed.
Index(
    "access_requests_policy_id",
    access_requests.c.policy_id,
    access_requests.c.create_time,
    access_requests.c.access_request_id,
)

# In whose inbox an access request is.
inbox = Table(
    "access_request_inbox",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("access_request_id", Text, primary_key=True),
    # "DECIDE" or "REVIEW"; "NEVER" for who does not find it there, though somebody in whose place
    # they decide does.
    Column("why", Text, nullable=False),
    # Whether somebody else may decide it in their place.
    Column("delegable", Boolean, nullable=False),
)
Index("access_request_inbox_request", inbox.c.access_request_id)

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
    Column("emergency", Boolean, nullable=False, server_default=false()),
    Column("remind_time", UtcTime),
    Column("alarm_time", UtcTime),
    Column("removed_outside_time", UtcTime),
    Column("takes_over", Boolean, nullable=False, server_default=false()),
)
Index("leases_subject_user_id", leases.c.subject_user_id, leases.c.lease_id)
Index("leases_app_id", leases.c.app_id, leases.c.state, leases.c.lease_id)
Index("leases_state", leases.c.state, leases.c.lease_id)
Index("leases_end_time", leases.c.state, leases.c.end_time)
Index("leases_remind_time", leases.c.remind_time, leases.c.lease_id)
# What goes out of Entra, or is late in that, is little beside all that ever ended.
LATE_UNTOLD = text("leases.state = 'ENDING' AND leases.alarm_time IS NULL")
Index(
    "leases_late",
    leases.c.state,
    leases.c.end_time,
    leases.c.lease_id,
    postgresql_where=text("state = 'ENDING' AND alarm_time IS NULL"),
    sqlite_where=text("state = 'ENDING' AND alarm_time IS NULL"),
)
for _name, _columns in (
    ("leases_alarm_time", (leases.c.lease_id,)),
    ("leases_alarm_time_subject", (leases.c.subject_user_id, leases.c.lease_id)),
):
    Index(
        _name,
        *_columns,
        postgresql_where=leases.c.alarm_time.is_not(None),
        sqlite_where=leases.c.alarm_time.is_not(None),
    )

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Lease and kind while it is open: there is one such at most.
    Column("open_key", Text, unique=True),
    Column("lease_id", Text, nullable=False),
    Column("access_request_id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("app_display_name", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
    Column("entitlement_display_name", Text, nullable=False),
    Column("requester_user_id", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("assignees", JSON, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("finish_time", UtcTime),
    Column("finished_by", Text),
    Column("note", Text, nullable=False),
)
Index("tasks_lease_id", tasks.c.lease_id, tasks.c.task_id)
Index("tasks_state", tasks.c.state, tasks.c.task_id)
Index("tasks_app_id", tasks.c.app_id, tasks.c.state, tasks.c.task_id)

# Who can do a task, with what lists of theirs ask for.
task_assignees = Table(
    "task_assignees",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("app_id", Text, nullable=False),
    Column("state", Text, nullable=False),
)
Index("task_assignees_task_id", task_assignees.c.task_id)
Index(
    "task_assignees_state",
    task_assignees.c.user_id,
    task_assignees.c.state,
    task_assignees.c.task_id,
)
Index(
    "task_assignees_app_id",
    task_assignees.c.user_id,
    task_assignees.c.app_id,
    task_assignees.c.state,
    task_assignees.c.task_id,
)

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
