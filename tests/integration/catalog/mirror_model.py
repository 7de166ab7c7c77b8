"""What a connection's mirror must be after any messages, in dictionaries."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# Which rows there are of each kind: (round, doomed) by key.
Rows = dict[tuple[str, ...], tuple[int, bool]]
KINDS = ("user", "group", "membership", "app", "assignment")


@dataclass(frozen=True)
class Content:
    """A page by names. Memberships are (group, user), assignments (app, user or group)."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    memberships: frozenset[tuple[str, str]] = frozenset()
    apps: frozenset[str] = frozenset()
    assignments: frozenset[tuple[str, str]] = frozenset()
    no_users: frozenset[str] = frozenset()
    no_groups: frozenset[str] = frozenset()
    no_memberships: frozenset[tuple[str, str]] = frozenset()
    no_apps: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


@dataclass
class MirrorModel:
    """The mirror. A removed app is not among the rows, and its name is in `removed`."""

    rows: dict[str, Rows] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    digests: dict[str, str] = field(default_factory=dict)
    managed: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def page(self, content: Content, seen_in: int, digest: str) -> None:
        """Takes a page: first what is gone, then what is there, then what is read to its end."""
        for name in content.no_users | content.no_groups:
            kind = "user" if name in content.no_users else "group"
            self._doom(kind, [(name,)])
            self._doom("membership", (key for key in self.rows["membership"] if name in key))
            held = [key for key in self.rows["assignment"] if key[1] == name]
            self._forget(key[0] for key in held if not self.rows["assignment"][key][1])
            self._doom("assignment", held)
        for name in content.no_apps:
            self._doom("app", [(name,)])
            if name not in self.removed:
                self._forget([name])
            self._doom("assignment", (key for key in self.rows["assignment"] if key[0] == name))
        self._doom("membership", content.no_memberships)
        for kind, names in (
            ("user", {(name,) for name in content.users}),
            ("group", {(name,) for name in content.groups}),
            ("membership", content.memberships),
            ("app", {(name,) for name in content.apps}),
            ("assignment", content.assignments),
        ):
            self.rows[kind].update(dict.fromkeys(names, (seen_in, False)))
        for name in content.apps:
            self.digests.setdefault(name, "")
            self.removed.discard(name)
        self._forget({app for app, _ in content.assignments} - content.read)
        for name in content.read:
            earlier = [
                key
                for key, (seen, _) in self.rows["assignment"].items()
                if key[0] == name and seen < seen_in
            ]
            self._doom("assignment", earlier)
            if name in self.digests:
                self.digests[name] = digest

    def gone(self, sweeps: dict[str, int]) -> dict[str, set[tuple[str, ...]]]:
        """What a completion with these sweeps would remove."""
        found = {
            kind: {
                key for key, (seen, doomed) in rows.items() if doomed or seen < sweeps.get(kind, 0)
            }
            for kind, rows in self.rows.items()
        }
        if "app" in sweeps:
            found["assignment"] |= {
                key for key in self.rows["assignment"] if key[:1] in found["app"]
            }
        return found

    def held(self, sweeps: dict[str, int]) -> list[tuple[str, int, int]]:
        """What of it would have to be confirmed."""
        gone = self.gone(sweeps)
        return [
            (kind, len(gone[kind]), len(self.rows[kind]))
            for kind in KINDS
            if len(gone[kind]) > 20 and len(gone[kind]) * 5 > len(self.rows[kind])
        ]

    def complete(self, sweeps: dict[str, int]) -> int:
        """Removes what is gone; returns how much that was."""
        gone = self.gone(sweeps)
        self._forget(app for app, who in gone["assignment"] if not self._doomed(app, who))
        for kind, keys in gone.items():
            for key in keys:
                del self.rows[kind][key]
        for (name,) in gone["app"]:
            if name in self.managed:
                self.removed.add(name)
                self.digests[name] = ""
            else:
                del self.digests[name]
        return sum(map(len, gone.values()))

    def _doomed(self, *key: str) -> bool:
        return self.rows["assignment"][key][1]

    def _doom(self, kind: str, keys: Iterable[tuple[str, ...]]) -> None:
        rows = self.rows[kind]
        rows.update({key: (rows[key][0], True) for key in list(keys) if key in rows})

    def _forget(self, names: Iterable[str]) -> None:
        self.digests.update({name: "" for name in set(names) if name in self.digests})
