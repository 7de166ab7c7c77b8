"""Policies in the database."""

from typing import Any

from sqlalchemy import and_, insert, select, tuple_

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.policy.domain.content import Content
from services.policy.domain.policy import Policy, folded
from services.policy.store.tables import ledger, policies, policy_versions

_CURRENT = select(
    policies.c.policy_id,
    policies.c.display_name,
    policies.c.description,
    policies.c.built_in,
    policies.c.create_time.label("policy_create_time"),
    policy_versions.c.version,
    policy_versions.c.digest,
    policy_versions.c.content,
    policy_versions.c.create_time,
).join_from(
    policies,
    policy_versions,
    and_(
        policy_versions.c.policy_id == policies.c.policy_id,
        policy_versions.c.version == policies.c.version,
    ),
)


class StoredPolicies:
    """The port `Policies`, over the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, policy_id: str) -> Policy | None:
        """The policy with this id."""
        query = _CURRENT.where(policies.c.policy_id == policy_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _policy(row)

    async def mark(self) -> str:
        """A text that is another one after any change of any policy."""
        # Every change adds to the audit chain, and nothing else here does.
        query = select(ledger.head.c.audit_hash)
        return await self._database.read(lambda connection: str(connection.scalar(query)))

    async def has_name(self, display_name: str) -> bool:
        """Whether a policy has this name, however it is written."""
        query = select(policies.c.policy_id).where(policies.c.folded_name == folded(display_name))
        return await self._database.read(
            lambda connection: connection.execute(query).one_or_none() is not None
        )

    async def page(self, request: PageRequest) -> Page[Policy]:
        """A page of all policies, oldest first.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        order = (policies.c.create_time, policies.c.policy_id)
        query = _CURRENT.order_by(*order).limit(request.size + 1)
        if (after := request.after_time()) is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        page = request.page(rows, key=lambda row: time_key(row.policy_create_time, row.policy_id))
        return Page(tuple(_policy(row) for row in page.items), page.next_page_token)

    def added(self, policy: Policy) -> tuple[Write, ...]:
        """What is written for a new policy. It is stale if the name was taken meanwhile."""
        return (
            Guarded(
                insert(policies).values(
                    policy_id=policy.policy_id,
                    display_name=policy.display_name,
                    folded_name=folded(policy.display_name),
                    description=policy.description,
                    built_in=policy.built_in,
                    version=policy.version,
                    create_time=policy.create_time,
                )
            ),
            Guarded(
                insert(policy_versions).values(
                    policy_id=policy.policy_id,
                    version=policy.version,
                    content=policy.content.to_json(),
                    digest=policy.digest,
                    create_time=policy.create_time,
                )
            ),
        )


def _policy(row: Any) -> Policy:
    return Policy(
        policy_id=row.policy_id,
        display_name=row.display_name,
        description=row.description,
        built_in=row.built_in,
        version=row.version,
        digest=row.digest,
        content=Content.from_json(row.content),
        create_time=row.create_time,
    )
