"""What the statements of a call read, as the databases themselves count it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

from libs.db.engine import Database

# A row costs the machine of SQLite about ten of its steps, before anything is asked about it.
_STEPS = 10
_STEPS_AT_ONCE = 100


@dataclass(frozen=True)
class Statement:
    """A statement as it was executed."""

    text: str
    parameters: Any


@contextmanager
def captured() -> Iterator[list[Statement]]:
    """All reading statements that are executed meanwhile, each text once."""
    found: dict[str, Statement] = {}
    reading: list[Statement] = []

    def on_execute(
        connection: Connection, cursor: Any, text: str, parameters: Any, *_: object
    ) -> None:
        if text.lstrip("( ").startswith(("SELECT", "WITH")) and text not in found:
            found[text] = Statement(text, parameters)
            reading.append(found[text])

    event.listen(Engine, "before_cursor_execute", on_execute)
    try:
        yield reading
    finally:
        event.remove(Engine, "before_cursor_execute", on_execute)


async def rows_read(database: Database, statement: Statement) -> int:
    """How many rows the busiest part of a statement goes through.

    PostgreSQL counts them for each node of its plan, those that a filter drops included. SQLite
    counts the steps of its machine for the whole statement; without an index that helps a scan
    says so in its plan, and counts as endless.
    """

    def work(connection: Connection) -> int:
        if connection.dialect.name == "postgresql":
            # What it would choose of a table much larger than a test fills.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL random_page_cost = 1")
            plan = connection.exec_driver_sql(
                "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement.text, statement.parameters
            ).scalar_one()
            (whole,) = json.loads(plan) if isinstance(plan, str) else plan
            return max(_counts(whole["Plan"]))
        return _steps(connection, statement) // _STEPS

    return await database.write(work)


async def plan_of(database: Database, statement: Statement) -> str:
    """The plan in words, for the message of a test that fails."""

    def work(connection: Connection) -> str:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL random_page_cost = 1")
            explain = "EXPLAIN (ANALYZE, TIMING OFF) "
        else:
            explain = "EXPLAIN QUERY PLAN "
        rows = connection.exec_driver_sql(explain + statement.text, statement.parameters)
        return "\n".join(str(row[-1]) for row in rows)

    return await database.write(work)


async def scans(database: Database, statement: Statement, tables: frozenset[str]) -> list[str]:
    """The big tables that SQLite would read from end to end without an index."""

    def work(connection: Connection) -> list[str]:
        if connection.dialect.name != "sqlite":
            return []
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN " + statement.text, statement.parameters
        )
        scanned = (re.fullmatch(r"SCAN (\w+)", row[-1]) for row in plan)
        return [found[1] for found in scanned if found and found[1] in tables]

    return await database.read(work)


def _counts(node: dict[str, Any]) -> Iterator[int]:
    rows = node["Actual Rows"] + sum(
        node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Join Filter", "Index Recheck")
    )
    yield int(rows * node["Actual Loops"])
    for each in node.get("Plans", ()):
        yield from _counts(each)


def _steps(connection: Connection, statement: Statement) -> int:
    count = 0

    def on_steps() -> int:
        nonlocal count
        count += _STEPS_AT_ONCE
        return 0

    raw: Any = connection.connection.dbapi_connection
    raw.set_progress_handler(on_steps, _STEPS_AT_ONCE)
    try:
        connection.exec_driver_sql(statement.text, statement.parameters).all()
    finally:
        raw.set_progress_handler(None, 0)
    return count
