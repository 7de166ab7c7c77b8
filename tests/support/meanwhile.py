"""Something that happens while reading or writing work is half way through."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from sqlalchemy.util import await_only


def meanwhile(loop: asyncio.AbstractEventLoop, doing: Coroutine[Any, Any, object]) -> None:
    """Has something done to its end, from within the work of a `Database`."""
    if threading.current_thread() is threading.main_thread():
        await_only(doing)  # PostgreSQL: the work is in a greenlet of the loop's own thread
    else:
        asyncio.run_coroutine_threadsafe(doing, loop).result(20)
