"""An entitlement with where it stands and who answers for it, and what of it can be changed."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace

from libs.domain.errors import Conflict, Invalid
from services.catalog.domain import errors
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, EntitlementState, ResourceKind
from services.catalog.domain.owner import EntitlementOwners, Owner
from services.catalog.domain.settings import NO_OVERRIDE, EntitlementOverride

ROLE_FIELD = "entitlement.entra_app_role_id"


@dataclass(frozen=True, slots=True)
class EntitlementDetails:
    """What of an entitlement an administrator can change."""

    display_name: str = ""
    description: str = ""
    override: EntitlementOverride = NO_OVERRIDE
    owners: tuple[Owner, ...] = ()
    entra_app_role_id: str = ""


@dataclass(frozen=True, slots=True)
class ShownEntitlement:
    """An entitlement with who answers for it.

    `removal_reason`: what of it is gone, in words; empty for nothing. `unwritable_reason`: why
    nobody can be given it though all of it is there, in words; empty where they can.
    """

    entitlement: Entitlement
    owners: EntitlementOwners = field(default_factory=EntitlementOwners)
    removal_reason: str = ""
    unwritable_reason: str = ""

    @property
    def unprovisionable_reason(self) -> str:
        """Why nobody can be given it, in words; empty where they can."""
        return self.removal_reason or self.unwritable_reason

    @property
    def state(self) -> EntitlementState:
        """Where it stands."""
        return EntitlementState.REMOVED if self.removal_reason else EntitlementState.ACTIVE

    @property
    def details(self) -> EntitlementDetails:
        """What of it can be changed."""
        of = self.entitlement
        return EntitlementDetails(
            of.display_name, of.description, of.override, self.owners.given, of.entra_app_role_id
        )

    def updated(
        self,
        app: App,
        groups: Collection[str],
        wanted: EntitlementDetails,
        paths: Collection[str],
        etag: str,
    ) -> "ShownEntitlement":
        """The entitlement, of this app, with these details as wanted; `override.…` name parts.

        `groups`: of its fulfilment those in the directory, by directory entitlement. An empty
        `etag` takes it as it is.

        Raises:
            WrongState: APP_REMOVED, ENTITLEMENT_LOCKED; ENTITLEMENT_REMOVED, unless the role of
                access is gone and another takes its place.
            Conflict: ETAG_MISMATCH.
            Invalid: APP_ROLE_REQUIRED; a path is not of this kind of entitlement.
        """
        before = self.entitlement
        if app.removed:
            raise errors.app_removed(app.app_id)
        if etag and etag != str(before.version):
            raise Conflict.stale_etag(before.entitlement_id)
        self._require_own(paths)
        details = self._merged(wanted, paths)
        after = before
        if "entra_app_role_id" in paths:
            role = app.access_role(wanted.entra_app_role_id, ROLE_FIELD)
            after = before.standing_for(app.role_target(role))
        if problem := after.removal_reason(app_removed=False, groups=groups):
            raise errors.entitlement_removed(before.entitlement_id, problem)
        stays_locked = before.override.locked and details.override.locked
        if stays_locked and details.override != before.override:
            raise errors.entitlement_locked(before.entitlement_id)
        after = replace(
            after,
            display_name=details.display_name,
            description=details.description,
            override=details.override,
            version=before.version + 1,
        )
        return replace(
            self,
            entitlement=after,
            owners=replace(self.owners, given=details.owners),
            removal_reason="",
        )

    def _require_own(self, paths: Collection[str]) -> None:
        kind = self.entitlement.resource_kind
        if "display_name" in paths and kind is not ResourceKind.ROLE:
            raise Invalid.field(
                "update_mask", "names display_name, which is changed of virtual roles only"
            )
        if "entra_app_role_id" in paths and kind is not ResourceKind.CREDENTIAL:
            raise Invalid.field(
                "update_mask", "names entra_app_role_id, which is changed of access only"
            )

    def _merged(self, wanted: EntitlementDetails, paths: Collection[str]) -> EntitlementDetails:
        whole = {path for path in paths if "." not in path}
        parts = {path.partition(".")[2] for path in paths if "." in path}
        details = replace(self.details, **{name: getattr(wanted, name) for name in whole})
        return replace(
            details,
            override=replace(
                details.override, **{name: getattr(wanted.override, name) for name in parts}
            ),
        )

    def differs(self, before: "ShownEntitlement") -> tuple[str, ...]:
        """Which details are others than before."""
        return tuple(
            each.name
            for each in fields(EntitlementDetails)
            if getattr(self.details, each.name) != getattr(before.details, each.name)
        )
