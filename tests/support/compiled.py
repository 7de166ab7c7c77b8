"""Statements as SQL, compiled once for all databases of a run.

SQLAlchemy keeps them with each engine, and nearly every test opens engines of its own: to compile
the same few hundred statements again and again is a fifth of what the tests do.
"""

from collections.abc import Iterator, MutableMapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, event


class Compiled(MutableMapping[tuple[Any, ...], Any]):
    """Those of one kind of database, whichever engine asks.

    SQLAlchemy's keys begin with the engine's own dialect, which is left out here.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], Any] = {}

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return self._found[key[1:]]

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._found[key[1:]] = compiled

    def __delitem__(self, key: tuple[Any, ...]) -> None:
        del self._found[key[1:]]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return self._found.get(key[1:], default)


@cache
def _of(kind: str) -> Compiled:
    return Compiled()


def share() -> None:
    """Has every engine of this process look here first."""
    event.listen(Engine, "engine_connect", _use)


def _use(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_of(connection.dialect.name))
