"""What the handlers and loops need from outside."""

from services.connector.ports.connections import Connections, Secrets, Throttles, Writable
from services.connector.ports.departures import NO_ROOM, Departure, Room, Rooms
from services.connector.ports.entra import Attempt, Entra, Gate, RequestCounter, Serving
from services.connector.ports.peers import Catalog, Requests
from services.connector.ports.provisioning import Provisioning, Recorded
from services.connector.ports.reconciliations import Reconciliations
from services.connector.ports.syncs import Syncs

__all__ = [
    "NO_ROOM",
    "Attempt",
    "Catalog",
    "Connections",
    "Departure",
    "Entra",
    "Gate",
    "Provisioning",
    "Reconciliations",
    "Recorded",
    "RequestCounter",
    "Requests",
    "Room",
    "Rooms",
    "Secrets",
    "Serving",
    "Syncs",
    "Throttles",
    "Writable",
]
