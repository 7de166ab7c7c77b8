"""Who answers for an app or an entitlement."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.catalog.domain import in_use

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


def require_no_owners(owned: Mapping[str, Iterable[str]], going: Collection[str]) -> None:
    """Does nothing while nothing stays that entitlements among what is `going` answer for.

    `owned` is what they answer for, by entitlement.

    Raises:
        WrongState: ENTITLEMENT_IS_OWNER, of the first that does.
    """
    for entitlement_id, of_ids in owned.items():
        staying = [of_id for of_id in of_ids if of_id not in going]
        if staying:
            raise in_use.entitlement_is_owner(entitlement_id, staying)
