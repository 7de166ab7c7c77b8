"""People, as access requests and leases name them."""

from dataclasses import dataclass

from libs.domain import callers


@dataclass(frozen=True, slots=True)
class PersonRef:
    """A person of the directory. The name is as it was, for reading only."""

    user_id: str
    entra_tenant_id: str
    entra_object_id: str
    display_name: str

    @classmethod
    def of(cls, person: callers.Person, display_name: str = "") -> "PersonRef":
        """Who a token names; `display_name` is what the directory calls them, if it does."""
        return cls(
            user_id=person.user_id,
            entra_tenant_id=person.entra_tenant_id,
            entra_object_id=person.entra_object_id,
            display_name=display_name or person.display_name,
        )
