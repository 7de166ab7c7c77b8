"""What is known when an access request is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person, for conditions. An attribute that is None is not in the directory."""

    user_id: str
    display_name: str
    department: str | None = None
    job_title: str | None = None
    manager_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class EntitlementFacts:
    """An entitlement, for conditions."""

    entitlement_id: str
    display_name: str
    resource_kind: str
    """"CREDENTIAL", "ROLE" or "APP_ROLE"."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """An app, for conditions."""

    app_id: str
    display_name: str


class HeldFacts(Protocol):
    """An entitlement that the subject holds, for conditions. Whatever has these words will do:
    there may be a thousand, and only expressions look at them."""

    @property
    def entitlement_id(self) -> str:
        """The entitlement."""
        ...

    @property
    def display_name(self) -> str:
        """Its name."""
        ...

    @property
    def app_id(self) -> str:
        """The app it is of."""
        ...


@dataclass(slots=True)
class Facts:
    """What is known when an access request is decided.

    Nobody changes it. To be frozen would make it three times as dear, and there is one for each
    evaluation.
    """

    subject: PersonFacts
    requester: PersonFacts
    entitlement: EntitlementFacts
    app: AppFacts
    requested_duration: timedelta | None
    """None is access without an end."""
    emergency: bool
    now: datetime
    held: Sequence[HeldFacts] = ()
    manager_user_ids: Sequence[str] = ()
    """The subject's own first, then that one's."""
    app_owner_user_ids: Sequence[str] = ()
    entitlement_owner_user_ids: Sequence[str] = ()
