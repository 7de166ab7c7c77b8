"""Room for first attempts that are noted with their intent, and go when that is committed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from libs.domain.changes import Change
from services.connector.domain.wave import Due
from services.connector.loops.provisioning.tenant import TenantScheduler
from services.connector.ports import Departure


class TenantRooms:
    """The rooms of all tenants that this process works on."""

    def __init__(self, tenants: Mapping[str, TenantScheduler]) -> None:
        self._tenants = tenants
        # By their changes, each of which its room keeps alive.
        self._leaving: dict[int, _Room] = {}

    @contextmanager
    def room(self) -> Iterator["_Room"]:
        """Room for one delivery."""
        room = _Room(self._tenants, self._leaving)
        try:
            yield room
        finally:
            room.give_back()

    def committed(self, changes: Sequence[Change]) -> list[Change]:
        """Lets go what these changes noted, together; answers the other changes."""
        left: list[Change] = []
        gone: dict[TenantScheduler, list[Departure]] = defaultdict(list)
        for change in changes:
            room = self._leaving.get(id(change))
            if room is None:
                left.append(change)
            else:
                tenant, departure = room.gone()
                gone[tenant].append(departure)
        for tenant, departures in gone.items():
            tenant.depart(departures)
        return left


class _Room:
    """Room for one delivery, in one tenant at a time."""

    def __init__(self, tenants: Mapping[str, TenantScheduler], leaving: "dict[int, _Room]") -> None:
        self._tenants = tenants
        self._leaving = leaving
        self._taken: tuple[TenantScheduler, Sequence[Due]] | None = None
        self._departure: Departure | None = None

    def take(self, connection_id: str, due: Sequence[Due]) -> Mapping[str, str]:
        """The ids that the calls will carry, by operation; none where there is no room."""
        self.give_back()
        tenant = self._tenants.get(connection_id)
        ids = {} if tenant is None else tenant.board(due)
        if tenant is not None and ids:
            self._taken = tenant, due
        return ids

    def leave(self, departure: Departure) -> None:
        """It goes when its change is committed."""
        self._departure = departure
        self._leaving[id(departure.change)] = self

    def gone(self) -> tuple[TenantScheduler, Departure]:
        """What goes, and where: its change is committed."""
        assert self._taken is not None and self._departure is not None, "it was to leave"
        (tenant, _), departure = self._taken, self._departure
        del self._leaving[id(departure.change)]
        self._taken = self._departure = None
        return tenant, departure

    def give_back(self) -> None:
        """What was taken and has not gone; whether its change is committed is nobody's guess."""
        if self._departure is not None:
            del self._leaving[id(self._departure.change)]
        if self._taken is not None:
            tenant, due = self._taken
            tenant.stay(due)
        self._taken = self._departure = None
