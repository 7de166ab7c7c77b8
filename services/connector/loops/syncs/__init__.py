"""Running syncs: which of them, and one from its checkpoint to its end.

Each page travels with a checkpoint that the catalog commits together with it, so the catalog alone
says where a sync that was cut off goes on, and the next sync of the connection after it. Pages are
kept until the catalog has answered for them: when it went away in between it is sent the very same
ones, since it passes over those that it has.
"""

from services.connector.loops.syncs.runner import SyncRunner

__all__ = ["SyncRunner"]
