"""Noting that the catalog is not believed, and that it is again."""

from libs.domain.changes import AuditEntry, Change, Outcome
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.gone import Doubt

_CATALOG = "catalog"


async def doubted(doubt: Doubt) -> Outcome[None]:
    """The catalog knows too few of those it was asked for: what it does not know goes on."""
    details = {"asked": doubt.asked, "unknown": doubt.unknown}
    return Outcome(
        None,
        Change(AuditEntry(REQUESTS, "catalog.doubted", _CATALOG, doubt.reason, details), ()),
    )


async def believed() -> Outcome[None]:
    """All leases were looked at, and there was no doubt."""
    return Outcome(None, Change(AuditEntry(REQUESTS, "catalog.believed", _CATALOG), ()))
