"""Policies are updated and deleted; three more are built in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The domain's words as they were: a migration does not follow what changes later.
_MANAGER = '{"approval":{"approvers":{"manager":{}},"fallback":{"app_owners":{}}}}'
_OWNER = '{"approval":{"approvers":{"app_owners":{}}}}'
_OTHER_OWNER = '{"approval":{"approvers":{"app_owners":{}},"distinct":true}}'
_BUILT_IN = [
    (
        "pol_manager",
        "Manager approval",
        "The manager approves, or an owner of the app where there is no manager who can.",
        f'{{"baseline":[{_MANAGER}],"rules":[]}}',
        "a0d77e16c2dacd5ddbf20bc020211d6969f8d80251d14e74718b766fef678f8a",
    ),
    (
        "pol_app_owner",
        "App owner approval",
        "An owner of the app approves.",
        f'{{"baseline":[{_OWNER}],"rules":[]}}',
        "3075bff7e9043a5f0a93a51525898f64824cca165e32c068570d09d7714da588",
    ),
    (
        "pol_manager_then_app_owner",
        "Manager then app owner",
        "The manager approves, or an owner of the app where there is no manager who can; then "
        "another owner of the app.",
        f'{{"baseline":[{_MANAGER},{_OTHER_OWNER}],"rules":[]}}',
        "23fd717137329383291ba110398147264f9d475f9813059cc229080cb66f453e",
    ),
]
_IDS = [policy_id for policy_id, *_ in _BUILT_IN]

_POLICIES = sa.table(
    "policies",
    sa.column("policy_id", sa.Text()),
    sa.column("display_name", sa.Text()),
    sa.column("folded_name", sa.Text()),
    sa.column("description", sa.Text()),
    sa.column("built_in", sa.Boolean()),
    sa.column("version", sa.Integer()),
    sa.column("create_time", sa.DateTime(timezone=True)),
    sa.column("delete_time", sa.DateTime(timezone=True)),
)
_VERSIONS = sa.table(
    "policy_versions",
    sa.column("policy_id", sa.Text()),
    sa.column("version", sa.Integer()),
    sa.column("content", sa.Text()),
    sa.column("digest", sa.String(length=64)),
    sa.column("create_time", sa.DateTime(timezone=True)),
    sa.column("display_name", sa.Text()),
    sa.column("description", sa.Text()),
)


def upgrade() -> None:
    kept = sa.text("delete_time IS NULL")
    op.drop_index("policies_by_time", "policies")
    with op.batch_alter_table("policies") as table:
        table.alter_column("folded_name", existing_type=sa.Text(), nullable=True)
        table.add_column(sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "policies_listed",
        "policies",
        ["create_time", "policy_id"],
        postgresql_where=kept,
        sqlite_where=kept,
    )
    for name in ("display_name", "description"):
        op.add_column(
            "policy_versions", sa.Column(name, sa.Text(), nullable=False, server_default="")
        )
        of_it = sa.select(_POLICIES.c[name]).where(_POLICIES.c.policy_id == _VERSIONS.c.policy_id)
        op.execute(sa.update(_VERSIONS).values({name: of_it.scalar_subquery()}))
    op.create_table(
        "policy_escalations",
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("escalate_to_policy_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.policy_id"]),
        sa.ForeignKeyConstraint(["escalate_to_policy_id"], ["policies.policy_id"]),
        sa.PrimaryKeyConstraint("policy_id", "escalate_to_policy_id"),
    )
    op.create_index("policy_escalations_by_target", "policy_escalations", ["escalate_to_policy_id"])
    now = datetime.now(UTC)
    for number, built_in in enumerate(_BUILT_IN):
        # They are listed in this order.
        _add_built_in(*built_in, now + number * timedelta(microseconds=1))


def _add_built_in(
    policy_id: str, display_name: str, description: str, content: str, digest: str, time: datetime
) -> None:
    connection = op.get_bind()
    # Somebody may have made a policy of this name. It is theirs, and people and documents call it
    # so: ours, which nobody has called yet, gets the longer name.
    for name in _names(display_name):
        taken = sa.select(_POLICIES.c.policy_id).where(_POLICIES.c.folded_name == name.casefold())
        if connection.execute(taken).first() is None:
            break
    connection.execute(
        sa.insert(_POLICIES).values(
            policy_id=policy_id,
            display_name=name,
            folded_name=name.casefold(),
            description=description,
            built_in=True,
            version=1,
            create_time=time,
        )
    )
    connection.execute(
        sa.insert(_VERSIONS).values(
            policy_id=policy_id,
            version=1,
            content=content,
            digest=digest,
            create_time=time,
            display_name=name,
            description=description,
        )
    )


def _names(display_name: str) -> Iterator[str]:
    yield display_name
    yield f"{display_name} (built in)"
    number = 1
    while True:
        number += 1
        yield f"{display_name} (built in {number})"


def downgrade() -> None:
    connection = op.get_bind()
    op.drop_index("policy_escalations_by_target", "policy_escalations")
    op.drop_table("policy_escalations")
    for table in (_VERSIONS, _POLICIES):
        connection.execute(sa.delete(table).where(table.c.policy_id.in_(_IDS)))
    # The version before knows no deletion, and every policy has a name of its own: what was deleted
    # is there again, under a name that nobody uses.
    longer = _POLICIES.c.display_name + " (" + _POLICIES.c.policy_id + ")"
    connection.execute(
        sa.update(_POLICIES)
        .where(_POLICIES.c.delete_time.is_not(None))
        .values(display_name=longer, folded_name=_POLICIES.c.policy_id)
    )
    for name in ("display_name", "description"):
        with op.batch_alter_table("policy_versions") as batch:
            batch.drop_column(name)
    op.drop_index("policies_listed", "policies")
    with op.batch_alter_table("policies") as batch:
        batch.drop_column("delete_time")
        batch.alter_column("folded_name", existing_type=sa.Text(), nullable=False)
    op.create_index("policies_by_time", "policies", ["create_time", "policy_id"])
