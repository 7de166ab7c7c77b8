"""What the catalog says about an entitlement that somebody asks for."""

from dataclasses import dataclass
from datetime import timedelta

from services.requests.domain import errors
from services.requests.domain.target import Target


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """A person, as far as a policy's conditions may look at them."""

    user_id: str
    display_name: str
    department: str = ""
    job_title: str = ""
    manager_user_id: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """An entitlement that this requester may ask for, for this subject.

    `resource_kind` is "CREDENTIAL" or "ROLE"; an empty `policy_id` stands for the deployment's
    default; no `max_duration` means that there is no limit.
    """

    entitlement_id: str
    entitlement_display_name: str
    resource_kind: str
    app_id: str
    app_display_name: str
    targets: tuple[Target, ...]
    requester: DirectoryPerson
    subject: DirectoryPerson
    policy_id: str = ""
    max_duration: timedelta | None = None

    def duration(self, requested: timedelta | None) -> timedelta | None:
        """How long a lease lasts that was asked for so; none for one without an end.

        Raises:
            Invalid: DURATION_TOO_LONG.
        """
        if requested is None:
            return self.max_duration
        if self.max_duration is not None and requested > self.max_duration:
            raise errors.duration_too_long(self.max_duration)
        return requested
