"""A policy in one version. A version never changes; a change would be the next version."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime

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


def folded(display_name: str) -> str:
    """A name as it is compared: two policies whose names a reader can't tell apart are one name."""
    return unicodedata.normalize("NFKC", display_name).casefold()
