"""What is asked for or leased at present, as the requests service tells of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class UseState(StrEnum):
    """Where an access request or its lease stands. What is over is not kept."""

    # Not decided, or approved a moment ago.
    OPEN = "OPEN"
    # From here on there is a lease.
    GRANTED = "GRANTED"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    ENDING = "ENDING"


@dataclass(frozen=True, slots=True)
class Use:
    """An access request that is open, or whose lease is not over. `lease_id` may be empty."""

    access_request_id: str
    entitlement_id: str
    app_id: str
    user_id: str
    state: UseState
    lease_id: str = ""
    end_time: datetime | None = None


def leases_and_requests(uses: Iterable[Use]) -> tuple[list[str], list[str]]:
    """The leases of uses, and the access requests of those that have none yet."""
    leases: list[str] = []
    requests: list[str] = []
    for use in uses:
        if use.lease_id:
            leases.append(use.lease_id)
        else:
            requests.append(use.access_request_id)
    return leases, requests
