"""The form in which a tenant is written down.

Objects are Graph-shaped. Three relations are spelled inside them as ids, because that reads
better than tables: a user's `manager`, a group's `members`, and `owners` of groups and service
principals. An assignment may leave out what follows from the rest: `id`, names and types.

App registrations are the applications that may log in: `secrets` (`value`, `endDateTime`),
`certificates` (PEM), `federatedIdentityCredentials` (`issuer`, `subject`, `audiences`, and `jwks`,
the issuer's keys), `managedIdentity` (whether it may sign in as this machine's own identity), and
`permissions`, the application permissions an administrator granted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TenantDocument = dict[str, Any]

_TENANTS = Path(__file__).parent / "tenants"


def read_tenant_file(path: Path) -> TenantDocument:
    document: TenantDocument = json.loads(path.read_text(encoding="utf-8"))
    return document


def built_in_tenant() -> TenantDocument:
    """The tenant of Marlowe Instruments, read anew so that a caller may change it."""
    return read_tenant_file(_TENANTS / "marlowe.json")
