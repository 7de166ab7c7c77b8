"""Policies in the database."""

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.policy.domain.content import Content
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy, folded
from services.policy.domain.problems import escalations
from services.policy.store.tables import ledger, policies, policy_escalations, policy_versions

_KEPT = policies.c.delete_time.is_(None)
_NAMED = policy_versions.c.display_name != ""
_VERSIONS = select(
    policies.c.policy_id,
    case((_NAMED, policy_versions.c.display_name), else_=policies.c.display_name).label(
        "display_name"
    ),
    case((_NAMED, policy_versions.c.description), else_=policies.c.description).label(
        "description"
    ),
    policies.c.built_in,
    policies.c.create_time.label("policy_create_time"),
    policies.c.delete_time,
    policy_versions.c.version,
    policy_versions.c.digest,
    policy_versions.c.content,
    policy_versions.c.create_time,
).join_from(policies, policy_versions, policy_versions.c.policy_id == policies.c.policy_id)
_CURRENT = _VERSIONS.where(policy_versions.c.version == policies.c.version, _KEPT)
# Few enough for a statement's parameters.
_BATCH = 500
_VERSION_MOST = 2**31 - 1


class StoredPolicies:
    """The port `Policies`, over the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, policy_id: str) -> Policy | None:
        """The policy with this id, unless it is deleted."""
        return await self._one(_CURRENT.where(policies.c.policy_id == policy_id))

    async def mark(self) -> str:
        """A text that is another one after any change of any policy."""
        # Every change adds to the audit chain, and nothing else here does.
        query = select(ledger.head.c.audit_hash)
        return await self._database.read(lambda connection: str(connection.scalar(query)))

    async def version(self, policy_id: str, version: int) -> Policy | None:
        """One version of a policy, which may be deleted."""
        return await self._one(
            _VERSIONS.where(policies.c.policy_id == policy_id, policy_versions.c.version == version)
        )

    async def versions(self, policy_id: str, request: PageRequest) -> Page[Policy] | None:
        """A page of the versions of a policy, newest first; none where there is no such policy.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        column = policy_versions.c.version
        query = (
            _VERSIONS.where(policies.c.policy_id == policy_id)
            .order_by(column.desc())
            .limit(request.size + 1)
        )
        if (after := request.after_number()) is not None:
            # A token that somebody made up may hold a number that is none of the column's.
            query = query.where(column < min(after, _VERSION_MOST))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        page = request.page(rows, key=lambda row: (str(row.version),))
        # There is no policy without a version, so an empty first page is one of nothing.
        return _policies(page) if rows or request.token else None

    async def named(self, display_names: Collection[str]) -> tuple[Policy, ...]:
        """The policies that have one of these names, however it is written."""
        rows = await self._batches(
            _CURRENT, policies.c.folded_name, {folded(name) for name in display_names}
        )
        return tuple(map(_policy, rows))

    async def names(self, policy_ids: Collection[str]) -> dict[str, str]:
        """The names of those of these policies that are there and not deleted, by their ids."""
        query = select(policies.c.policy_id, policies.c.display_name).where(_KEPT)
        rows = await self._batches(query, policies.c.policy_id, set(policy_ids))
        return {row.policy_id: row.display_name for row in rows}

    async def escalating_to(self, policy_id: str, most: int) -> tuple[Policy, ...]:
        """Policies whose current versions escalate to this one, at most so many, by their ids."""
        by = (
            select(policy_escalations.c.policy_id)
            .where(policy_escalations.c.escalate_to_policy_id == policy_id)
            .order_by(policy_escalations.c.policy_id)
            .limit(most)
        )
        query = _CURRENT.where(policies.c.policy_id.in_(by)).order_by(policies.c.policy_id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(map(_policy, rows))

    async def page(self, request: PageRequest) -> Page[Policy]:
        """A page of all policies, oldest first, without those that are deleted.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        order = (policies.c.create_time, policies.c.policy_id)
        query = _CURRENT.order_by(*order).limit(request.size + 1)
        if (after := request.after_time()) is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return _policies(
            request.page(rows, key=lambda row: time_key(row.policy_create_time, row.policy_id))
        )

    def edited(self, edits: Sequence[Edit]) -> tuple[Write, ...]:
        """What is written for edits that belong together. It is stale if one of the policies, a
        name, or a policy that one escalates to is not as it was any more, or leads back to it."""
        kept = [edit for edit in edits if not edit.deletes]
        gone = [edit.after for edit in edits if edit.deletes]
        return (
            *(write for edit in kept for write in _version(edit)),
            # When all of them are there, since they may escalate to each other.
            *(_no_escalations(edit.after) for edit in edits if edit.before is not None),
            *(write for edit in kept for write in _escalations(edit.after)),
            *(_no_circle(edit.after) for edit in kept if escalations(edit.after.content)),
            *(_deleted(policy) for policy in gone),
        )

    async def _batches(
        self, query: Select[Any], column: ColumnElement[Any], values: Set[str]
    ) -> list[Any]:
        """The rows where a column has one of these values."""
        wanted = sorted(values)

        def work(connection: Connection) -> list[Any]:
            return [
                row
                for start in range(0, len(wanted), _BATCH)
                for row in connection.execute(
                    query.where(column.in_(wanted[start : start + _BATCH])).order_by(column)
                )
            ]

        return await self._database.read(work)

    async def _one(self, query: Select[Any]) -> Policy | None:
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _policy(row)


def _version(edit: Edit) -> Iterator[Guarded]:
    policy = edit.after
    values = {
        "display_name": policy.display_name,
        "folded_name": folded(policy.display_name),
        "description": policy.description,
        "version": policy.version,
    }
    if edit.before is None:
        yield Guarded(
            insert(policies).values(
                policy_id=policy.policy_id,
                built_in=policy.built_in,
                create_time=policy.create_time,
                **values,
            )
        )
    else:
        yield Guarded(update(policies).where(_as(edit.before)).values(values), expects=1)
    yield Guarded(
        insert(policy_versions).values(
            policy_id=policy.policy_id,
            version=policy.version,
            content=policy.content.to_json(),
            digest=policy.digest,
            create_time=policy.create_time,
            display_name=policy.display_name,
            description=policy.description,
        )
    )


def _escalations(policy: Policy) -> Iterator[Guarded]:
    for target in escalations(policy.content):
        there = select(literal(policy.policy_id), policies.c.policy_id).where(
            policies.c.policy_id == target, _KEPT
        )
        yield Guarded(
            insert(policy_escalations).from_select(["policy_id", "escalate_to_policy_id"], there),
            expects=1,
        )


def _no_circle(policy: Policy) -> Guarded:
    """Two policies may begin to escalate to each other at once, each by itself without a circle."""
    table = policy_escalations
    reached = (
        select(table.c.escalate_to_policy_id.label("policy_id"))
        .where(table.c.policy_id == policy.policy_id)
        # Not before UPDATE: SQLite's driver counts rows of what begins with that word.
        .cte("reached", recursive=True, nesting=True)
    )
    reached = reached.union(
        select(table.c.escalate_to_policy_id).where(table.c.policy_id == reached.c.policy_id)
    )
    circle = exists().where(reached.c.policy_id == policy.policy_id)
    return Guarded(
        update(policies).where(_as(policy), ~circle).values(version=policy.version), expects=1
    )


def _no_escalations(policy: Policy) -> Guarded:
    return Guarded(
        delete(policy_escalations).where(policy_escalations.c.policy_id == policy.policy_id)
    )


def _deleted(policy: Policy) -> Guarded:
    used = exists().where(policy_escalations.c.escalate_to_policy_id == policy.policy_id)
    return Guarded(
        update(policies)
        .where(_as(policy), ~used)
        .values(folded_name=None, delete_time=policy.delete_time),
        expects=1,
    )


def _as(policy: Policy) -> ColumnElement[bool]:
    return and_(
        policies.c.policy_id == policy.policy_id, policies.c.version == policy.version, _KEPT
    )


def _policies(page: Page[Any]) -> Page[Policy]:
    return Page(tuple(_policy(row) for row in page.items), page.next_page_token)


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
        delete_time=row.delete_time,
    )
