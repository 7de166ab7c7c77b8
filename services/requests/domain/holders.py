"""Who holds what of an app, put together from what the directory and the leases say."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain import ids
from services.requests.domain.lease import Lease
from services.requests.domain.person import PersonRef
from services.requests.domain.target import GroupMembership

# So many ways of having something are named; there are hardly ever more than two.
_MOST_WAYS = 10


@dataclass(frozen=True, slots=True)
class HeldThing:
    """One thing that somebody holds in the directory, as a part of an entitlement.

    `group_id`: the group through which they do. `unmanaged`: it is their own, and no lease of any
    entitlement can have brought it; `seen` is when that was noted. `since`: since when they hold
    it, as far as syncs saw.
    """

    subject: PersonRef
    entitlement_id: str
    entitlement_display_name: str
    directory_entitlement_id: str
    directory_display_name: str
    group_id: str = ""
    group_display_name: str = ""
    unmanaged: bool = False
    since: datetime | None = None
    seen: datetime | None = None

    @property
    def way(self) -> str:
        """What it is, for people to read."""
        through = self.group_display_name or self.group_id
        named = self.directory_display_name or self.directory_entitlement_id
        return f"{named}, through the group {through}" if through else named


@dataclass(frozen=True, slots=True)
class LeasedThing:
    """A lease that is not over, with what its entitlement was called when it was asked for."""

    lease: Lease
    entitlement_display_name: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody's access by one entitlement.

    `lease_id`: their lease of it, if there is one; `ways`: what they hold of it otherwise.
    """

    subject: PersonRef
    entitlement_id: str
    entitlement_display_name: str
    lease_id: str = ""
    ways: tuple[str, ...] = ()


def holders_of(
    held: Iterable[HeldThing], leased: Sequence[LeasedThing], entitlement_id: str = ""
) -> list[Holder]:
    """Everybody who holds an entitlement, or any of the app, once for each; by its name and theirs.

    What is held only since a lease of another entitlement brings it along is that one's. So is what
    a lease that has just ended leaves: it is on its way out.
    """
    leases = [each.lease for each in leased]
    brought, groups = _brought(leases)
    found: dict[tuple[str, str], Holder] = {}
    # Of two, which only one that failed can be beside another, the one that is live counts.
    for each in sorted(leased, key=lambda it: (it.lease.live, it.lease.lease_id)):
        lease = each.lease
        if entitlement_id in ("", lease.entitlement_id):
            found[lease.subject.user_id, lease.entitlement_id] = Holder(
                lease.subject,
                lease.entitlement_id,
                each.entitlement_display_name,
                lease.lease_id,
            )
    for thing in held:
        user_id = thing.subject.user_id
        key = user_id, thing.entitlement_id
        by_lease = (
            thing.group_id in groups[user_id]
            if thing.group_id
            else not thing.unmanaged or thing.directory_entitlement_id in brought[user_id]
        )
        known = found.get(key)
        if known is None and by_lease:
            continue
        name = thing.entitlement_display_name
        known = known or Holder(thing.subject, thing.entitlement_id, name)
        if not by_lease and len(known.ways) < _MOST_WAYS and thing.way not in known.ways:
            known = replace(known, ways=(*known.ways, thing.way))
        # What the directory calls them, and it, is newer.
        found[key] = replace(
            known,
            entitlement_display_name=name or known.entitlement_display_name,
        )
    return sorted(found.values(), key=_order)


def _order(holder: Holder) -> tuple[str, str, str, str]:
    name, person = holder.entitlement_display_name, holder.subject.display_name
    return name.casefold(), holder.entitlement_id, person.casefold(), holder.subject.user_id


def _brought(
    leases: Collection[Lease],
) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """By people, what leases bring them, and which groups those put them into."""
    brought: defaultdict[str, set[str]] = defaultdict(set)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for lease in leases:
        who = lease.subject
        for target in lease.targets:
            brought[who.user_id].add(target.directory_entitlement_id)
            if isinstance(target.kind, GroupMembership):
                groups[who.user_id].add(
                    ids.group_id(who.entra_tenant_id, target.kind.entra_group_id)
                )
    return brought, groups
