"""People with those whom they answer to, in one statement."""

from sqlalchemy import BindParameter, Connection, Text, bindparam, literal, select, union_all

from services.catalog.domain.directory import User
from services.catalog.domain.managers import MOST_MANAGERS
from services.catalog.store.rows import user_of
from services.catalog.store.tables import directory_users

_SUBJECT: BindParameter[str] = bindparam("subject", type_=Text())
_BESIDE: BindParameter[str] = bindparam("beside", type_=Text())

_line = select(_SUBJECT.label("user_id"), literal(0).label("above")).cte("line", recursive=True)
_line = _line.union_all(
    # A line that comes round is read round too: it ends here by its length.
    select(directory_users.c.manager_user_id, _line.c.above + 1)
    .join(_line, _line.c.user_id == directory_users.c.user_id)
    .where(_line.c.above < MOST_MANAGERS, directory_users.c.manager_user_id != "")
)
_PEOPLE = union_all(
    select(directory_users).join(_line, _line.c.user_id == directory_users.c.user_id),
    select(directory_users).where(directory_users.c.user_id == _BESIDE),
)


def read_line(connection: Connection, user_id: str, beside: str) -> dict[str, User]:
    """A person, their managers upwards and another person beside them, by their ids."""
    rows = connection.execute(_PEOPLE, {"subject": user_id, "beside": beside})
    return {row.user_id: user_of(row) for row in rows}
