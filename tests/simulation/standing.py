"""What people hold in Entra without Latchkey's doing: the small model that it is held against."""

from collections.abc import Iterable
from datetime import timedelta

from libs.domain.callers import Person
from services.connector.domain.assignment import AssignmentState
from services.connector.domain.operation import OperationKind
from services.connector.ports import Attempt
from services.requests.domain.lease import Lease
from tests.simulation.catalog import kind_of
from tests.simulation.entra import Kind
from tests.simulation.town import KINDS, PEOPLE, Town

_LAG = timedelta(minutes=3)
Place = tuple[str, Kind]


class Standing:
    """Who holds what by an administrator's hand.

    Where a call of ours was lost while nobody had seen what was there, or somebody's hand was
    quicker than our answer, nobody can tell whose it is: those are `doubtful` until nothing is
    left of it.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self.held: set[Place] = set()
        self.seen: set[Place] = set()
        self.doubtful: set[Place] = set()

    def may_be(self, who: Person, kind: Kind) -> bool:
        """Whether somebody's hand may be why it is held."""
        return _place(who, kind) in self.held | self.doubtful

    def add(self, who: Person, kind: Kind) -> None:
        """An administrator gives it: that changes nothing of what is held already."""
        if self.town.entra.add_by_hand(who.entra_object_id, kind):
            self.held.add(_place(who, kind))
            if self._in_between(who, kind):
                self.doubtful.add(_place(who, kind))

    def remove(self, who: Person, kind: Kind) -> None:
        """An administrator takes it away, whoever gave it: what is there later is Latchkey's."""
        if self.town.entra.remove_by_hand(who.entra_object_id, kind):
            self._forget(_place(who, kind))

    def asked_to_take_over(self, lease: Lease) -> None:
        """A lease makes its own what it finds; until it is delivered it may end before that."""
        if lease.takes_over:
            places = {(lease.subject.entra_object_id, kind_of(each)) for each in lease.targets}
            self.doubtful |= places

    def taken_over(self, who: Person, kind: Kind) -> None:
        """A lease that takes over is delivered: nothing of it is anybody else's."""
        self._forget(_place(who, kind))

    def synced(self) -> None:
        """The catalog saw what is there, and the connector believes it of what it has not changed
        itself for a while."""
        for who in PEOPLE:
            for kind in KINDS:
                if self._asks_the_catalog(who, kind):
                    self.seen |= {_place(who, kind)} & self.held

    def called(self, attempts: Iterable[Attempt], *, lost: bool) -> None:
        """Entra is called for these."""
        for each in attempts:
            place = (each.principal.entra_object_id, each.target.kind)
            adds = each.kind is OperationKind.ADD
            if lost and adds and place in self.held and place not in self.seen:
                self.doubtful.add(place)

    def check(self, who: Person, kind: Kind, *, held: bool) -> None:
        """Of what no lease holds any more: it is as it would be without us."""
        place = _place(who, kind)
        if place in self.doubtful:
            self._forget(place)
            if held:
                self.held.add(place)
            return
        assert held == (place in self.held), (
            f"{kind} was left in Entra" if held else f"{kind} was there before us"
        )

    def _asks_the_catalog(self, who: Person, kind: Kind) -> bool:
        """Whether the next lease that names it has the catalog asked, and its answer believed: not
        while it is being added, nor soon after what we did ourselves."""
        found = self.town.assignment(who, kind)
        if found is None:
            return True
        unsettled = found.operation is not None or found.state is AssignmentState.FAILED
        changed = found.change_time
        return not unsettled and (changed is None or changed + _LAG < self.town.clock.now())

    def _in_between(self, who: Person, kind: Kind) -> bool:
        """Whether the connector does not know at this moment what Entra holds by its doing."""
        found = self.town.assignment(who, kind)
        if found is None:
            return False
        return found.tries > 0 or found.state is AssignmentState.REMOVING

    def _forget(self, place: Place) -> None:
        for some in (self.held, self.seen, self.doubtful):
            some.discard(place)


def _place(who: Person, kind: Kind) -> Place:
    return who.entra_object_id, kind
