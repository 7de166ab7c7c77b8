"""In whose inbox an access request is."""

from typing import Any

from sqlalchemy import bindparam, delete, insert

from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.requests.domain.access_request import AccessRequest
from services.requests.store.tables import inbox

DECIDE, REVIEW, NEVER = "DECIDE", "REVIEW", "NEVER"
_INSERT = insert(inbox)
_DELETE = delete(inbox).where(inbox.c.access_request_id == bindparam("of"))


def rows_of(access_request: AccessRequest) -> tuple[dict[str, Any], ...]:
    """Who finds it there, and who does not though somebody in whose place they decide does."""
    why = DECIDE if access_request.is_undecided else REVIEW
    found = dict.fromkeys(access_request.awaiting, why)
    found |= dict.fromkeys(access_request.decides_for_nobody, NEVER)
    return tuple(
        {
            "user_id": user_id,
            "access_request_id": access_request.access_request_id,
            "why": each,
            "delegable": access_request.is_delegable,
        }
        for user_id, each in sorted(found.items())
    )


def into_inbox(access_request: AccessRequest) -> tuple[Write, ...]:
    """Puts it there, where it is not yet."""
    rows = rows_of(access_request)
    return (Guarded(_INSERT, parameters=rows),) if rows else ()


def out_of_inbox(access_request_id: str) -> Write:
    """Takes it out of every one that it is in."""
    return Guarded(_DELETE, parameters=({"of": access_request_id},))
