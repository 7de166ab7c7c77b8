"""Who is behind a call, an event or a change."""

from dataclasses import dataclass

from libs.domain import ids

ADMIN = "Latchkey.Admin"
CONNECTOR_ADMIN = "Latchkey.ConnectorAdmin"
POLICY_ADMIN = "Latchkey.PolicyAdmin"
HELPDESK = "Latchkey.Helpdesk"
AUDITOR = "Latchkey.Auditor"
ROLES = frozenset({ADMIN, CONNECTOR_ADMIN, POLICY_ADMIN, HELPDESK, AUDITOR})


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a tenant. Tenant and object id are who they are; the name is for reading."""

    entra_tenant_id: str
    entra_object_id: str
    display_name: str
    roles: frozenset[str] = frozenset()

    @property
    def user_id(self) -> str:
        """The person's id in the catalog."""
        return ids.user_id(self.entra_tenant_id, self.entra_object_id)

    @property
    def key(self) -> str:
        """Names the person where one string is needed, for example for idempotency keys."""
        return f"person:{self.entra_tenant_id}:{self.entra_object_id}"

    def may(self, *roles: str) -> bool:
        """Whether the person has one of the roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Service:
    """One of our services, by name."""

    name: str

    @property
    def key(self) -> str:
        """Names the service where one string is needed."""
        return f"service:{self.name}"


Caller = Person | Service
