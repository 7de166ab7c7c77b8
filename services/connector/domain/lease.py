"""A lease, as the requests service tells of it."""

from dataclasses import dataclass

from services.connector.domain.target import Principal, Target


@dataclass(frozen=True, slots=True)
class Lease:
    """What the connector must know of a lease.

    `is_wanted` when it shall be in Entra, `is_ended` when it shall not; neither while it is failed
    and waits for somebody. One granted in an `emergency` goes to Entra before others. One that
    `takes_over` makes what its subject held before a part of it.
    """

    lease_id: str
    is_wanted: bool
    is_delivered: bool
    is_ended: bool
    entitlement_id: str
    subject: Principal
    targets: tuple[Target, ...]
    round: int
    emergency: bool = False
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmedTarget:
    """What the catalog says of a target. `target` is none unless it is listed."""

    target: Target | None
    held: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the catalog says of all targets of a lease, in their order, and of the subject."""

    subject: Principal
    targets: tuple[ConfirmedTarget, ...]
