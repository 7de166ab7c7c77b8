"""Who may call which method: a table that denies what it does not list.

Each service has one table, from full method name to who may call it. A relation ("its requester")
is not decided here: the row then says `people()`, and the handler asks the state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from libs.domain.callers import Caller, Person, Service
from libs.domain.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Row:
    """Who may call one method."""

    everyone_signed_in: bool = False
    everybody: bool = False
    roles: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def allows(self, caller: Caller | None) -> bool:
        """Whether the caller is among them."""
        if self.everybody:
            return True
        if isinstance(caller, Person):
            return self.everyone_signed_in or caller.may(*self.roles)
        return isinstance(caller, Service) and caller.name in self.services

    def __str__(self) -> str:
        names = [
            *(["everybody"] if self.everybody else []),
            *(["people"] if self.everyone_signed_in else []),
            *(sorted(self.roles)),
            *(f"the {name} service" for name in sorted(self.services)),
        ]
        return ", ".join(names)


def everybody() -> Row:
    """Anybody, without a token."""
    return Row(everybody=True)


def people(*, services: Iterable[str] = ()) -> Row:
    """Anybody with a person's token; the handler sees to what is theirs. And these services."""
    return Row(everyone_signed_in=True, services=frozenset(services))


def roles(*names: str, services: Iterable[str] = ()) -> Row:
    """People with one of the roles, and these services."""
    return Row(roles=frozenset(names), services=frozenset(services))


def only_services(*names: str) -> Row:
    """These services and nobody else."""
    return Row(services=frozenset(names))


class Table:
    """The rows of one server."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = dict(rows)

    def check_complete(self, methods: Iterable[str]) -> None:
        """Compares the table with the methods that a server answers.

        Raises:
            ValueError: a method has no row, or a row has no method.
        """
        served = set(methods)
        problems = [
            *(f"{method} has no row" for method in sorted(served - self._rows.keys())),
            *(f"the row {method} has no method" for method in sorted(self._rows.keys() - served)),
        ]
        if problems:
            raise ValueError("who may call is not settled: " + "; ".join(problems))

    def is_open(self, method: str) -> bool:
        """Whether a method needs no token."""
        row = self._rows.get(method)
        return row is not None and row.everybody

    def check(self, method: str, caller: Caller | None) -> None:
        """Does nothing for a caller who may call the method.

        Raises:
            NotAllowed: any other.
        """
        row = self._rows.get(method)
        if row is None or not row.allows(caller):
            allowed = "nobody" if row is None else str(row)
            raise NotAllowed(
                "CALLER_NOT_ALLOWED",
                f"{method.lstrip('/')} may be called by {allowed}.",
                method=method.lstrip("/"),
                allowed=allowed,
            )
