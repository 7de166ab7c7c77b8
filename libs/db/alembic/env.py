"""Runs migrations on the connection that `libs.db.migrations` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator


def _plain(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Our own column types by what is under them: a migration must outlive our code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


config = context.config
connection = config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=config.attributes["metadata"],
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_plain,
)
with context.begin_transaction():
    context.run_migrations()
