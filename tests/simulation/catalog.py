"""The catalog of a company as its two neighbours see it: a model of the service in memory.

What its syncs saw in Entra is `mirror`; it is as old as the last of them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from libs.domain.errors import NotFound, Unavailable, WrongState
from services.connector.domain.lease import Confirmation, ConfirmedTarget
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal
from services.connector.domain.target import Target as ConnectorTarget
from services.requests.domain.gone import Gone
from services.requests.domain.holders import HeldThing
from services.requests.domain.offered import Offered
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.resolution import DirectoryPerson, EmergencyTerms, Resolution
from services.requests.domain.steps import (
    AppOwners,
    Approvers,
    EntitlementOwners,
    GroupMembers,
    Manager,
    People,
)
from services.requests.domain.target import Target
from services.requests.translate.common import target_to_proto
from tests.simulation.entra import Kind, Tenant


@dataclass(frozen=True)
class Offer:
    """An entitlement that can be asked for."""

    entitlement_id: str
    name: str
    app_id: str
    targets: tuple[Target, ...]
    policy_id: str = ""
    max_duration: timedelta | None = None
    emergency: EmergencyTerms | None = None


def kind_of(target: Target) -> Kind:
    """What a target names, in the connector's words."""
    message = target_to_proto(target)
    if message.WhichOneof("kind") == "group_membership":
        return GroupMembership(message.group_membership.entra_group_id)
    role = message.app_role_assignment
    return AppRoleGrant(role.entra_service_principal_id, role.entra_app_role_id)


@dataclass
class CompanyCatalog:
    """The port `Catalog` of requests, and what the connector asks of its own."""

    offers: dict[str, Offer] = field(default_factory=dict)
    people: dict[str, PersonRef] = field(default_factory=dict)
    line: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    mirror: set[tuple[str, str]] = field(default_factory=set)
    sync_id: str = ""
    away: bool = False

    def sync(self, tenant: Tenant, sync_id: str) -> None:
        """What Entra holds now is in the mirror."""
        self.sync_id = sync_id
        by_object = {ref.entra_object_id: user_id for user_id, ref in self.people.items()}
        ids = {
            kind_of(target): target.directory_entitlement_id
            for offer in self.offers.values()
            for target in offer.targets
        }
        held: list[tuple[str, Kind]] = [
            (person, GroupMembership(group)) for group, person in tenant.members
        ]
        held += [(person, AppRoleGrant(app, role)) for person, app, role in _roles(tenant)]
        self.mirror = {
            (by_object[person], ids[kind])
            for person, kind in held
            if person in by_object and kind in ids
        }

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        self._check_here()
        offer = self._offer(entitlement_id)
        for each in (requester_user_id, subject_user_id):
            if each in self.gone:
                raise WrongState("PERSON_DISABLED", f"{each} is disabled.", user_id=each)
        subject = self.people[subject_user_id]
        return Resolution(
            entitlement_id=entitlement_id,
            entitlement_display_name=offer.name,
            resource_kind="ROLE",
            app_id=offer.app_id,
            app_display_name=offer.app_id,
            targets=offer.targets,
            requester=DirectoryPerson(
                requester_user_id, self.people[requester_user_id].display_name
            ),
            subject=DirectoryPerson(subject_user_id, subject.display_name),
            subject_ref=subject,
            policy_id=offer.policy_id,
            max_duration=offer.max_duration,
            emergency=offer.emergency,
            held_ids=tuple(
                each.directory_entitlement_id
                for each in offer.targets
                if (subject_user_id, each.directory_entitlement_id) in self.mirror
            ),
            managers=self._refs(self.line.get(subject_user_id, ())),
            app_owners=self._refs(self.owners.get(offer.app_id, ())),
            approvers={
                source: self._resolved(offer.app_id, subject_user_id, source)
                for source in (Manager(), AppOwners(), EntitlementOwners())
            },
        )

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        self._check_here()
        app_id = self._offer(entitlement_id).app_id
        return tuple(self._resolved(app_id, subject_user_id, each) for each in sources)

    async def managers(self, user_id: str) -> list[str]:
        self._check_here()
        return self.line.get(user_id, [])

    async def person_gone(self, user_id: str) -> Gone | None:
        self._check_here()
        return self.gone.get(user_id)

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        self._check_here()
        return None if user_id in self.gone else self.people.get(user_id)

    async def an_entitlement(self, app_id: str, entitlement_id: str = "") -> str:
        self._check_here()
        for offer in self.offers.values():
            if offer.app_id == app_id and entitlement_id in ("", offer.entitlement_id):
                return offer.entitlement_id
        raise NotFound("ENTITLEMENT_NOT_FOUND", "There is no such entitlement.")

    def held(
        self,
        app_id: str = "",
        entitlement_id: str = "",
        *,
        user_id: str = "",
        unmanaged: bool = False,
    ) -> AsyncIterator[Sequence[HeldThing]]:
        raise AssertionError("nobody reviews access here")

    async def offered(self, entitlement_id: str) -> Offered:
        self._check_here()
        offer = self._offer(entitlement_id)
        about = (offer.name, "ROLE", offer.app_id, offer.app_id, offer.targets)
        return Offered(entitlement_id, *about)

    async def apps_that_act(self) -> list[str]:
        return []

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        self._check_here()
        return None

    async def check_held(
        self, connection_id: str, expected: Sequence[ExpectedAssignment]
    ) -> tuple[str, frozenset[str]]:
        self._check_here()
        return self.sync_id, frozenset(
            each.assignment_id
            for each in expected
            if (each.user_id, each.directory_entitlement_id) not in self.mirror
            and each.user_id not in self.gone
        )

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[ConnectorTarget]
    ) -> Confirmation:
        self._check_here()
        listed = {
            target.directory_entitlement_id: target for target in self._listed(entitlement_id)
        }
        person = self.people[user_id]
        return Confirmation(
            Principal(user_id, person.entra_tenant_id, person.entra_object_id),
            tuple(
                ConfirmedTarget(
                    listed.get(target.directory_entitlement_id),
                    (user_id, target.directory_entitlement_id) in self.mirror,
                    "" if target.directory_entitlement_id in listed else "not listed",
                )
                for target in targets
            ),
        )

    def _listed(self, entitlement_id: str) -> list[ConnectorTarget]:
        return [
            ConnectorTarget(
                target.directory_entitlement_id,
                target.connection_id,
                target.display_name,
                kind_of(target),
            )
            for target in self._offer(entitlement_id).targets
        ]

    def _resolved(self, app_id: str, subject_user_id: str, source: Approvers) -> Resolved:
        named: Sequence[str] = ()
        match source:
            case People(user_ids):
                named = user_ids
            case Manager(level):
                named = self.line.get(subject_user_id, [])[level - 1 : level]
            case AppOwners() | EntitlementOwners():
                named = self.owners.get(app_id, ())
            case GroupMembers():
                raise AssertionError("no group decides here")
        found = self._refs(named)
        return Resolved(found, "" if found and len(found) == len(named) else "some are gone")

    def _refs(self, user_ids: Sequence[str]) -> tuple[PersonRef, ...]:
        return tuple(self.people[each] for each in user_ids if each not in self.gone)

    def _offer(self, entitlement_id: str) -> Offer:
        if entitlement_id not in self.offers:
            raise NotFound("ENTITLEMENT_NOT_FOUND", "There is no such entitlement.")
        return self.offers[entitlement_id]

    def _check_here(self) -> None:
        if self.away:
            raise Unavailable("the catalog service", "unavailable")


def _roles(tenant: Tenant) -> list[tuple[str, str, str]]:
    assigned: Mapping[str, tuple[str, str, str]] = tenant.assignments
    return [*assigned.values()]
