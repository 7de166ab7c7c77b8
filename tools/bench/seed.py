"""A past of any length: copies of what the services wrote themselves, as other people's.

A person of the crowd asked for something, was given it and gave it back. The rows that this left
in the database of requests are copied with other ids, for other people.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, select, text
from sqlalchemy.types import JSON

from libs.db.engine import Database
from libs.domain.ids import new_id
from tools.bench.stage import Stage, user_id
from tools.dev.cast import Member

# A page of somebody's list is full.
EACH = 20
_AT_ONCE = 2_000
_PREFIXES = {"access_requests": "req", "leases": "lea"}


async def fill_requests(stage: Stage, like: Member, count: int) -> list[Member]:
    """Copies the past of `like` until there are `count` access requests more; answers whose.

    Raises:
        BenchError: the crowd is too small.
    """
    people = stage.newcomers(-(-count // EACH))
    database = Database.open(stage.database_urls["requests"])
    try:
        await database.write(lambda connection: _copy(connection, like, people, count))
        await database.write(lambda connection: connection.execute(text("ANALYZE")))
    finally:
        await database.close()
    return people


def _copy(connection: Connection, like: Member, people: list[Member], count: int) -> None:
    tables = {name: _reflected(connection, name) for name in _PREFIXES}
    requests, leases = tables["access_requests"], tables["leases"]
    request = (
        connection.execute(
            select(requests).where(requests.c.subject_user_id == user_id(like)).limit(1)
        )
        .mappings()
        .one()
    )
    lease = (
        connection.execute(
            select(leases).where(leases.c.access_request_id == request["access_request_id"])
        )
        .mappings()
        .one()
    )
    for some in _batches(count):
        rows = [_renamed(request, lease, like, people[number // EACH]) for number in some]
        connection.execute(insert(requests), [row for row, _ in rows])
        connection.execute(insert(leases), [row for _, row in rows])


def _reflected(connection: Connection, name: str) -> Table:
    """A table as it is, its documents as texts on SQLite: what is copied is not looked into."""
    table = Table(name, MetaData(), autoload_with=connection)
    if connection.dialect.name == "sqlite":
        columns = [Column(c.name, Text if isinstance(c.type, JSON) else c.type) for c in table.c]
        return Table(name, MetaData(), *columns)
    return table


def _batches(count: int) -> Iterator[range]:
    for start in range(0, count, _AT_ONCE):
        yield range(start, min(count, start + _AT_ONCE))


def _renamed(
    request: Any, lease: Any, like: Member, member: Member
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = {
        request["access_request_id"]: new_id("req"),
        lease["lease_id"]: new_id("lea"),
        user_id(like): user_id(member),
        like.entra_object_id: member.entra_object_id,
        like.name: member.name,
    }
    pattern = re.compile("|".join(map(re.escape, names)))

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda match: names[match[0]], value)
        if isinstance(value, dict | list):
            return json.loads(renamed(json.dumps(value)))
        return value

    one, other = ({key: renamed(value) for key, value in row.items()} for row in (request, lease))
    return one, other
