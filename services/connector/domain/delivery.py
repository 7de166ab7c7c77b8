"""A delivery: what the connector does and has done for one lease."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain.changes import Fact
from services.connector.domain import facts
from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.lease import Lease
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Remedy


class DeliveryState(StrEnum):
    """How far a lease is delivered."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one lease is. Version 0 is not stored yet.

    `takes_over`: what its subject held before becomes part of it. `removed_outside_time` is when it
    was last found that somebody had taken a target out of Entra by hand.
    """

    lease_id: str
    round: int
    state: DeliveryState
    subject: Principal
    entitlement_id: str
    targets: tuple[Target, ...]
    create_time: datetime
    update_time: datetime
    assignment_ids: tuple[str, ...] = ()
    emergency: bool = False
    takes_over: bool = False
    removed_outside_time: datetime | None = None
    failure_reason: str = ""
    failure_message: str = ""
    remedy: Remedy | None = None
    version: int = 0

    @classmethod
    def of(cls, lease: Lease, state: DeliveryState, now: datetime) -> "Delivery":
        """The first that is heard of a lease."""
        return cls(
            lease.lease_id,
            lease.round,
            state,
            lease.subject,
            lease.entitlement_id,
            lease.targets,
            now,
            now,
            emergency=lease.emergency,
            takes_over=lease.takes_over,
        )

    @property
    def is_open(self) -> bool:
        """Whether it is on its way in or out."""
        return self.state in (DeliveryState.PENDING, DeliveryState.REMOVING)

    @property
    def is_leaving(self) -> bool:
        """Whether the lease has ended: nothing that comes later brings the access back."""
        return self.state in (DeliveryState.REMOVING, DeliveryState.REMOVED)

    def pending(
        self, round: int, assignment_ids: Iterable[str], now: datetime, *, takes_over: bool = False
    ) -> "Delivery":
        """Is being put into Entra. A lease that takes over once does so from then on."""
        return replace(
            self,
            state=DeliveryState.PENDING,
            round=round,
            takes_over=self.takes_over or takes_over,
            assignment_ids=tuple(assignment_ids),
            failure_reason="",
            failure_message="",
            remedy=None,
            update_time=now,
        )

    def failed(
        self, round: int, reason: str, message: str, remedy: Remedy | None, now: datetime
    ) -> "Delivery":
        """Can't be had without somebody's help."""
        return replace(
            self,
            state=DeliveryState.FAILED,
            round=round,
            failure_reason=reason,
            failure_message=message,
            remedy=remedy,
            update_time=now,
        )

    def removing(self, now: datetime) -> "Delivery":
        """Is being taken out of Entra."""
        return replace(
            self,
            state=DeliveryState.REMOVING,
            failure_reason="",
            failure_message="",
            remedy=None,
            update_time=now,
        )

    def removed_outside(self, now: datetime, *, restored: bool) -> "Delivery":
        """Somebody took a target out of Entra by hand: it is put back, or the lease is to end.

        One that waits for somebody after a failure waits on: a retry brings all of it.
        """
        noted = replace(self, removed_outside_time=now, update_time=now)
        if self.state not in (DeliveryState.PENDING, DeliveryState.DELIVERED):
            return noted
        return replace(noted, state=DeliveryState.PENDING if restored else DeliveryState.LOST)

    def lost(
        self, assignments: Mapping[str, Assignment], action: RemovedAccessAction
    ) -> tuple[Fact, ...]:
        """What others are told when targets of it were taken out by hand: which they are."""
        found = tuple(
            sorted(
                assignments[each].target.directory_entitlement_id
                for each in self.assignment_ids
                if each in assignments
            )
        )
        body = facts.AccessRemovedOutside(self.lease_id, self.round, found, action)
        return (Fact(self.lease_id, self.version + 1, body),)

    def concluded(self, assignments: Mapping[str, Assignment], now: datetime) -> "Delivery":
        """As it follows from where its assignments stand."""
        own = [assignments[assignment_id] for assignment_id in self.assignment_ids]
        if self.state is DeliveryState.PENDING:
            for assignment in own:
                if assignment.state is AssignmentState.FAILED:
                    return self.failed(
                        self.round,
                        assignment.failure_reason,
                        assignment.failure_message,
                        assignment.remedy,
                        now,
                    )
            if all(assignment.state is AssignmentState.PRESENT for assignment in own):
                return replace(self, state=DeliveryState.DELIVERED, update_time=now)
        if self.state is DeliveryState.REMOVING and all(
            # What others hold is theirs now.
            assignment.lease_ids or assignment.state is AssignmentState.ABSENT
            for assignment in own
        ):
            return replace(self, state=DeliveryState.REMOVED, update_time=now)
        return self

    def fact(self) -> tuple[Fact, ...]:
        """What others are told of where it stands now, if anything."""
        body: object
        if self.state is DeliveryState.DELIVERED:
            body = facts.AccessProvisioned(self.lease_id, self.round)
        elif self.state is DeliveryState.FAILED:
            body = facts.AccessProvisioningFailed(
                self.lease_id, self.round, self.failure_reason, self.failure_message
            )
        elif self.state is DeliveryState.REMOVED:
            body = facts.AccessDeprovisioned(self.lease_id)
        else:
            return ()
        return (Fact(self.lease_id, self.version + 1, body),)


@dataclass(frozen=True, slots=True)
class Picture:
    """Assignments, and the deliveries that hang on them, as they are at one moment."""

    assignments: dict[str, Assignment]
    deliveries: dict[str, Delivery]

    def by_person(self) -> "Mapping[str, Picture]":
        """What of it is of each person, by object id: no two of them have anything in common."""
        parts: dict[str, Picture] = {}
        for assignment in self.assignments.values():
            part = parts.setdefault(assignment.principal.entra_object_id, Picture({}, {}))
            part.assignments[assignment.assignment_id] = assignment
        for delivery in self.deliveries.values():
            part = parts.setdefault(delivery.subject.entra_object_id, Picture({}, {}))
            part.deliveries[delivery.lease_id] = delivery
        return parts

    def find(self, principal: Principal, target: Target) -> Assignment | None:
        """The assignment of a person to a target, if there ever was one."""
        for assignment in self.assignments.values():
            if (
                assignment.principal.entra_object_id == principal.entra_object_id
                and assignment.target.is_same(target)
            ):
                return assignment
        return None

    def lost(self, delivery: Delivery) -> tuple[Fact, ...]:
        """What others are told of a delivery that is lost."""
        gone = {
            assignment_id: assignment
            for assignment_id, assignment in self.assignments.items()
            if assignment.state is AssignmentState.LOST
        }
        return delivery.lost(gone, RemovedAccessAction.END)

    def changed(
        self, assignments: Iterable[Assignment], deliveries: Iterable[Delivery], now: datetime
    ) -> "tuple[Picture, tuple[Fact, ...]]":
        """The picture after a change, and what others are told of it.

        Every open delivery of a changed assignment counts as changed, so that of two changes that
        would each not see the other one fails and is made again.
        """
        changed = {assignment.assignment_id: assignment for assignment in assignments}
        after = {**self.assignments, **changed}
        given = {delivery.lease_id: delivery for delivery in deliveries}
        affected = {
            lease_id: delivery
            for lease_id, delivery in {**self.deliveries, **given}.items()
            if lease_id in given or not changed.keys().isdisjoint(delivery.assignment_ids)
        }
        concluded = {
            lease_id: delivery.concluded(after, now) for lease_id, delivery in affected.items()
        }
        told = tuple(
            fact
            for lease_id, delivery in concluded.items()
            if lease_id not in self.deliveries
            or delivery.state is not self.deliveries[lease_id].state
            or delivery.round != self.deliveries[lease_id].round
            for fact in delivery.fact()
        )
        return Picture(changed, concluded), told

    def after(self, change: "Picture") -> "Picture":
        """The picture once a change of it is committed. Deliveries that are over are not in it."""
        changed = {id: assignment.stored() for id, assignment in change.assignments.items()}
        deliveries = {
            **self.deliveries,
            **{
                lease_id: replace(delivery, version=delivery.version + 1)
                for lease_id, delivery in change.deliveries.items()
            },
        }
        still_open = {id: delivery for id, delivery in deliveries.items() if delivery.is_open}
        return Picture({**self.assignments, **changed}, still_open)
