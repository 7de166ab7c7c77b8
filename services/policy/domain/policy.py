"""A policy in one version. A version never changes; a change is the next version."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.domain.errors import Conflict
from services.policy.domain import errors
from services.policy.domain.content import Content

AUTO_APPROVE = "pol_auto_approve"
"""The built-in policy whose baseline accepts and which has no rules."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in one version."""

    policy_id: str
    display_name: str
    description: str
    built_in: bool
    version: int
    digest: str
    content: Content
    create_time: datetime
    """When this version was created."""
    delete_time: datetime | None = None

    @classmethod
    def first(
        cls,
        *,
        policy_id: str,
        display_name: str,
        description: str,
        content: Content,
        create_time: datetime,
    ) -> "Policy":
        """Version 1 of a policy that somebody creates."""
        return cls(
            policy_id=policy_id,
            display_name=display_name,
            description=description,
            built_in=False,
            version=1,
            digest=content.digest,
            content=content,
            create_time=create_time,
        )

    @property
    def etag(self) -> str:
        """What changes with every version."""
        return str(self.version)

    def at(self, etag: str) -> "Policy":
        """This policy, for a change by somebody who saw it so.

        Raises:
            WrongState: POLICY_BUILT_IN.
            Conflict: ETAG_MISMATCH.
        """
        if self.built_in:
            raise errors.policy_built_in(self.policy_id, self.display_name)
        if etag != self.etag:
            raise Conflict.stale_etag(self.policy_id)
        return self

    def changed(self, values: Mapping[str, Any], create_time: datetime) -> "Policy":
        """The next version, with these of its display name, description and content; itself when
        they are as they were."""
        after = replace(self, **values)
        if after == self:
            return self
        return replace(
            after,
            digest=after.content.digest,
            version=self.version + 1,
            create_time=create_time,
        )


def folded(display_name: str) -> str:
    """A name as it is compared: two policies whose names a reader can't tell apart are one name."""
    return unicodedata.normalize("NFKC", display_name).casefold()
