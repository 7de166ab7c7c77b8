"""Delta queries: what a directory holds, page by page, and later what has changed in it.

A round gives every object with the state it has when its page is made. What changes while a round
is read comes again in the next one, because the delta link begins at the change that had been
seen when the round began.
Source: Microsoft Learn, "Use delta query to track changes in Microsoft Graph data", group-delta,
directoryobject-delta.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.delta_order import Order, Orders, chance, selection, tracked
from tools.entra_simulator.delta_tokens import Chain
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.graph.shapes import DEFAULT_PROPERTIES
from tools.entra_simulator.history import CREATED, Relation


@dataclass(frozen=True)
class DeltaPage:
    """`following` is the state of the next page, or of the next round if `is_last`."""

    items: list[GraphObject]
    following: Chain
    is_last: bool


@dataclass
class _Room:
    """What a page still takes."""

    objects: int
    links: int

    @property
    def is_left(self) -> bool:
        return self.objects > 0 and self.links > 0


class DeltaQueries:
    """Makes the pages of delta queries."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._orders = Orders()

    def begin(self, chain: Chain) -> Chain:
        """A round's first page is about to be made: its habits are fixed."""
        return replace(
            chain,
            base=None,
            salt=secrets.token_hex(8),
            shuffled=self._behaviour.delta_shuffled,
            repeated=self._behaviour.delta_repeated,
            removed_in_initial=self._behaviour.delta_removed_in_initial,
        )

    def latest(self, chain: Chain, directory: Directory) -> DeltaPage:
        """From now on, and nothing of what is there."""
        return DeltaPage([], replace(chain, since=directory.history.last), True)

    def page(self, chain: Chain, directory: Directory, *, minimal: bool) -> DeltaPage:
        seen = directory.history.last
        chain = replace(chain, base=seen if chain.base is None else min(chain.base, seen))
        empty = chance(str(self._behaviour.seed), chain.salt, chain.position, *(chain.link or ()))
        if not chain.emptied and empty < self._behaviour.delta_empty_pages:
            return DeltaPage([], replace(chain, emptied=True), False)
        order = self._orders.of(chain, directory)
        room = _Room(self._objects_of_a_page(chain), self._behaviour.member_delta_page)
        items: list[GraphObject] = []
        given: set[str] = set()
        position, link = chain.position, chain.link
        start = bisect_left if link else bisect_right
        index = start(order.keys, position) if position else 0
        while index < len(order.keys) and room.is_left:
            key = order.keys[index]
            object_id = order.id_of(key)
            if object_id in given:
                # What comes a second time comes on a later page.
                break
            item, link = _item(
                chain, order, object_id, link if key == position else None, room, minimal
            )
            position = key
            if item is not None:
                items.append(item)
                given.add(object_id)
                room.objects -= 1
            if link is not None:
                break
            index += 1
        if link is None and index >= len(order.keys):
            since = max(chain.since or 0, chain.base or 0)
            options = Chain(chain.stream, chain.types, chain.select, chain.ids, since=since)
            return DeltaPage(items, options, True)
        following = replace(chain, position=position, link=link, emptied=False)
        return DeltaPage(items, following, False)

    def _objects_of_a_page(self, chain: Chain) -> int:
        by_stream = {
            "users": self._behaviour.user_delta_page,
            "groups": self._behaviour.group_delta_page,
            "servicePrincipals": self._behaviour.service_principal_delta_page,
            "directoryObjects": self._behaviour.user_delta_page,
        }
        return by_stream[chain.stream]


def _item(
    chain: Chain,
    order: Order,
    object_id: str,
    after: tuple[str, str] | None,
    room: _Room,
    minimal: bool,
) -> tuple[GraphObject | None, tuple[str, str] | None]:
    """The object, and how far its links went if there are more than the page takes."""
    directory = order.directory
    type = next((type for type in chain.types if object_id in directory.table(type)), None)
    if type is None:
        return _removed(chain, directory, object_id), None
    found = directory.table(type)[object_id]
    item: GraphObject = {}
    if chain.stream == "directoryObjects":
        item["@odata.type"] = f"#microsoft.graph.{type}"
    item |= _properties(chain, directory, type, found, minimal)
    reached: tuple[str, str] | None = None
    for relation in tracked(chain, type):
        if after is not None and relation != after[0]:
            continue
        ids = _links(chain, order, relation, object_id)
        start = bisect_right(ids, after[1]) if after is not None else 0
        after = None
        if room.links <= 0 and start < len(ids):
            return item, reached or (relation, "")
        part = ids[start : start + room.links]
        if part:
            item[f"{relation}@delta"] = [
                _link(directory, relation, object_id, other) for other in part
            ]
            # A user has one manager: it takes no room of members.
            room.links -= len(part) if relation != "manager" else 0
        if start + len(part) < len(ids):
            return item, (relation, part[-1])
        reached = (relation, ids[-1]) if ids else reached
    return item, None


def _properties(
    chain: Chain, directory: Directory, type: str, found: GraphObject, minimal: bool
) -> GraphObject:
    """What was never set is left out, and with `return=minimal` what has not changed as well."""
    names: Sequence[str] = DEFAULT_PROPERTIES[type]
    if chain.select is not None:
        names = [name for name in selection(chain, type) if name not in tracked(chain, type)]
    ever = directory.history.changed_properties(found["id"], 0)
    changed = ever
    is_minimal = False
    if minimal and chain.since is not None and type != "appRoleAssignment":
        changed = directory.history.changed_properties(found["id"], chain.since)
        is_minimal = CREATED not in changed
    shown: GraphObject = {"id": found["id"]}
    for name in names:
        value: Any = found.get(name)
        if (name in changed) if is_minimal else (value not in (None, []) or name in ever):
            shown[name] = value
    return shown


def _links(chain: Chain, order: Order, relation: Relation, source: str) -> Sequence[str]:
    directory = order.directory
    if chain.since is None:
        return directory.links(relation).sorted_targets(source)
    found = order.links.get((relation, source))
    if found is None:
        found = sorted(directory.history.changed_links(relation, source, chain.since))
        order.links[relation, source] = found
    return found


def _link(directory: Directory, relation: Relation, source: str, other: str) -> GraphObject:
    type = directory.type_of(other) or "directoryObject"
    link: GraphObject = {"@odata.type": f"#microsoft.graph.{type}", "id": other}
    if other not in directory.links(relation).targets(source):
        link["@removed"] = {"reason": "deleted"}
    return link


def _removed(chain: Chain, directory: Directory, object_id: str) -> GraphObject | None:
    """An object that is gone: `changed` while it can be restored. None if it never was one."""
    if chain.since is None and not chain.removed_in_initial:
        return None
    type = next((type for type in chain.types if directory.history.known(type, object_id)), None)
    if type is None:
        return None
    reason = "changed" if object_id in directory.deleted else "deleted"
    item: GraphObject = {"id": object_id, "@removed": {"reason": reason}}
    if chain.stream == "directoryObjects":
        item = {"@odata.type": f"#microsoft.graph.{type}", **item}
    return item
