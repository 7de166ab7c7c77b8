"""In whose inbox an access request is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, exists, insert, not_, or_, select

from libs.db.committer import Guarded
from libs.domain.changes import Write
from services.requests.domain.access_request import AccessRequest
from services.requests.store.tables import inbox

_INSERT = insert(inbox)


def in_inbox_of(user_ids: Sequence[str]) -> Select[Any]:
    """What waits for the first of these people, or for the others and may be done for them."""
    mine = and_(inbox.c.user_id == user_ids[0], inbox.c.decides)
    if not user_ids[1:]:
        return select(inbox.c.access_request_id).where(mine)
    own = inbox.alias()
    done = exists().where(
        own.c.user_id == user_ids[0],
        own.c.access_request_id == inbox.c.access_request_id,
        not_(own.c.decides),
    )
    others = and_(inbox.c.user_id.in_(user_ids[1:]), inbox.c.decides, inbox.c.delegable, not_(done))
    return select(inbox.c.access_request_id).where(or_(mine, others))


def rows_of(access_request: AccessRequest) -> tuple[dict[str, Any], ...]:
    """Who finds it there, and who does not though somebody in whose place they decide may."""
    decide = {user_id: True for user_id in access_request.awaiting}
    done = {user_id: False for user_id in access_request.done_deciding}
    return tuple(
        {
            "user_id": user_id,
            "access_request_id": access_request.access_request_id,
            "decides": decides,
            "delegable": access_request.is_delegable,
        }
        for user_id, decides in sorted((decide | done).items())
    )


def into_inbox(access_request: AccessRequest) -> tuple[Write, ...]:
    """Puts it there, where it is not yet."""
    rows = rows_of(access_request)
    return (Guarded(_INSERT, parameters=rows),) if rows else ()
