"""A connection: one Entra tenant, and which secret reaches it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """One tenant and the name of the credentials to reach it; never the credentials."""

    connection_id: str
    display_name: str
    entra_tenant_id: str
    entra_client_id: str
    client_secret_name: str
    cloud: str
    create_time: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `problem` is empty when it works, and never holds a secret."""

    name: str
    permission: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it works."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What trying a connection found."""

    tenant_display_name: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)
