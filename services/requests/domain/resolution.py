"""What the catalog says about an entitlement that somebody asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.requests.domain import errors
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.steps import Approvers
from services.requests.domain.target import Target


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """A person, as far as a policy's conditions may look at them. What is empty is not known."""

    user_id: str
    display_name: str
    department: str = ""
    job_title: str = ""
    manager_user_id: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """An entitlement that the subject holds."""

    entitlement_id: str
    display_name: str
    app_id: str


@dataclass(frozen=True, slots=True)
class EmergencyTerms:
    """How an entitlement is asked for in an emergency."""

    policy_id: str
    max_duration: timedelta | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """An entitlement that may be asked for, for this subject.

    `resource_kind` is "CREDENTIAL", "ROLE" or "APP_ROLE"; an empty `policy_id` stands for the
    deployment's default; no `max_duration` means that there is no limit; without `emergency` it
    can't be asked for in one. `managers` are the subject's, theirs first. `held_ids`: which of the
    targets the subject holds already, as directory entitlements. `approvers`: whom some sources
    stand for, which need not be asked for then.
    """

    entitlement_id: str
    entitlement_display_name: str
    resource_kind: str
    app_id: str
    app_display_name: str
    targets: tuple[Target, ...]
    requester: DirectoryPerson
    subject: DirectoryPerson
    subject_ref: PersonRef
    policy_id: str = ""
    max_duration: timedelta | None = None
    emergency: EmergencyTerms | None = None
    managers: tuple[PersonRef, ...] = ()
    app_owners: tuple[PersonRef, ...] = ()
    entitlement_owners: tuple[PersonRef, ...] = ()
    held: tuple[Holding, ...] = ()
    instructions: str = ""
    held_ids: tuple[str, ...] = ()
    approvers: Mapping[Approvers, Resolved] = field(default_factory=dict)

    def policy(self, *, emergency: bool) -> str:
        """Which policy decides.

        Raises:
            WrongState: EMERGENCY_NOT_ENABLED.
        """
        return self._emergency().policy_id if emergency else self.policy_id

    def duration(
        self,
        requested: timedelta | None,
        *,
        emergency: bool = False,
        field: str = "requested_duration",
    ) -> timedelta | None:
        """How long a lease lasts that was asked for so; none for one without an end.

        `field`: where the caller can say it shorter.

        Raises:
            Invalid: DURATION_TOO_LONG.
            WrongState: EMERGENCY_NOT_ENABLED.
        """
        most = self._emergency().max_duration if emergency else self.max_duration
        if requested is None:
            return most
        if most is not None and requested > most:
            raise errors.duration_too_long(most, field)
        return requested

    def _emergency(self) -> EmergencyTerms:
        if self.emergency is None:
            raise errors.emergency_not_enabled(self.entitlement_id)
        return self.emergency
