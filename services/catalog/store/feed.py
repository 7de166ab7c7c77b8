"""How far the events of another service have been followed, and what they made of the uses."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, insert, or_, select, update

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.following import (
    Extended,
    FeedPosition,
    Happening,
    LeaseEnding,
    LeaseGone,
)
from services.catalog.domain.use import Use
from services.catalog.store.upsert import upsert
from services.catalog.store.use_tables import feed_positions, former_leases, uses
from services.catalog.store.uses import read_uses


class StoredFeed:
    """The feed, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self, service: str) -> FeedPosition | None:
        query = select(feed_positions).where(feed_positions.c.service == service)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else FeedPosition(row.position, row.event_id)

    async def named(self, happenings: Iterable[Happening]) -> Sequence[Use]:
        access_request_ids, lease_ids = set(), set()
        for happening in happenings:
            if isinstance(happening, LeaseEnding | LeaseGone | Extended):
                lease_ids.add(happening.lease_id)
            if not isinstance(happening, LeaseEnding | LeaseGone):
                access_request_ids.add(happening.access_request_id)
        which = or_(
            uses.c.access_request_id.in_(sorted(access_request_ids)),
            uses.c.lease_id.in_(sorted(lease_ids)),
        )
        return await self._database.read(lambda connection: read_uses(connection, which))

    def followed(
        self,
        service: str,
        seen: FeedPosition | None,
        last: FeedPosition | None,
        changed: Sequence[Use],
        over: Sequence[str],
        *,
        anew: bool,
    ) -> tuple[Write, ...]:
        writes = [_moved(service, seen, last)]
        if anew:
            writes.append(Guarded(delete(uses)))
        if over:
            gone = delete(uses).where(uses.c.access_request_id == bindparam("gone"))
            writes.append(Guarded(gone, parameters=[{"gone": key} for key in over]))
        if changed:
            rows = [{**asdict(use), "state": use.state.value} for use in changed]
            writes.append(Guarded(upsert(uses), parameters=rows))
        return tuple(writes)

    def ended(self, leases: Sequence[Use], settle_time: datetime) -> tuple[Write, ...]:
        rows = [
            {
                "lease_id": use.lease_id,
                "entitlement_id": use.entitlement_id,
                "app_id": use.app_id,
                "user_id": use.user_id,
                "settle_time": settle_time,
            }
            for use in leases
        ]
        return (Guarded(upsert(former_leases), parameters=rows),) if rows else ()

    def unmoved(self, service: str, seen: FeedPosition | None) -> Write:
        same = update(feed_positions).values(service=service)
        if seen is None:
            return Guarded(same.where(feed_positions.c.service == service), expects=0)
        return Guarded(same.where(*_at(service, seen)), expects=1)


def _moved(service: str, seen: FeedPosition | None, last: FeedPosition | None) -> Guarded:
    """The new position, in place of the one that was seen."""
    if seen is None:
        assert last is not None, "who has followed nothing yet moves by an event"
        return Guarded(insert(feed_positions), parameters=({"service": service, **asdict(last)},))
    at = _at(service, seen)
    if last is None:
        return Guarded(delete(feed_positions).where(*at), expects=1)
    return Guarded(update(feed_positions).where(*at).values(**asdict(last)), expects=1)


def _at(service: str, seen: FeedPosition) -> tuple[ColumnElement[bool], ...]:
    return (
        feed_positions.c.service == service,
        feed_positions.c.position == seen.position,
        feed_positions.c.event_id == seen.event_id,
    )
