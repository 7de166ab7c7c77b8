"""What the handlers and loops need from outside."""

from services.connector.ports.connections import Connections, Secrets, Throttles
from services.connector.ports.entra import Attempt, Entra, Gate, RequestCounter, Serving
from services.connector.ports.peers import Catalog, Requests
from services.connector.ports.provisioning import Provisioning, Recorded
from services.connector.ports.syncs import Syncs

__all__ = [
    "Attempt",
    "Catalog",
    "Connections",
    "Entra",
    "Gate",
    "Provisioning",
    "Recorded",
    "RequestCounter",
    "Requests",
    "Secrets",
    "Serving",
    "Syncs",
    "Throttles",
]
