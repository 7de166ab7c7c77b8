"""A connection: one Entra tenant, how it is signed in to, and what may be done there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from libs.domain.errors import Conflict

T = TypeVar("T")


class CredentialKind(Enum):
    """What the connector proves itself with."""

    CLIENT_SECRET = "CLIENT_SECRET"
    CERTIFICATE = "CERTIFICATE"
    FEDERATED_TOKEN = "FEDERATED_TOKEN"
    MANAGED_IDENTITY = "MANAGED_IDENTITY"


@dataclass(frozen=True, slots=True)
class Credential:
    """How the connector signs in; never the secret itself.

    `name` is the file in the secrets folder, and empty for a managed identity, which needs none.
    """

    kind: CredentialKind
    name: str = ""

    @property
    def field(self) -> str:
        """The field of a connection that holds a credential of this kind."""
        return _FIELDS[self.kind]


_FIELDS: Mapping[CredentialKind, str] = {
    CredentialKind.CLIENT_SECRET: "client_secret_name",
    CredentialKind.CERTIFICATE: "certificate",
    CredentialKind.FEDERATED_TOKEN: "federated_token",
    CredentialKind.MANAGED_IDENTITY: "managed_identity",
}


class ConnectionMode(Enum):
    """What the connector may write in the tenant."""

    FULL = "FULL"
    GROUPS_ONLY = "GROUPS_ONLY"


class RemovedAccessAction(Enum):
    """What becomes of access of a lease that somebody takes out of Entra by hand."""

    END = "END"
    RESTORE = "RESTORE"


@dataclass(frozen=True, slots=True)
class SyncSchedule:
    """When the connector syncs by itself. Both lengths of time count from start to start."""

    incremental_interval: timedelta = timedelta(minutes=15)
    full_interval: timedelta = timedelta(days=7)
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What of a connection shall be how; None is left as it is."""

    display_name: str | None = None
    entra_client_id: str | None = None
    credential: Credential | None = None
    mode: ConnectionMode | None = None
    incremental_interval: timedelta | None = None
    full_interval: timedelta | None = None
    paused: bool | None = None
    removed_access_action: RemovedAccessAction | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One tenant and the name of the credential to reach it."""

    connection_id: str
    display_name: str
    entra_tenant_id: str
    entra_client_id: str
    credential: Credential
    cloud: str
    create_time: datetime
    mode: ConnectionMode = ConnectionMode.FULL
    schedule: SyncSchedule = field(default_factory=SyncSchedule)
    removed_access_action: RemovedAccessAction = RemovedAccessAction.END
    version: int = 1

    @property
    def groups_only(self) -> bool:
        """Whether group memberships are all that may be written."""
        return self.mode is ConnectionMode.GROUPS_ONLY

    def at(self, etag: str) -> "Connection":
        """Itself, when it is as a caller saw it; an empty `etag` asks for nothing.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.connection_id)
        return self

    def changed(self, wishes: Wishes) -> "Connection":
        """As it is wished, one version further; itself when that is how it is."""
        schedule = self.schedule
        after = replace(
            self,
            display_name=_or(wishes.display_name, self.display_name),
            entra_client_id=_or(wishes.entra_client_id, self.entra_client_id),
            credential=_or(wishes.credential, self.credential),
            mode=_or(wishes.mode, self.mode),
            schedule=SyncSchedule(
                _or(wishes.incremental_interval, schedule.incremental_interval),
                _or(wishes.full_interval, schedule.full_interval),
                _or(wishes.paused, schedule.paused),
            ),
            removed_access_action=_or(wishes.removed_access_action, self.removed_access_action),
        )
        return self if after == self else replace(after, version=self.version + 1)

    def values(self) -> dict[str, str]:
        """What can be changed about it, by the names of the fields, as text."""
        return {
            "display_name": self.display_name,
            "entra_client_id": self.entra_client_id,
            self.credential.field: self.credential.name,
            "mode": self.mode.value,
            "sync_schedule.incremental_interval": str(self.schedule.incremental_interval),
            "sync_schedule.full_interval": str(self.schedule.full_interval),
            "sync_schedule.paused": str(self.schedule.paused),
            "removed_access_action": self.removed_access_action.value,
        }


def _or(wish: T | None, otherwise: T) -> T:
    return otherwise if wish is None else wish


class CapabilityState(Enum):
    """Whether something the connector does is permitted."""

    GRANTED = "GRANTED"
    MISSING = "MISSING"
    EXCESSIVE = "EXCESSIVE"
    NOT_NEEDED = "NOT_NEEDED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `problem` says what to do about it, and never holds a secret.

    `needed` are the permissions it takes, `granted` those of the granted ones that allow it.
    """

    name: str
    state: CapabilityState
    needed: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.state not in (CapabilityState.MISSING, CapabilityState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What trying a connection found. `unneeded` are granted permissions that nothing needs."""

    tenant_display_name: str
    checks: tuple[Check, ...]
    unneeded: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)
