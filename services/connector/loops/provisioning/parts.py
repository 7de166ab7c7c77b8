"""What the schedulers of all tenants work with."""

from dataclasses import dataclass

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.connector.handlers.run_operations import RunOperations
from services.connector.ports import Connections, Entra, Provisioning


@dataclass(frozen=True, slots=True)
class Parts:
    """What the schedulers of all tenants work with."""

    provisioning: Provisioning
    connections: Connections
    entra: Entra
    run_operations: RunOperations
    writes: Writes
    clock: Clock
