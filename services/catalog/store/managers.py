"""People with those whom they answer to."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BindParameter, Connection, Text, bindparam, literal, select, union_all

from services.catalog.domain.directory import User
from services.catalog.domain.managers import MOST_MANAGERS
from services.catalog.store.rows import user_of
from services.catalog.store.tables import directory_users

_SUBJECT: BindParameter[str] = bindparam("subject", type_=Text())
_BESIDE: BindParameter[str] = bindparam("beside", type_=Text())

_line = select(_SUBJECT.label("user_id"), literal(0).label("above")).cte("line", recursive=True)
# A line that comes round is read round too: it ends by its length. A join in place of the subquery
# would have SQLite read all people first, for a Bloom filter.
_above = (
    select(directory_users.c.manager_user_id)
    .where(directory_users.c.user_id == _line.c.user_id)
    .scalar_subquery()
)
_line = _line.union_all(
    select(_above, _line.c.above + 1).where(
        _line.c.above < MOST_MANAGERS, _line.c.user_id.is_not(None)
    )
)
# Of the people `:subject` and `:beside`.
LINE = (
    select(directory_users).join(_line, _line.c.user_id == directory_users.c.user_id),
    select(directory_users).where(directory_users.c.user_id == _BESIDE),
)
_PEOPLE = union_all(*LINE)


def read_line(connection: Connection, user_id: str, beside: str) -> dict[str, User]:
    """A person, their managers upwards and another person beside them, by their ids."""
    rows = connection.execute(_PEOPLE, {"subject": user_id, "beside": beside})
    return {row.user_id: user_of(row) for row in rows}


def read_above(
    connection: Connection, people: Sequence[User], levels: int, known: Mapping[str, User]
) -> dict[str, User]:
    """People with those whom they answer to, so many levels up, by their ids.

    A statement a level at most, for all who are not `known`.
    """
    found = {user.user_id: user for user in people}
    wanted = {user.manager_user_id for user in people}
    for _ in range(levels):
        wanted -= {"", *found}
        above = {each: known[each] for each in wanted if each in known}
        if missing := sorted(wanted - above.keys()):
            users = directory_users
            rows = connection.execute(select(users).where(users.c.user_id.in_(missing)))
            above |= {row.user_id: user_of(row) for row in rows}
        found |= above
        wanted = {user.manager_user_id for user in above.values()}
    return found
