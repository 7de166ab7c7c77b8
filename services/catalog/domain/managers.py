"""Whom a person answers to."""

from collections.abc import Mapping

from services.catalog.domain.directory import User

# So far up a line of managers is followed.
MOST_MANAGERS = 5


def line_of(user: User, people: Mapping[str, User]) -> tuple[User, ...]:
    """A person's manager, that one's manager, and so on, of the people given by their ids.

    It ends where the directory names nobody or somebody unknown, and before it would come round.
    """
    line: dict[str, User] = {user.user_id: user}
    above = people.get(user.manager_user_id)
    while above is not None and above.user_id not in line and len(line) <= MOST_MANAGERS:
        line[above.user_id] = above
        above = people.get(above.manager_user_id)
    return tuple(line.values())[1:]
