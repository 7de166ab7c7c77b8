"""When what a sync saw of Entra tells something of what we did there."""

from datetime import datetime, timedelta

from services.connector.domain.sync import Sync

# Entra's lists show what was written this long ago.
LISTS_LAG = timedelta(minutes=3)


def is_newer(sync: Sync | None, change_time: datetime | None) -> bool:
    """Whether a sync saw Entra after we last changed something; always when we never did.

    Otherwise it may have seen what we had put there ourselves, or not have seen it yet.
    """
    if change_time is None:
        return True
    # Every sync tells of everything, an incremental one of what has changed and by comparing
    # every app's list: all of what it goes by was read after it began.
    return sync is not None and horizon(sync) > change_time


def horizon(sync: Sync) -> datetime:
    """What we did before then a sync saw."""
    return sync.create_time - LISTS_LAG
