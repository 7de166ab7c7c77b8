"""Who is who in the model of `ways_model`, and for whom the words of a policy stand."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.requests.domain.steps import AppOwners, Approvers, GroupMembers, Manager, People, Step


@dataclass
class Town:
    """What is so at present: who is who, and whether the other services answer."""

    now: datetime
    enabled: set[str]
    managers: dict[str, list[str]]
    owners: set[str]
    group: set[str]
    admins: frozenset[str]
    auditors: frozenset[str]
    helpdesk: frozenset[str]
    places: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    policies: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    limit: timedelta | None = timedelta(hours=8)
    emergency_limit: timedelta = timedelta(hours=2)
    policy_away: bool = False
    catalog_away: bool = False
    gone: bool = False
    ready: bool = False

    def stand_for(self, source: Approvers, subject: str) -> frozenset[str]:
        """The enabled people for whom a source stands."""
        named: Iterable[str] = ()
        match source:
            case People(user_ids):
                named = user_ids
            case Manager(level):
                named = self.managers.get(subject, [])[level - 1 : level]
            case AppOwners():
                named = self.owners
            case GroupMembers():
                named = self.group
        return frozenset(named) & self.enabled

    def delegators(self, who: str) -> list[str]:
        """In whose places somebody decides."""
        return sorted(of for of, (to, end) in self.places.items() if to == who and self.now < end)
