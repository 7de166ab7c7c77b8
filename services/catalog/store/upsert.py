"""Insert or update, on both databases."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def upsert(
    table: Table,
    *,
    keep: tuple[str, ...] = (),
    update: Callable[[Any], Mapping[str, Any]] | None = None,
) -> Insert:
    """Inserts a row, or updates the one with its primary key but for the columns to `keep`.

    `update` may say otherwise, given the row as it came ("excluded").
    """
    # SQLite has its ON CONFLICT from PostgreSQL, and SQLAlchemy writes this construct for both.
    statement = insert(table)
    values = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key and column.name not in keep
    }
    if update is not None:
        values.update(update(statement.excluded))
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values
    )
