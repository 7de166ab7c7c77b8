"""An app with who answers for it, and what is said of it here."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from services.catalog.domain.app import App
from services.catalog.domain.owner import AppOwners, Owner
from services.catalog.domain.settings import UnmanagedAccessAction


@dataclass(frozen=True, slots=True)
class AppDetails:
    """What is said of an app here; empty and none: nothing."""

    description: str = ""
    instructions: str = ""
    owners: tuple[Owner, ...] = ()
    policy_id: str = ""
    max_duration: timedelta | None = None
    unmanaged_access_action: UnmanagedAccessAction = UnmanagedAccessAction.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class ShownApp:
    """An app with who answers for it."""

    app: App
    owners: AppOwners = field(default_factory=AppOwners)

    @property
    def details(self) -> AppDetails:
        """What is said of it here."""
        return AppDetails(
            self.app.own_description,
            self.app.instructions,
            self.owners.given,
            self.app.policy_id,
            self.app.max_duration,
            self.app.unmanaged_access_action,
        )

    def updated(
        self, wanted: AppDetails, names: Collection[str], etag: str, now: datetime
    ) -> "ShownApp":
        """The app with these details as wanted. An empty `etag` takes it as it is.

        Raises:
            WrongState: APP_NOT_MANAGED, APP_REMOVED.
            Conflict: ETAG_MISMATCH.
        """
        after = self.app.changed()
        self.app.require_etag(etag)
        details = replace(self.details, **{name: getattr(wanted, name) for name in names})
        action, since = details.unmanaged_access_action, self.app.unmanaged_access_action_time
        if action is not self.app.unmanaged_access_action:
            since = None if action is UnmanagedAccessAction.UNSPECIFIED else now
        return ShownApp(
            replace(
                after,
                own_description=details.description,
                instructions=details.instructions,
                policy_id=details.policy_id,
                max_duration=details.max_duration,
                unmanaged_access_action=action,
                unmanaged_access_action_time=since,
            ),
            replace(self.owners, given=details.owners),
        )

    def differs(self, before: "ShownApp") -> tuple[str, ...]:
        """Which details are others than before."""
        return tuple(
            each.name
            for each in fields(AppDetails)
            if getattr(self.details, each.name) != getattr(before.details, each.name)
        )
