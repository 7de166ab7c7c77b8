"""Questions to the directory that go over several objects."""

from __future__ import annotations

from tools.entra_simulator.directory import Directory


def groups_above(directory: Directory, object_id: str) -> set[str]:
    """Every group the object is in, directly or through other groups."""
    found: set[str] = set()
    waiting = [object_id]
    while waiting:
        for group_id in directory.members.sources(waiting.pop()):
            if group_id not in found:
                found.add(group_id)
                waiting.append(group_id)
    return found


def members_below(directory: Directory, group_id: str) -> set[str]:
    """Every object that is in the group, directly or through other groups."""
    found: set[str] = set()
    waiting = [group_id]
    while waiting:
        for member_id in directory.members.targets(waiting.pop()):
            if member_id not in found:
                found.add(member_id)
                waiting.append(member_id)
    return found
