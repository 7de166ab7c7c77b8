"""Times and ids as Microsoft's directory writes them."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def graph_time(moment: datetime) -> str:
    """Microsoft's directory writes seven fractional digits, one more than Python has."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def assignment_id(principal_id: str, rest: bytes) -> str:
    """43 base64url characters that begin with the principal, as in Microsoft's own samples.

    Clients must not rely on the form; a client that does should still meet the real one here.
    Source: the samples in Microsoft Learn, serviceprincipal-post-approleassignedto.
    """
    raw = uuid.UUID(principal_id).bytes_le + rest
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def derived_bytes(*names: str) -> bytes:
    """Sixteen bytes that are always the same for these names."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)).bytes
