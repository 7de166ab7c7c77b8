"""Until when tenants asked not to be called, in the database."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from libs.db.engine import Database
from services.connector.store.tables import throttles

_UNTIL = select(throttles.c.until_time).where(throttles.c.connection_id == bindparam("id"))
_INSERT = insert(throttles)
# Notes may overtake each other: the latest time counts.
_NOTE = _INSERT.on_conflict_do_update(
    index_elements=[throttles.c.connection_id],
    set_={"until_time": _INSERT.excluded.until_time},
    where=throttles.c.until_time < _INSERT.excluded.until_time,
)


class ThrottleStore:
    """The throttles. Only the process that works on a tenant writes its row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def until(self, connection_id: str) -> datetime | None:
        """When the last such time of a tenant is over, or was."""
        values = {"id": connection_id}
        return await self._database.read(lambda c: c.execute(_UNTIL, values).scalar_one_or_none())

    async def note(self, connection_id: str, until: datetime) -> None:
        """Keeps it, for whoever works on the tenant next."""

        def work(connection: Connection) -> None:
            connection.execute(_NOTE, {"connection_id": connection_id, "until_time": until})

        await self._database.write(work)
