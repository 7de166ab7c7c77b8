"""What happens to policies, as the events say it."""

from dataclasses import dataclass

from libs.domain.callers import Caller


@dataclass(frozen=True, slots=True)
class PolicyCreated:
    """A policy was created."""

    policy_id: str
    display_name: str
    version: int
    digest: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class PolicyUpdated:
    """A policy got its next version."""

    policy_id: str
    display_name: str
    version: int
    digest: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class PolicyDeleted:
    """A policy was deleted. `version` is its last."""

    policy_id: str
    display_name: str
    version: int
    actor: Caller
