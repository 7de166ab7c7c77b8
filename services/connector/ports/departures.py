"""What goes to Entra as soon as its intent is committed, and does not wait for its turn."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from libs.domain.changes import Change
from services.connector.domain.delivery import Picture
from services.connector.domain.wave import Due
from services.connector.ports.connections import Writable
from services.connector.ports.entra import Attempt


@dataclass(frozen=True, slots=True)
class Departure:
    """First attempts of one person, noted by a change: when it is committed they go.

    `attempts` are by operation, `picture` is how everything is then, and `tenant` is the connection
    as it was read before.
    """

    tenant: Writable
    due: tuple[Due, ...]
    attempts: Mapping[str, Attempt]
    picture: Picture
    change: Change


class Room(Protocol):
    """Room for what one delivery begins with; what was not needed is given back at its end."""

    def take(self, connection_id: str, due: Sequence[Due]) -> Mapping[str, str]:
        """The ids that the calls will carry, by operation; none where they wait for their turn.

        All of it is for one person, nothing is under way for them, and nothing is until it is given
        back or done. What was taken before is given back.
        """
        ...

    def leave(self, departure: Departure) -> None:
        """What there is room for goes when its change is committed, and not otherwise."""
        ...


class _NoRoom:
    def take(self, connection_id: str, due: Sequence[Due]) -> Mapping[str, str]:
        return {}

    def leave(self, departure: Departure) -> None:
        raise AssertionError("there is no room")


# Everything waits for its turn.
NO_ROOM: Room = _NoRoom()
Rooms = Callable[[], AbstractContextManager[Room]]
