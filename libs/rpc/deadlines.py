"""How long there still is.

Each call has a deadline: the client's, or the server's default where the client gave none. Calls
made on its behalf get what is left of it, less a little, so that whoever gives up first can still
say which call it waited for.
"""

import asyncio
from contextvars import ContextVar

DEFAULT_SECONDS = 10.0
MARGIN_SECONDS = 0.05

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def begin(seconds: float | None) -> float:
    """Notes that the current call has `seconds` left; returns how long it may take."""
    allowed = DEFAULT_SECONDS if seconds is None else seconds
    _deadline.set(asyncio.get_running_loop().time() + allowed)
    return allowed


def remaining(own: float) -> float:
    """The time for a call on behalf of the current one: `own`, or what is left if that is less."""
    deadline = _deadline.get()
    if deadline is None:
        return own
    left = deadline - asyncio.get_running_loop().time() - MARGIN_SECONDS
    return max(0.001, min(own, left))
