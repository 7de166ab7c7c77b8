"""What the use cases need from outside."""

from services.requests.ports.access_requests import AccessRequests
from services.requests.ports.campaigns import Campaigns
from services.requests.ports.delegations import Delegations
from services.requests.ports.leases import Leases
from services.requests.ports.neighbours import Catalog, Connector, Policy
from services.requests.ports.takeovers import Takeovers
from services.requests.ports.tasks import Tasks

__all__ = [
    "AccessRequests",
    "Campaigns",
    "Catalog",
    "Connector",
    "Delegations",
    "Leases",
    "Policy",
    "Takeovers",
    "Tasks",
]
