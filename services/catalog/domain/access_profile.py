"""Audiences that entitlement rules name."""

from dataclasses import dataclass
from datetime import datetime

# Built in: each enabled person of the directory. Its row comes with the database.
EVERYONE_ID = "apr_everyone"


@dataclass(frozen=True, slots=True)
class AccessProfile:
    """An audience. The built-in one lists nobody and means everybody."""

    access_profile_id: str
    display_name: str
    description: str
    user_ids: tuple[str, ...]
    create_time: datetime
    version: int = 1

    @property
    def everyone(self) -> bool:
        """Whether it is the built-in one."""
        return self.access_profile_id == EVERYONE_ID
