"""Whom a person answers to."""

from services.catalog.domain.managers import MOST_MANAGERS, line_of
from tests.unit.catalog.things import a_user


def line(**managers: str) -> list[str]:
    """The line of Ada, by names, of people by their managers."""
    people = [
        a_user(name, manager_user_id=f"usr_{manager.lower()}" if manager else "")
        for name, manager in managers.items()
    ]
    by_id = {each.user_id: each for each in people}
    return [each.display_name for each in line_of(people[0], by_id)]


def test_the_line_of_managers_ends() -> None:
    """At the top, at somebody unknown, before it comes round, and after five."""
    assert line(Ada="") == []
    assert line(Ada="Ben", Ben="Cleo", Cleo="") == ["Ben", "Cleo"]
    assert line(Ada="Ben", Ben="Unknown") == ["Ben"]
    assert line(Ada="Ada") == []
    assert line(Ada="Ben", Ben="Cleo", Cleo="Ben") == ["Ben", "Cleo"]
    longer = {"Ada": "M0"} | {f"M{n}": f"M{n + 1}" for n in range(9)}
    assert line(**longer) == [f"M{n}" for n in range(MOST_MANAGERS)]
