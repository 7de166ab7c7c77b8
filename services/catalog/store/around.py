"""What is around an entitlement for a requester and a subject: people and facts, a column each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Row,
    Text,
    bindparam,
    literal,
    literal_column,
    select,
    union_all,
)

from services.catalog.domain.directory import User
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.owner import AppOwners, EntitlementOwners, Owner
from services.catalog.ports import Expressions
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.holdings import holdings_columns
from services.catalog.store.json_rows import json_column
from services.catalog.store.managers import LINE
from services.catalog.store.membership import profile_rows, profiles_of
from services.catalog.store.owners import collected, owner_rows, owning_people
from services.catalog.store.rows import USER_COLUMNS, user_in_json
from services.catalog.store.rule_tables import rule_access_profiles
from services.catalog.store.tables import (
    directory_assignments,
    directory_groups,
    directory_memberships,
)

_ENTITLEMENT: BindParameter[str] = bindparam("entitlement", type_=Text())
_SUBJECT: BindParameter[str] = bindparam("subject", type_=Text())
_asked = entitlements.alias("asked")
_APP = (
    select(_asked.c.app_id)
    .where(_asked.c.entitlement_id == _ENTITLEMENT)
    .correlate(None)
    .scalar_subquery()
)
_OWNED = ([_ENTITLEMENT, _APP], [_APP])
_TARGETS = entitlement_targets.c.entitlement_id == _ENTITLEMENT
_KINDS = {
    # What of the fulfilment the subject holds.
    "HELD": [
        select(held.c.directory_entitlement_id, literal(""), literal(0), literal(0))
        .join(
            entitlement_targets,
            entitlement_targets.c.directory_entitlement_id == held.c.directory_entitlement_id,
        )
        .where(_TARGETS, person == _SUBJECT)
        for held, person in (
            (directory_memberships, directory_memberships.c.user_id),
            (directory_assignments, directory_assignments.c.principal_id),
        )
    ],
    # The groups of the fulfilment, with why they can't be written to.
    "GROUP": [
        select(
            directory_groups.c.directory_entitlement_id,
            directory_groups.c.unwritable_reason,
            literal(0),
            literal(0),
        )
        .join(
            entitlement_targets,
            entitlement_targets.c.directory_entitlement_id
            == directory_groups.c.directory_entitlement_id,
        )
        .where(_TARGETS)
    ],
    # The access profiles that the rules of the app name.
    "AUDIENCE": [
        select(rule_access_profiles.c.access_profile_id, literal(""), literal(0), literal(0)).where(
            rule_access_profiles.c.app_id == _APP
        )
    ],
    # Those that the subject may be in.
    "PROFILE": [
        rows.add_columns(literal(0), literal(0))
        for rows in profile_rows(rule_access_profiles.c.app_id == _APP, _SUBJECT)
    ],
    "OWNER": owner_rows(*_OWNED),
}
_FACTS = union_all(
    *(
        rows.add_columns(literal_column(f"'{kind}'").label("kind"))
        for kind, selects in _KINDS.items()
        for rows in selects
    )
)
_PEOPLE = union_all(
    *(rows.with_only_columns(*USER_COLUMNS) for rows in (*LINE, *owning_people(*_OWNED)))
)
# Beside a row about the entitlement itself. `around_of` reads them.
AROUND = (json_column(_PEOPLE).label("around_people"), json_column(_FACTS).label("around_facts"))
# Beside it too: what else the subject holds. `holdings_of` reads it.
HOLDINGS = holdings_columns(_SUBJECT)
Fact = tuple[str, str, int, int]


@dataclass(frozen=True, slots=True)
class Around:
    """What is around an entitlement. `people`: all that play a part, by their ids."""

    requester: User | None
    subject: User | None
    people: Mapping[str, User]
    facts: Mapping[str, Sequence[Fact]]

    @property
    def held(self) -> frozenset[str]:
        """What of the fulfilment the subject holds."""
        return frozenset(target_id for target_id, *_ in self.facts["HELD"])

    @property
    def groups(self) -> Mapping[str, UnwritableReason]:
        """The groups of the fulfilment that are in the directory."""
        return {target_id: UnwritableReason(why) for target_id, why, *_ in self.facts["GROUP"]}

    def is_in_audience(self, expressions: Expressions) -> bool:
        """Whether the subject is in one of the access profiles that the app's rules name."""
        if self.subject is None:
            return False
        rows = (fact[:2] for fact in self.facts["PROFILE"])
        found = profiles_of(self.subject, rows, expressions)
        return not found.isdisjoint(profile_id for profile_id, *_ in self.facts["AUDIENCE"])

    def owners_of(
        self, app_id: str, entitlement_id: str
    ) -> tuple[tuple[Owner, ...], tuple[Owner, ...]]:
        """Who answers for the app, and who for the entitlement."""
        given, in_entra = collected(
            sorted(self.facts["OWNER"], key=lambda fact: (fact[2], fact[1]))
        )
        of_app = AppOwners(given[app_id], in_entra[app_id])
        return of_app.counting, EntitlementOwners(given[entitlement_id], of_app).counting


def around_parameters(
    entitlement_id: str, requester_user_id: str, subject_user_id: str
) -> Mapping[str, str]:
    """What a statement with `AROUND` is to be asked with."""
    return {
        "entitlement": entitlement_id,
        "beside": requester_user_id,
        "subject": subject_user_id,
    }


def around_of(row: Row[Any], requester_user_id: str, subject_user_id: str) -> Around:
    """What is around an entitlement, of a row with `AROUND`."""
    people = {user.user_id: user for user in map(user_in_json, row.around_people or ())}
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for *fact, kind in row.around_facts or ():
        facts[kind].append(tuple(fact))
    return Around(people.get(requester_user_id), people.get(subject_user_id), people, facts)
