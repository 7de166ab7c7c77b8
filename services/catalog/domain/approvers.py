"""Whom the sources of approvers stand for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.catalog.domain.directory import User
from services.catalog.domain.managers import line_of
from services.catalog.domain.owner import MOST_PEOPLE, Owner

# A group with more direct members stands for nobody.
MOST_APPROVERS = 500
# So many levels of managers are told unasked: most policies ask for no more.
_KNOWN_LEVELS = 2


@dataclass(frozen=True, slots=True)
class People:
    """These people."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manager:
    """Somebody above the subject: at level 1 their manager, at 2 that one's."""

    level: int


@dataclass(frozen=True, slots=True)
class OwnersOfApp:
    """Who answers for the app."""


@dataclass(frozen=True, slots=True)
class OwnersOfEntitlement:
    """Who answers for the entitlement."""


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """The direct members of a group."""

    group_id: str


Source = People | Manager | OwnersOfApp | OwnersOfEntitlement | GroupMembers


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group, with its direct members while they are no more than `MOST_APPROVERS`."""

    display_name: str
    entra_tenant_id: str
    user_ids: tuple[str, ...] = ()
    too_many: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the store knows of an app, an entitlement of it, a person, and of what sources name.

    `people`: all who may play a part, by their ids. `holders`: of entitlements that are owners, by
    theirs, enabled. Where neither an entitlement nor a person was asked for, they have none.
    """

    app_tenant_id: str
    subject: User | None = None
    people: Mapping[str, User] = field(default_factory=dict)
    app_owners: Sequence[Owner] = ()
    entitlement_owners: Sequence[Owner] = ()
    holders: Mapping[str, Sequence[User]] = field(default_factory=dict)
    groups: Mapping[str, FoundGroup] = field(default_factory=dict)

    @property
    def entra_tenant_id(self) -> str:
        """Of which tenant approvers are: the subject's."""
        return self.app_tenant_id if self.subject is None else self.subject.entra_tenant_id

    @property
    def managers(self) -> tuple[User, ...]:
        """The subject's, theirs first."""
        return () if self.subject is None else line_of(self.subject, self.people)

    def standing_for(self, owners: Sequence[Owner]) -> tuple[User, ...]:
        """The enabled people whom owners stand for."""
        return _people_of(owners, self.people, self.holders)

    def can_approve(self, user: User) -> bool:
        """Whether a person may approve at all: they are enabled, and of the tenant."""
        return user.account_enabled and user.entra_tenant_id == self.entra_tenant_id


@dataclass(frozen=True, slots=True)
class Approvers:
    """Whom a source stands for: enabled people of the tenant, by name, each once.

    `problem`: why there are none, or fewer than were named, in words; empty where there is nothing
    to say.
    """

    people: tuple[User, ...] = ()
    problem: str = ""


def approvers_of(source: Source, around: Surroundings) -> Approvers:
    """Whom a source stands for."""
    match source:
        case People(user_ids):
            return _people(user_ids, around)
        case Manager(level):
            return _manager(level, around)
        case OwnersOfApp():
            return _owners("the app", around.app_owners, around)
        case OwnersOfEntitlement():
            return _owners("the entitlement", around.entitlement_owners, around)
        case GroupMembers(group_id):
            return _members(group_id, around)


def known_approvers(around: Surroundings) -> Mapping[Source, Approvers]:
    """Whom those sources stand for that name nobody, and so need nobody to be looked up: the levels
    of managers that policies ask for, up to the first that there is not, and owners who are people.

    Who holds an entitlement that is an owner was looked up at another moment than everything else.
    """
    levels = range(1, min(len(around.managers) + 1, _KNOWN_LEVELS) + 1)
    sources: list[Source] = [Manager(level) for level in levels]
    owners = (
        (OwnersOfApp(), around.app_owners),
        (OwnersOfEntitlement(), around.entitlement_owners),
    )
    sources += (source for source, counting in owners if all(each.is_person for each in counting))
    return {source: approvers_of(source, around) for source in sources}


def has_manager(level: int, around: Surroundings) -> bool:
    """Whether somebody at a level above the subject may approve."""
    line = around.managers
    return len(line) >= level and around.can_approve(line[level - 1])


def _people(user_ids: Sequence[str], around: Surroundings) -> Approvers:
    found = [around.people[each] for each in user_ids if each in around.people]
    return Approvers(_by_name(found, around), _missing(user_ids, around))


def _manager(level: int, around: Surroundings) -> Approvers:
    subject = around.subject
    if subject is None:
        return Approvers(problem="nobody is named whose manager it is")
    line = around.managers
    if len(line) >= level:
        above = line[level - 1]
        return _people((above.user_id,), around)
    last = (subject, *line)[-1]
    missing = last.manager_user_id
    why = f"{_named(last)} has no manager"
    if missing and missing not in around.people:
        why = f"the manager of {_named(last)} is not in the directory"
    elif missing:
        why = f"the line of managers comes round at {_named(last)}"
    if line:
        why = f"{_named(subject)} has no manager at level {level}: {why}"
    return Approvers(problem=why)


def _owners(of: str, counting: Sequence[Owner], around: Surroundings) -> Approvers:
    if not counting:
        return Approvers(problem=f"{of} has no owners")
    tenant_id = around.entra_tenant_id
    people = {key: user for key, user in around.people.items() if user.entra_tenant_id == tenant_id}
    holders = {
        key: [user for user in users if user.entra_tenant_id == tenant_id]
        for key, users in around.holders.items()
    }
    found = _by_name(_people_of(counting, people, holders), around)
    missing = [_missing([each.owner_id for each in counting if each.is_person], around)]
    missing += [
        f"no enabled person holds {each.owner_id}"
        for each in counting
        if not each.is_person and not holders.get(each.owner_id)
    ]
    why = "; ".join(each for each in missing if each)
    return Approvers(found, why if found else f"no owner of {of} can approve: {why}")


def _people_of(
    counting: Sequence[Owner], people: Mapping[str, User], holders: Mapping[str, Sequence[User]]
) -> tuple[User, ...]:
    """The enabled people whom owners stand for, 100 at most: those named, then who holds what is.

    `people`: by their ids. `holders`: of entitlements, by theirs, enabled.
    """
    named = [people[each.owner_id] for each in counting if each.owner_id in people]
    found = {user.user_id: user for user in named if user.account_enabled}
    for each in counting:
        found |= {user.user_id: user for user in holders.get(each.owner_id, ())}
    return tuple(found.values())[:MOST_PEOPLE]


def _members(group_id: str, around: Surroundings) -> Approvers:
    group = around.groups.get(group_id)
    if group is None:
        return Approvers(problem=f"the group {group_id} is not in the directory")
    if group.entra_tenant_id != around.entra_tenant_id:
        return Approvers(problem=f"the group {group_id} is of another tenant")
    name = f"the group {group.display_name} ({group_id})"
    if group.too_many:
        return Approvers(problem=f"{name} has more than {MOST_APPROVERS} direct members")
    if not group.user_ids:
        return Approvers(problem=f"{name} has no direct members")
    found = _by_name(
        [around.people[each] for each in group.user_ids if each in around.people], around
    )
    return Approvers(found, "" if found else f"{name} has no enabled direct members")


def _by_name(people: Iterable[User], around: Surroundings) -> tuple[User, ...]:
    """Those of them who can approve."""
    found = {user.user_id: user for user in people if around.can_approve(user)}
    return tuple(
        sorted(found.values(), key=lambda user: (user.display_name.casefold(), user.user_id))
    )


def _missing(user_ids: Iterable[str], around: Surroundings) -> str:
    """What is wrong with some of these, in words."""
    wrong = []
    for user_id in dict.fromkeys(user_ids):
        user = around.people.get(user_id)
        if user is None:
            wrong.append(f"{user_id} is not in the directory")
        elif user.entra_tenant_id != around.entra_tenant_id:
            wrong.append(f"{user_id} is of another tenant")
        elif not user.account_enabled:
            wrong.append(f"{_named(user)} is disabled")
    return "; ".join(wrong)


def _named(user: User) -> str:
    return f"{user.display_name} ({user.user_id})"
