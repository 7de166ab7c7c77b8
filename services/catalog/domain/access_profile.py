"""Audiences that entitlement rules name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.domain.errors import Conflict
from services.catalog.domain import errors
from services.catalog.domain.directory import User

# Built in: each enabled person of the directory. Its row comes with the database.
EVERYONE_ID = "apr_everyone"
EXPRESSION_MOST = 2000


@dataclass(frozen=True, slots=True)
class AccessProfile:
    """An audience. The built-in one lists nobody and means everybody."""

    access_profile_id: str
    display_name: str
    description: str
    user_ids: tuple[str, ...]
    create_time: datetime
    version: int = 1
    group_ids: tuple[str, ...] = ()
    expression: str = ""

    @property
    def everyone(self) -> bool:
        """Whether it is the built-in one."""
        return self.access_profile_id == EVERYONE_ID

    def at(self, etag: str) -> "AccessProfile":
        """This profile, for a change by somebody who saw it so. An empty `etag` is any.

        Raises:
            WrongState: ACCESS_PROFILE_BUILT_IN.
            Conflict: ETAG_MISMATCH.
        """
        if self.everyone:
            raise errors.access_profile_built_in(self.access_profile_id)
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.access_profile_id)
        return self

    def changed(self, values: Mapping[str, Any]) -> "AccessProfile":
        """The profile with these fields; itself when they are as they were."""
        after = replace(self, **values)
        return self if after == self else replace(after, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Reasons:
    """What of a profile fits a person. True when something does.

    `problem`: why the expression could not be asked, which makes nobody a member.
    """

    everyone: bool = False
    named: bool = False
    group_ids: tuple[str, ...] = ()
    expression: bool = False
    problem: str = ""

    def __bool__(self) -> bool:
        return self.everyone or self.named or bool(self.group_ids) or self.expression


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an access profile, and why."""

    user: User
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a person is in an access profile: there are reasons, or there is a problem.

    Of a member there is a problem only where the expression could not be asked.
    """

    reasons: Reasons
    problem: str

    @property
    def member(self) -> bool:
        """Whether they are."""
        return bool(self.reasons)


def explain(person: User, reasons: Reasons) -> Membership:
    """Whether what fits a person makes them a member, and if not, why not."""
    if not person.account_enabled:
        return Membership(Reasons(), "they are disabled in the directory")
    problem = f"the expression could not be asked: {reasons.problem}" if reasons.problem else ""
    if reasons or problem:
        return Membership(reasons, problem)
    return Membership(reasons, "nothing of the profile fits them")
