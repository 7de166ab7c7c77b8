"""Writes that say what must still be so, and how those of many changes are run together.

Most changes add rows and change rows that were read before, each in a version. What many changes
do so by the same statements is run once for all of them: the versions are looked at in one
statement, which locks the rows, and each statement runs with the parameters of all. Everything else
runs change by change.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Executable, Select, Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from libs.db.gathered import padded
from libs.domain.changes import Write


class Stale(Exception):
    """What the change was made from is no longer so: load, decide and try again."""


class Culprit(Exception):
    """The change whose writes failed, by its place among those that were run together."""

    def __init__(self, at: int, error: Exception) -> None:
        super().__init__(str(error))
        self.at = at
        self.error = error


@dataclass(frozen=True, slots=True)
class Guarded(Write):
    """A statement, and how many rows it must touch for the change to be still true.

    With `parameters` it is executed with each of them: in one go, unless every time so many rows
    are expected. Statements with parameters that expect nothing run together with those of other
    changes, when they are the same object; such a change touches no rows but those of the things
    whose versions it guards.
    """

    statement: Executable
    expects: int | None = None
    parameters: Sequence[Mapping[str, Any]] | None = None

    @property
    def is_alone(self) -> bool:
        """Whether it can't be run together with others."""
        return self.parameters is None or self.expects is not None


class Versioned:
    """The rows of a table that are changed from a version that was seen, by a key of one column."""

    def __init__(self, table: Table, key: str, version: str = "version") -> None:
        self.table = table
        self._key = table.c[key]
        self._version = table.c[version]
        self._updates: dict[frozenset[str], Executable] = {}

    def changed(self, key: str, *, seen: int, values: Mapping[str, Any]) -> "Expected":
        """The row with other values, the next version among them, if it is as it was seen."""
        return Expected(self, key, seen, values)

    def unchanged(self, key: str, *, seen: int) -> "Expected":
        """Nothing is written, but the row must be as it was seen."""
        return Expected(self, key, seen, None)

    @cached_property
    def now(self) -> Select[Any]:
        """Keys with their versions, of the rows `ids`; locked, and in the same order always."""
        return (
            select(self._key, self._version)
            .where(self._key.in_(bindparam("ids", expanding=True)))
            .order_by(self._key)
            .with_for_update()
        )

    def update(self, names: frozenset[str]) -> Executable:
        """The statement that changes these columns of the row `of` that is `seen` in a version."""
        if (found := self._updates.get(names)) is None:
            found = (
                update(self.table)
                .where(self._key == bindparam("of"), self._version == bindparam("seen"))
                .values({name: bindparam(f"new_{name}") for name in names})
            )
            self._updates[names] = found
        return found

    def version_in(self, values: Mapping[str, Any]) -> int:
        """The version that values bring."""
        version: int = values[self._version.key]
        return version


@dataclass(frozen=True, slots=True)
class Expected(Write):
    """A row that must be as it was seen, and what it becomes, if anything."""

    rows: Versioned
    key: str
    seen: int
    values: Mapping[str, Any] | None

    @property
    def after(self) -> int:
        """Its version then."""
        return self.seen if self.values is None else self.rows.version_in(self.values)

    @property
    def stale(self) -> Stale:
        """What to say when it is not as it was seen."""
        return Stale(f"{self.rows.table.name} {self.key} is not in version {self.seen}")

    @property
    def statement(self) -> Guarded | None:
        """What changes the row, if it is as it was seen; none if nothing is written."""
        if self.values is None:
            return None
        new = {f"new_{name}": value for name, value in self.values.items()}
        update = self.rows.update(frozenset(self.values))
        return Guarded(update, parameters=({**new, "of": self.key, "seen": self.seen},))


@dataclass(slots=True)
class _Step:
    statement: Executable
    parameters: list[Mapping[str, Any]] = field(default_factory=list)
    members: set[int] = field(default_factory=set)


def runs_together(writes: Sequence[Write]) -> bool:
    """Whether everything that a change writes can be run together with what others write."""
    return not any(isinstance(each, Guarded) and each.is_alone for each in writes)


def run_all(connection: Connection, changes: Sequence[Sequence[Write]]) -> None:
    """Runs the writes of changes, each of them with its own in their order.

    Raises:
        Culprit: a guard or a unique key says that this one was made from an old state.
        IntegrityError: a unique key says so of one of several.
    """
    together = {at: writes for at, writes in enumerate(changes) if runs_together(writes)}
    if len(together) > 1:
        _run_together(connection, together)
    else:
        together = {}
    for at, writes in enumerate(changes):
        if at not in together:
            try:
                for write in writes:
                    _run(connection, write)
            except (Stale, IntegrityError) as error:
                raise Culprit(at, error) from error


def _run(connection: Connection, write: Write) -> None:
    if isinstance(write, Expected):
        _run_expected(connection, write)
        return
    assert isinstance(write, Guarded), "writes are made by stores"
    if not write.is_alone:
        if write.parameters:
            connection.execute(write.statement, write.parameters)
        return
    for parameters in (None,) if write.parameters is None else write.parameters:
        result = connection.execute(write.statement, parameters)
        if write.expects is not None and result.rowcount != write.expects:
            raise Stale(f"{result.rowcount} rows instead of {write.expects}")


def _run_expected(connection: Connection, write: Expected) -> None:
    if (change := write.statement) is None:
        found = connection.execute(write.rows.now, {"ids": [write.key]}).one_or_none()
        as_seen = found is not None and found[1] == write.seen
    else:
        as_seen = connection.execute(change.statement, change.parameters).rowcount == 1
    if not as_seen:
        raise write.stale


def _run_together(connection: Connection, changes: Mapping[int, Sequence[Write]]) -> None:
    _check_versions(connection, changes)
    for step in _steps(changes):
        try:
            connection.execute(step.statement, step.parameters)
        except IntegrityError as error:
            if len(step.members) == 1:
                raise Culprit(step.members.pop(), error) from error
            raise


def _check_versions(connection: Connection, changes: Mapping[int, Sequence[Write]]) -> None:
    expected = [
        (at, each)
        for at, writes in changes.items()
        for each in writes
        if isinstance(each, Expected)
    ]
    keys: dict[Versioned, set[str]] = defaultdict(set)
    for _, each in expected:
        keys[each.rows].add(each.key)
    versions = {
        (rows, key): version
        for rows, wanted in keys.items()
        for key, version in connection.execute(rows.now, {"ids": padded(sorted(wanted))})
    }
    for at, each in expected:
        if versions.get((each.rows, each.key)) != each.seen:
            raise Culprit(at, each.stale)
        versions[each.rows, each.key] = each.after


def _steps(changes: Mapping[int, Sequence[Write]]) -> list[_Step]:
    """Each write goes into the first step of its statement that comes not before what the same
    change writes first."""
    steps: list[_Step] = []
    for at, writes in changes.items():
        earliest = 0
        for write in writes:
            change = write.statement if isinstance(write, Expected) else write
            if change is None:
                continue
            assert isinstance(change, Guarded), "writes are made by stores"
            statement, parameters = change.statement, change.parameters
            if not parameters:
                continue
            found = next(
                (n for n in range(earliest, len(steps)) if steps[n].statement is statement),
                len(steps),
            )
            if found == len(steps):
                steps.append(_Step(statement))
            steps[found].parameters.extend(parameters)
            steps[found].members.add(at)
            earliest = found
    return steps
