"""Taking everything from an app that managing it and later choices gave it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.catalog.domain import errors, in_use
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, EntitlementState
from services.catalog.domain.owner import require_no_owners
from services.catalog.domain.settings import UnmanagedAccessAction
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.use import Use, leases_and_requests


@dataclass(frozen=True, slots=True)
class Unmanaging:
    """An app before and after, with the entitlements that go."""

    before: App
    app: App
    removed: tuple[Entitlement, ...]

    @property
    def removed_ids(self) -> tuple[str, ...]:
        """The ids of the entitlements that go."""
        return tuple(each.entitlement_id for each in self.removed)

    def require_unused(self, uses: Iterable[Use]) -> None:
        """Does nothing while there are none of these uses.

        Raises:
            WrongState: APP_IN_USE.
        """
        leases, requests = leases_and_requests(uses)
        if leases or requests:
            raise in_use.app_in_use(self.app.app_id, leases, requests)


def unmanage(
    app: App,
    etag: str,
    offered: Collection[ShownEntitlement],
    owned: Mapping[str, Iterable[str]],
    now: datetime,
) -> Unmanaging:
    """The app as one that is not managed. An empty `etag` takes it as it is.

    `offered` are all of its entitlements, `owned` is what whoever holds them answers for. A lock is
    lifted before: what is locked is also kept from being made anew without it. The lock of an
    entitlement that is gone from the directory can't be lifted, and keeps nothing.

    Roles that it declares have the same ids when it is managed again: the app goes past their
    versions, and they begin at its own then, so that no version of an id comes twice. What was to
    become of access from outside is forgotten: whoever manages it again may not know of it.

    Raises:
        WrongState: APP_NOT_MANAGED, ENTITLEMENT_LOCKED, ENTITLEMENT_IS_OWNER.
        Conflict: ETAG_MISMATCH.
    """
    app.require_managed()
    app.require_etag(etag)
    for each in offered:
        if each.entitlement.override.locked and each.state is EntitlementState.ACTIVE:
            raise errors.removes_locked(
                each.entitlement.entitlement_id, each.entitlement.display_name
            )
    removed = tuple(each.entitlement for each in offered)
    require_no_owners(owned, {app.app_id, *(each.entitlement_id for each in removed)})
    version = max([app.version, *(each.version for each in removed)]) + 1
    after = replace(
        app,
        manage_time=None,
        unmanage_time=now,
        unmanaged_access_action=UnmanagedAccessAction.UNSPECIFIED,
        unmanaged_access_action_time=None,
        version=version,
    )
    return Unmanaging(app, after, removed)
