"""In which order a round of a delta query gives out what it has to give out.

Keys are strings whose order is the round's order; they end in the object's id. A page goes on
behind the last key that the page before gave out, whatever has changed in between.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tools.entra_simulator.changes import ObjectType
from tools.entra_simulator.delta_tokens import Chain
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.history import CREATED, Relation

# Rounds whose order is remembered between their pages. It is found again if it is not.
_REMEMBERED = 64
_RANK = 32
_TOP: int = 16**_RANK - 1

RELATIONS: dict[str, tuple[Relation, ...]] = {
    "user": ("manager",),
    "group": ("members", "owners"),
    "servicePrincipal": ("owners",),
    "appRoleAssignment": (),
}


@dataclass
class Order:
    """`ranked`: the keys begin with a rank. `links`: of a source, in order; filled as needed."""

    directory: Directory
    keys: Sequence[str]
    ranked: bool
    links: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def id_of(self, key: str) -> str:
        return key[_RANK:] if self.ranked else key


class Orders:
    """The orders of the rounds under way."""

    def __init__(self) -> None:
        self._orders: OrderedDict[tuple[str, int], Order] = OrderedDict()

    def of(self, chain: Chain, directory: Directory) -> Order:
        key = (chain.salt, id(directory))
        order = self._orders.get(key)
        if order is None or order.directory is not directory:
            order = _order(chain, directory)
        self._orders[key] = order
        self._orders.move_to_end(key)
        while len(self._orders) > _REMEMBERED:
            self._orders.popitem(last=False)
        return order


def tracked(chain: Chain, type: str) -> list[Relation]:
    """The relations whose changes the query asked for.

    Groups come with their members unless $select names something else.
    Source: Microsoft Learn, group-delta, examples 1 and 2.
    """
    if chain.select is None:
        return ["members"] if type == "group" else []
    return [name for name in RELATIONS[type] if name in selection(chain, type)]


def selection(chain: Chain, type: str) -> list[str]:
    """The selected names that concern the type; `microsoft.graph.user/surname` one type only."""
    names = []
    for name in chain.select or ():
        owner, _, property = name.rpartition("/")
        if owner in ("", f"microsoft.graph.{type}"):
            names.append(property)
    return names


def _order(chain: Chain, directory: Directory) -> Order:
    plain = not (chain.shuffled or chain.repeated)
    if (
        plain
        and chain.since is None
        and chain.ids is None
        and not chain.removed_in_initial
        and len(chain.types) == 1
        and chain.types[0] != "appRoleAssignment"
    ):
        # The directory's own list: it is the largest of all, and need not be copied.
        return Order(directory, _LiveIds(directory, chain.types[0]), ranked=False)
    ids: dict[str, None] = {}
    for type in chain.types:
        for found in _ids(chain, directory, type):
            if chain.ids is None or found in chain.ids:
                ids[found] = None
    if plain:
        return Order(directory, sorted(ids), ranked=False)
    return Order(directory, sorted(_ranked(chain, ids)), ranked=True)


class _LiveIds(Sequence[str]):
    """The sorted ids of a type as they are at any time."""

    def __init__(self, directory: Directory, type: str) -> None:
        self._directory = directory
        self._type: ObjectType = type  # type: ignore[assignment]

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self._directory.ordered(self._type)[index]

    def __len__(self) -> int:
        return len(self._directory.ordered(self._type))


def _ids(chain: Chain, directory: Directory, type: str) -> Iterable[str]:
    history = directory.history
    if chain.since is not None:
        yield from _changed(chain, directory, type, chain.since)
        return
    current = directory.table(type)
    yield from current
    if chain.removed_in_initial:
        yield from (id for id in history.changed_objects(type, 0) if id not in current)


def _changed(chain: Chain, directory: Directory, type: str, since: int) -> Iterator[str]:
    """Of a selection, only changes of what was selected count."""
    history, current = directory.history, directory.table(type)
    # What came or went is news in any case, and so is an assignment: it never changes.
    every = chain.select is None or type == "appRoleAssignment"
    names = {CREATED, *selection(chain, type)}
    for id in history.changed_objects(type, since):
        if every or id not in current or names & history.changed_properties(id, since):
            yield id
    for relation in tracked(chain, type):
        for id in history.changed_sources(relation, since):
            if id in current:
                yield id


def _ranked(chain: Chain, ids: Iterable[str]) -> Iterator[str]:
    for id in ids:
        bare = id.replace("-", "")
        rank = _hash(chain.salt, id) if chain.shuffled or len(bare) != _RANK else int(bare, 16)
        yield f"{rank:0{_RANK}x}{id}"
        if chance(chain.salt, "again", id) < chain.repeated:
            later = rank + 1 + int((_TOP - rank - 1) * chance(chain.salt, "where", id))
            yield f"{later:0{_RANK}x}{id}"


def chance(*names: str) -> float:
    """From 0 to 1, always the same for the same names."""
    return _hash(*names) / (_TOP + 1)


def _hash(*names: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=16).digest())
