"""What policy is told when it is asked, and what is kept of it with the decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.requests.domain.resolution import DirectoryPerson, Holding, Resolution


@dataclass(frozen=True, slots=True)
class Inputs:
    """The facts of one evaluation. `requested_duration` none means without an end."""

    subject: DirectoryPerson
    requester: DirectoryPerson
    entitlement_id: str
    entitlement_display_name: str
    resource_kind: str
    app_id: str
    app_display_name: str
    requested_duration: timedelta | None
    emergency: bool
    now: datetime
    held: tuple[Holding, ...] = ()
    manager_user_ids: tuple[str, ...] = ()
    app_owner_user_ids: tuple[str, ...] = ()
    entitlement_owner_user_ids: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        resolution: Resolution,
        *,
        duration: timedelta | None,
        emergency: bool,
        now: datetime,
    ) -> "Inputs":
        """What the catalog knows, and what was asked for."""
        return cls(
            subject=resolution.subject,
            requester=resolution.requester,
            entitlement_id=resolution.entitlement_id,
            entitlement_display_name=resolution.entitlement_display_name,
            resource_kind=resolution.resource_kind,
            app_id=resolution.app_id,
            app_display_name=resolution.app_display_name,
            requested_duration=duration,
            emergency=emergency,
            now=now,
            held=resolution.held,
            manager_user_ids=tuple(each.user_id for each in resolution.managers),
            app_owner_user_ids=tuple(each.user_id for each in resolution.app_owners),
            entitlement_owner_user_ids=tuple(
                each.user_id for each in resolution.entitlement_owners
            ),
        )
