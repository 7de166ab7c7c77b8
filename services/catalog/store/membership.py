"""Who is in which access profiles: the one place that says it, by name, group or expression.

An expression is asked here, in Python. A visit asks only those that matter to it, each of one
person, so that it costs tens of microseconds for each; a few hundred profiles with expressions are
meant, not thousands.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    literal,
    select,
    union_all,
)

from libs.domain.expressions import ExpressionProblem
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile, Reasons
from services.catalog.domain.directory import User
from services.catalog.ports import Expressions
from services.catalog.store.rule_tables import (
    access_profile_groups,
    access_profile_members,
    access_profiles,
    rule_access_profiles,
)
from services.catalog.store.tables import directory_memberships


def profile_rows(
    of_rules: ColumnElement[bool], person: ColumnElement[str]
) -> tuple[Select[tuple[str, str]], ...]:
    """Profiles that name a person, with no expression; and those with one that some rules name.

    `of_rules`: which rules, in columns of `rule_access_profiles`.
    """
    members, groups = access_profile_members.c, access_profile_groups.c
    memberships = directory_memberships.c
    named = rule_access_profiles.c.access_profile_id == access_profiles.c.access_profile_id
    # Asked profile by profile: PostgreSQL would begin at the rules of all apps.
    some_rules = select(literal(1)).where(named, of_rules).limit(1).scalar_subquery()
    return (
        select(members.access_profile_id, literal("").label("expression")).where(
            members.user_id == person
        ),
        select(groups.access_profile_id, literal(""))
        .join(directory_memberships, memberships.group_id == groups.group_id)
        .where(memberships.user_id == person),
        select(access_profiles.c.access_profile_id, access_profiles.c.expression).where(
            access_profiles.c.expression != "", some_rules.is_not(None)
        ),
    )


def profiles_of(
    person: User, rows: Iterable[tuple[str, str]], expressions: Expressions
) -> frozenset[str]:
    """The access profiles that a person is in, of the rows of `profile_rows`; none while they are
    disabled."""
    if not person.account_enabled:
        return frozenset()
    found, is_true = {EVERYONE_ID}, expressions.given(person)
    for profile_id, expression in rows:
        if not expression or (profile_id not in found and _asked(is_true, expression)):
            found.add(profile_id)
    return frozenset(found)


def read_reasons(
    connection: Connection,
    expressions: Expressions,
    profile: AccessProfile,
    people: Sequence[User],
) -> list[Reasons]:
    """What of a profile fits each of these people, enabled or not."""
    if profile.everyone:
        return [Reasons(everyone=True) for _ in people]
    in_groups = defaultdict(list)
    if profile.group_ids and people:
        table = directory_memberships
        statement = (
            select(table.c.user_id, table.c.group_id)
            .where(
                table.c.user_id.in_([person.user_id for person in people]),
                table.c.group_id.in_(profile.group_ids),
            )
            .order_by(table.c.user_id, table.c.group_id)
        )
        for user_id, group_id in connection.execute(statement):
            in_groups[user_id].append(group_id)
    named = frozenset(profile.user_ids)

    def reasons(person: User) -> Reasons:
        asked = _NO
        if profile.expression:
            asked = _asked(expressions.given(person), profile.expression)
        if person.user_id not in named and person.user_id not in in_groups:
            return asked
        return replace(
            asked,
            named=person.user_id in named,
            group_ids=tuple(in_groups.get(person.user_id, ())),
        )

    return [reasons(person) for person in people]


_YES, _NO = Reasons(expression=True), Reasons()


def _asked(is_true: Callable[[str], bool], expression: str) -> Reasons:
    try:
        return _YES if is_true(expression) else _NO
    except ExpressionProblem as problem:
        return Reasons(problem=str(problem))


def listed(profile_ids: Sequence[str]) -> Select[tuple[str]]:
    """The people whom profiles name, themselves or by a group; once for each way."""
    members, groups = access_profile_members.c, access_profile_groups.c
    by_name = select(members.user_id).where(members.access_profile_id.in_(profile_ids))
    by_group = (
        select(directory_memberships.c.user_id)
        .join(access_profile_groups, groups.group_id == directory_memberships.c.group_id)
        .where(groups.access_profile_id.in_(profile_ids))
    )
    return select(union_all(by_name, by_group).subquery().c.user_id)
