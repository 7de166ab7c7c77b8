"""What people hold in Entra without Latchkey's doing: the small model that it is held against."""

from collections.abc import Sequence
from itertools import zip_longest

from libs.domain.callers import Person
from services.connector.domain.assignment import AssignmentState
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.mirror import LISTS_LAG
from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant
from services.connector.domain.verdict import Retriable, Verdict
from services.connector.ports import Attempt
from services.requests.domain.lease import LeaseState
from tests.simulation.entra import LATCHKEY, Changed, Kind
from tests.simulation.town import KINDS, PEOPLE, Town

Place = tuple[str, Kind]
_NOT_ENDED = tuple(set(LeaseState) - {LeaseState.ENDED})


class Standing:
    """Whose is what people hold. Entra's journal tells who brought it.

    `given`: by an administrator's hand, and nobody's since. It may stay without a lease, and
    Latchkey may not take it away. All else that is held is Latchkey's and goes with the last lease.

    What a lease that takes over names may be taken away for as long as any lease holds it, and is
    Latchkey's once that lease is delivered. Apart from that a hand's may be taken for Latchkey's
    only in `doubtful` places, where nobody could tell them apart:

    - a call to add was lost while it was there already, and no sync had seen it before (0013);
    - it was given in place of what Latchkey had brought, or may have brought by a call that was
      lost, and a hand had removed. A membership looks like the one before (0032). An app role does
      not, since the assignment has another id: that one is `beside` ours, and in doubt only when
      the connector adds it again, or has to look for its id.

    And Latchkey's own may be taken for a hand's, and stay, only where a sync had seen a hand's that
    is gone since, and the call that brought ours was lost: `mistaken` (0013).

    `seen`: the last sync that the connector believes about the place saw a hand's.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self.given: set[Place] = set()
        self.seen: set[Place] = set()
        self.doubtful: set[Place] = set()
        self.beside: set[Place] = set()
        self.mistaken: set[Place] = set()
        self._claimed: set[Place] = set()
        self._read = 0

    def may_be(self, who: Person, kind: Kind) -> bool:
        """Whether it may be held without a lease."""
        return _place(who, kind) in self.given | self.mistaken

    def add(self, who: Person, kind: Kind) -> None:
        """An administrator gives it: that changes nothing of what is held already."""
        if not self.town.entra.add_by_hand(who.entra_object_id, kind):
            return
        place = _place(who, kind)
        self.given.add(place)
        found = self.town.assignment(who, kind)
        if found is None or found.state in (AssignmentState.ABSENT, AssignmentState.LOST):
            return
        if found.tries > 0 and not found.preexisting:
            has_id = isinstance(kind, AppRoleGrant) and bool(found.entra_assignment_id)
            (self.beside if has_id else self.doubtful).add(place)

    def remove(self, who: Person, kind: Kind) -> None:
        """An administrator takes it away, whoever gave it."""
        if self.town.entra.remove_by_hand(who.entra_object_id, kind):
            self._is_gone(_place(who, kind))

    def synced(self) -> None:
        """The catalog saw what is there."""
        for who in PEOPLE:
            for kind in KINDS:
                if self._believes_the_catalog(who, kind):
                    place = _place(who, kind)
                    (self.seen.add if place in self.given else self.seen.discard)(place)

    def calling(self, attempts: Sequence[Attempt]) -> None:
        """Entra is about to be called for these."""
        for each in attempts:
            place = _place_of(each)
            if each.kind is OperationKind.REMOVE:
                is_looked_for = not each.entra_assignment_id
            else:
                # "Already there" may then speak of what was brought before.
                is_looked_for = self._tries(each) > 1
            if is_looked_for and place in self.beside:
                self.doubtful.add(place)

    def called(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> None:
        """Entra was called for these; `verdicts` are theirs, none if the connector was killed."""
        for each, verdict in zip_longest(attempts, verdicts):
            place = _place_of(each)
            if each.kind is OperationKind.REMOVE:
                self.seen.discard(place)
            elif verdict is None or (isinstance(verdict, Retriable) and not verdict.certain):
                if place in self.given and place not in self.seen:
                    self.doubtful.add(place)
                elif place not in self.given and place in self.seen and self._holds(place):
                    self.mistaken.add(place)
            elif place not in self.given and self._holds(place):
                self.seen.discard(place)
        self.follow()

    def follow(self) -> None:
        """Takes down what Latchkey did, and what its leases have come to.

        Raises:
            AssertionError: it took away what was given by hand.
        """
        journal = self.town.entra.journal
        for change in journal[self._read :]:
            if change.by == LATCHKEY and not change.added:
                self._taken(change)
        self._read = len(journal)
        for who in PEOPLE:
            for kind in KINDS:
                self._as_leases_say(who, kind)

    def _taken(self, change: Changed) -> None:
        place = (change.person, change.kind)
        is_another = place in self.given - self.doubtful - self._claimed
        assert not is_another, f"{change.kind} was given by hand, and taken away by Latchkey"
        self._is_gone(place)

    def _as_leases_say(self, who: Person, kind: Kind) -> None:
        place = _place(who, kind)
        leases = self.town.leases_on(who, kind, *_NOT_ENDED)
        over = [lease for lease in leases if lease.takes_over]
        if over:
            self._claimed.add(place)
        if not leases:
            # What is left is nobody's any more.
            self.given |= self.mistaken & {place}
            for some in (self.doubtful, self.beside, self.mistaken, self._claimed):
                some.discard(place)
        deliveries = self.town.store.deliveries_by_id
        for lease in over:
            found = deliveries.get(lease.lease_id)
            if found is not None and found.state is DeliveryState.DELIVERED:
                self._is_gone(place)
        assignment = self.town.assignment(who, kind)
        is_lost = assignment is not None and assignment.state is AssignmentState.LOST
        if is_lost and self._holds(place):
            # It was seen to be gone: what a hand has put there since is left.
            self.given.add(place)

    def _believes_the_catalog(self, who: Person, kind: Kind) -> bool:
        """Whether the next lease that names it has the catalog asked, and its answer believed: not
        while it is being added, nor soon after what we did ourselves."""
        found = self.town.assignment(who, kind)
        if found is None:
            return True
        unsettled = found.operation is not None or (
            found.state is AssignmentState.FAILED and found.tries > 0
        )
        changed = found.change_time
        return not unsettled and (changed is None or changed + LISTS_LAG < self.town.clock.now())

    def _tries(self, attempt: Attempt) -> int:
        """How many calls to add it may have had an effect, with this one."""
        return next(
            found.tries
            for found in self.town.store.assignments_by_id.values()
            if found.operation is not None and found.operation.operation_id == attempt.operation_id
        )

    def _holds(self, place: Place) -> bool:
        return self.town.entra.holds(*place)

    def _is_gone(self, place: Place) -> None:
        """Nothing of it is a hand's."""
        for some in (self.given, self.doubtful, self.beside, self.mistaken):
            some.discard(place)


def _place(who: Person, kind: Kind) -> Place:
    return who.entra_object_id, kind


def _place_of(attempt: Attempt) -> Place:
    return attempt.principal.entra_object_id, attempt.target.kind
