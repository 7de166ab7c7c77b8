"""What happened in the connector."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.sync import HeldRemoval


@dataclass(frozen=True, slots=True)
class ConnectionCreated:
    """A tenant was connected."""

    connection_id: str
    entra_tenant_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class ConnectionUpdated:
    """A connection was changed."""

    connection_id: str
    changed_fields: tuple[str, ...]
    actor: Caller


@dataclass(frozen=True, slots=True)
class SyncStarted:
    """A sync began."""

    sync_id: str
    connection_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class SyncSucceeded:
    """A sync read everything."""

    sync_id: str
    connection_id: str
    object_count: int
    removed_count: int


@dataclass(frozen=True, slots=True)
class SyncFailed:
    """A sync was given up."""

    sync_id: str
    connection_id: str
    problem: str


@dataclass(frozen=True, slots=True)
class SyncCancelled:
    """A sync was stopped by somebody."""

    sync_id: str
    connection_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class SyncHeld:
    """A sync read everything, would remove too much, and waits to be confirmed."""

    sync_id: str
    connection_id: str
    held_removals: tuple[HeldRemoval, ...]


@dataclass(frozen=True, slots=True)
class SyncConfirmed:
    """Somebody agreed to what a held sync removes."""

    sync_id: str
    connection_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessProvisioned:
    """Everything a lease brings is in Entra."""

    lease_id: str
    round: int


@dataclass(frozen=True, slots=True)
class AccessProvisioningFailed:
    """Something a lease brings can't be put into Entra without somebody's help."""

    lease_id: str
    round: int
    failure_reason: str
    failure_message: str


@dataclass(frozen=True, slots=True)
class AccessDeprovisioned:
    """What a lease brought is out of Entra."""

    lease_id: str


@dataclass(frozen=True, slots=True)
class AccessRemovedOutside:
    """Somebody took a part of what a lease brought out of Entra by hand."""

    lease_id: str
    round: int
    directory_entitlement_ids: tuple[str, ...]
    action: RemovedAccessAction


@dataclass(frozen=True, slots=True)
class ReconciliationHeld:
    """A look found more access missing than is acted on without being confirmed."""

    reconciliation_id: str
    connection_id: str
    missing_count: int
    expected_count: int


@dataclass(frozen=True, slots=True)
class ReconciliationConfirmed:
    """Somebody agreed to what becomes of the missing access."""

    reconciliation_id: str
    connection_id: str
    actor: Caller
