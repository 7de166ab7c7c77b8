"""An entitlement as its app offers it, whoever may ask for it."""

from dataclasses import dataclass
from datetime import datetime

from services.requests.domain.gone import Gone
from services.requests.domain.person import PersonRef
from services.requests.domain.resolution import DirectoryPerson, Resolution
from services.requests.domain.takeover import UnmanagedAction
from services.requests.domain.target import Target


@dataclass(frozen=True, slots=True)
class Offered:
    """An entitlement. `targets` are all that it stands for.

    `gone`: why nobody can have it any more. `unprovisionable_reason`: why the connector can give it
    to nobody, nor take it. `action`: what becomes of access from outside, since `action_time`.
    """

    entitlement_id: str
    display_name: str
    resource_kind: str
    app_id: str
    app_display_name: str
    targets: tuple[Target, ...]
    gone: Gone | None = None
    unprovisionable_reason: str = ""
    action: UnmanagedAction = UnmanagedAction.REPORT
    action_time: datetime | None = None

    @property
    def acts_since(self) -> datetime | None:
        """Since when its app has more done to access from outside than to report it, if it does."""
        return None if self.action is UnmanagedAction.REPORT else self.action_time

    @property
    def left_alone(self) -> str:
        """Why nothing of it can become ours, nor be removed; empty where it can."""
        return self.gone.reason if self.gone is not None else self.unprovisionable_reason

    def held_by(self, subject: PersonRef, held_ids: tuple[str, ...]) -> Resolution:
        """What somebody holds of it, whether or not they may ask for it."""
        who = DirectoryPerson(subject.user_id, subject.display_name)
        return Resolution(
            entitlement_id=self.entitlement_id,
            entitlement_display_name=self.display_name,
            resource_kind=self.resource_kind,
            app_id=self.app_id,
            app_display_name=self.app_display_name,
            targets=tuple(
                each for each in self.targets if each.directory_entitlement_id in held_ids
            ),
            requester=who,
            subject=who,
            subject_ref=subject,
            held_ids=held_ids,
        )
