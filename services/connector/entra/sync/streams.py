"""The delta streams: what each asks for, and what a page of one says.

Of the same object a page may tell several times, in parts or again: the last word counts. What an
object is related to comes only as it changes: an item without `members@delta` says nothing of the
members, and one without `manager@delta` nothing of the manager. Of properties every one is there
that was ever set. Sources: Microsoft Learn, "Use delta query to track changes in Microsoft Graph
data" and "… for groups"; Microsoft REST API guidelines, change tracking.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.connector.domain.directory import (
    DirectoryKind,
    DirectoryPage,
    Group,
    Membership,
    Phase,
    ServicePrincipal,
    User,
)
from services.connector.entra import objects
from services.connector.entra.objects import Item

_USER = "id,displayName,userPrincipalName,mail,accountEnabled,jobTitle,department"
_GROUP = (
    "id,displayName,description,groupTypes,securityEnabled,mailEnabled,isAssignableToRole,"
    "onPremisesSyncEnabled"
)
_SERVICE_PRINCIPAL = (
    "id,appId,displayName,description,accountEnabled,appRoles,tags,appOwnerOrganizationId"
)
# What a page of the catalog takes, and about what a message takes: a person is as long as several
# memberships are, an app as its roles.
_MOST_WEIGHT = 5000
_USER_WEIGHT = 4
_GROUP_WEIGHT = 3
_APP_WEIGHT = 4

# Tells what a delta left out of people: for each item that is given, a whole one, or none where
# there is no such person any more.
Completion = Callable[[Sequence[Item]], Awaitable[Sequence[Item | None]]]
USER_SELECT = _USER


@dataclass(frozen=True, slots=True)
class Stream:
    """One delta function. `kinds` are all that a whole round of it tells of."""

    phase: Phase
    path: str
    select: str
    kinds: tuple[DirectoryKind, ...]
    permission: str


STREAMS = (
    Stream(
        Phase.USERS,
        "/users/delta",
        f"{_USER},manager",
        (DirectoryKind.USER,),
        "User.Read.All",
    ),
    Stream(
        Phase.GROUPS,
        "/groups/delta",
        f"{_GROUP},members",
        (DirectoryKind.GROUP, DirectoryKind.MEMBERSHIP),
        "GroupMember.Read.All",
    ),
    Stream(
        Phase.SERVICE_PRINCIPALS,
        "/servicePrincipals/delta",
        _SERVICE_PRINCIPAL,
        (DirectoryKind.APP,),
        "Application.Read.All",
    ),
)


@dataclass(slots=True)
class Found:
    """What a page of a stream says; None for what is gone."""

    users: dict[str, User | None]
    groups: dict[str, Group | None]
    members: dict[str, dict[str, bool]]
    apps: dict[str, ServicePrincipal | None]
    protected: list[str]

    @classmethod
    def nothing(cls) -> "Found":
        """Of an empty page."""
        return cls({}, {}, {}, {}, [])


async def found_in(
    phase: Phase,
    items: Sequence[Item],
    *,
    tracking: bool,
    complete: Completion,
    seen_apps: set[str] | None,
) -> Found:
    """What a page says. While `tracking`, what it leaves out is as it was before.

    `seen_apps` are those that the same round has told of, and takes up more; None when that is not
    known.
    """
    found = Found.nothing()
    match phase:
        case Phase.USERS:
            await _users(found, items, tracking=tracking, complete=complete)
        case Phase.GROUPS:
            _groups(found, items)
        case Phase.SERVICE_PRINCIPALS:
            _apps(found, items, seen_apps=None if tracking else seen_apps)
        case _:
            raise AssertionError("no delta stream")
    return found


async def _users(
    found: Found, items: Sequence[Item], *, tracking: bool, complete: Completion
) -> None:
    last: dict[str, Item] = {}
    for item in items:
        object_id = objects.object_id(item)
        known = last.get(object_id)
        # An object may come in parts.
        whole = known is None or objects.is_removed(item) or objects.is_removed(known)
        last[object_id] = item if whole or known is None else {**known, **item}
    partial = {
        object_id: item
        for object_id, item in last.items()
        if not objects.is_removed(item)
        and (objects.is_bare(item) or (tracking and not objects.tells_manager(item)))
    }
    completed: dict[str, Item | None] = {}
    if partial:
        completed = dict(zip(partial, await complete(tuple(partial.values())), strict=True))
    for object_id, item in last.items():
        if objects.is_removed(item):
            found.users[object_id] = None
        elif object_id not in completed:
            found.users[object_id] = objects.user(item)
        elif (whole_item := completed[object_id]) is not None:
            found.users[object_id] = objects.user(whole_item)


def _groups(found: Found, items: Iterable[Item]) -> None:
    for item in items:
        group_id = objects.object_id(item)
        if objects.is_removed(item):
            found.groups[group_id] = None
            found.members.pop(group_id, None)
            continue
        if not objects.is_bare(item):
            found.groups[group_id] = objects.group(item)
        if "members@delta" in item:
            found.members.setdefault(group_id, {}).update(objects.members(item))
    for group_id, group in found.groups.items():
        if group is None:
            found.members.pop(group_id, None)


def _apps(found: Found, items: Iterable[Item], *, seen_apps: set[str] | None) -> None:
    protected: dict[str, bool] = {}
    for item in items:
        object_id = objects.object_id(item)
        if objects.is_removed(item):
            found.apps[object_id] = None
            continue
        if objects.is_bare(item):
            continue
        app = objects.service_principal(item)
        protected[object_id] = app.is_protected
        if objects.is_in_scope(item):
            found.apps[object_id] = app
        elif seen_apps is None or object_id in seen_apps:
            found.apps[object_id] = None
        else:
            # The whole round does not see it as an app: with that it is gone.
            found.apps.pop(object_id, None)
    if seen_apps is not None:
        seen_apps.update(object_id for object_id, app in found.apps.items() if app is not None)
    found.protected.extend(object_id for object_id, yes in protected.items() if yes)


def pages_of(
    found: Found, phase: Phase, round: int, before: str, behind: str
) -> Iterator[DirectoryPage]:
    """What was found as pages for the catalog: one, unless it is too much for one.

    Only the last has the checkpoint `behind` it; until that is committed the page is read again.
    """
    parts = _Parts()
    for user_id, user in found.users.items():
        if user is None:
            parts.part().removed_users.append(user_id)
        else:
            parts.part(_USER_WEIGHT).users.append(user)
    for group_id, group in found.groups.items():
        if group is None:
            parts.part().removed_groups.append(group_id)
        else:
            parts.part(_GROUP_WEIGHT).groups.append(group)
    for group_id, members in found.members.items():
        for user_id, is_member in members.items():
            part = parts.part()
            kept = part.memberships if is_member else part.removed_memberships
            kept.append(Membership(group_id, user_id))
    for app_id, app in found.apps.items():
        if app is None:
            parts.part().removed_apps.append(app_id)
        else:
            parts.part(_APP_WEIGHT + 2 * len(app.app_roles)).apps.append(app)
    parts.all[-1].protected.extend(found.protected)
    for number, part in enumerate(parts.all, start=1):
        yield part.page(phase, behind if number == len(parts.all) else before, round)


class _Part:
    """A page that is being filled."""

    __slots__ = (
        "apps",
        "groups",
        "memberships",
        "protected",
        "removed_apps",
        "removed_groups",
        "removed_memberships",
        "removed_users",
        "users",
        "weight",
    )

    def __init__(self) -> None:
        self.weight = 0
        self.users: list[User] = []
        self.groups: list[Group] = []
        self.memberships: list[Membership] = []
        self.apps: list[ServicePrincipal] = []
        self.removed_users: list[str] = []
        self.removed_groups: list[str] = []
        self.removed_memberships: list[Membership] = []
        self.removed_apps: list[str] = []
        self.protected: list[str] = []

    def page(self, phase: Phase, checkpoint: str, round: int) -> DirectoryPage:
        return DirectoryPage(
            phase,
            checkpoint,
            round,
            users=self.users,
            groups=self.groups,
            memberships=self.memberships,
            service_principals=self.apps,
            removed_user_ids=self.removed_users,
            removed_group_ids=self.removed_groups,
            removed_memberships=self.removed_memberships,
            removed_service_principal_ids=self.removed_apps,
            protected_ids=self.protected,
        )


class _Parts:
    def __init__(self) -> None:
        self.all = [_Part()]

    def part(self, weight: int = 1) -> _Part:
        """The part that something of this weight goes into."""
        current = self.all[-1]
        if current.weight and current.weight + weight > _MOST_WEIGHT:
            current = _Part()
            self.all.append(current)
        current.weight += weight
        return current
