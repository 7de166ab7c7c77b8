"""Who answers for an app or an entitlement."""

from dataclasses import dataclass, field
from enum import StrEnum

# So many people answer for a thing at most, however many hold an entitlement that does.
MOST_PEOPLE = 100


class OwnerSource(StrEnum):
    """Where owners come from."""

    NOBODY = "UNSPECIFIED"
    GIVEN = "GIVEN"
    ENTRA = "ENTRA"
    APP = "APP"


@dataclass(frozen=True, slots=True)
class Owner:
    """A person, or whoever holds an entitlement: `owner_id` is a `usr_…` or an `ent_…`."""

    owner_id: str

    @property
    def is_person(self) -> bool:
        """Whether it is a person, and not whoever holds an entitlement."""
        return self.owner_id.startswith("usr_")


@dataclass(frozen=True, slots=True)
class AppOwners:
    """Who answers for an app: those given here or, while there are none, those in Entra."""

    given: tuple[Owner, ...] = ()
    entra_user_ids: tuple[str, ...] = ()

    @property
    def source(self) -> OwnerSource:
        """Which of both count."""
        if self.given:
            return OwnerSource.GIVEN
        return OwnerSource.ENTRA if self.entra_user_ids else OwnerSource.NOBODY

    @property
    def counting(self) -> tuple[Owner, ...]:
        """Those who count."""
        return self.given or tuple(map(Owner, self.entra_user_ids))


@dataclass(frozen=True, slots=True)
class EntitlementOwners:
    """Who answers for an entitlement: those given or, while there are none, those of its app."""

    given: tuple[Owner, ...] = ()
    of_app: AppOwners = field(default_factory=AppOwners)

    @property
    def source(self) -> OwnerSource:
        """Which of both count."""
        if self.given:
            return OwnerSource.GIVEN
        return OwnerSource.APP if self.of_app.counting else OwnerSource.NOBODY

    @property
    def counting(self) -> tuple[Owner, ...]:
        """Those who count."""
        return self.given or self.of_app.counting
