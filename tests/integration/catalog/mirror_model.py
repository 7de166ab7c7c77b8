"""What a connection's mirror must be after any messages, in dictionaries."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# Which rows are served of each kind: (round, doomed, name) by key; pairs have no name.
Rows = dict[tuple[str, ...], tuple[int, bool, str]]
# Which wait for the end of a sync: (round, name) by key.
Waiting = dict[tuple[str, ...], tuple[int, str]]
KINDS = ("user", "group", "membership", "app", "assignment")
PAIRS = ("membership", "assignment")


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
    """The mirror. A removed app is not among the rows, and its name is in `removed`.

    `digests`: of the apps in scope, served or waiting.
    """

    rows: dict[str, Rows] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    waiting: dict[str, Waiting] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    digests: dict[str, str] = field(default_factory=dict)
    managed: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def page(self, content: Content, seen_in: int, digest: str) -> None:
        """Takes a page: first what is gone, then what is there, then what is read to its end."""
        for name in content.no_users | content.no_groups:
            self._gone("user" if name in content.no_users else "group", [(name,)])
            self._gone("membership", (key for key in self._known("membership") if name in key))
            held = [key for key in self._known("assignment") if key[1] == name]
            self._forget(key[0] for key in held if not self._doomed("assignment", key))
            self._gone("assignment", held)
        for name in content.no_apps:
            self._gone("app", [(name,)])
            self._forget([name])
            if (name,) not in self.rows["app"]:
                self.digests.pop(name, None)
            self._gone("assignment", (key for key in self._known("assignment") if key[0] == name))
        self._gone("membership", content.no_memberships)
        seen: tuple[tuple[str, Iterable[tuple[str, ...]]], ...] = (
            ("user", [(name,) for name in content.users]),
            ("group", [(name,) for name in content.groups]),
            ("membership", content.memberships),
            ("app", [(name,) for name in content.apps]),
            ("assignment", content.assignments),
        )
        for kind, keys in seen:
            for key in keys:
                self._seen(kind, key, seen_in, "" if kind in PAIRS else f"{key[0]} {digest}")
        for name in content.apps:
            self.digests.setdefault(name, "")
        self._forget({app for app, _ in content.assignments} - content.read)
        for name in content.read:
            rows, waiting = self.rows["assignment"], self.waiting["assignment"]
            earlier = [key for key in rows if key[0] == name and rows[key][0] < seen_in]
            rows.update({key: (rows[key][0], True, "") for key in earlier})
            for key in [key for key in waiting if key[0] == name and waiting[key][0] < seen_in]:
                del waiting[key]
            if name in self.digests:
                self.digests[name] = digest

    def _seen(self, kind: str, key: tuple[str, ...], seen_in: int, name: str) -> None:
        served = self.rows[kind]
        if key in served:
            served[key] = (seen_in, False, served[key][2])
        if key not in served or kind not in PAIRS:
            self.waiting[kind][key] = (seen_in, name)

    def _gone(self, kind: str, keys: Iterable[tuple[str, ...]]) -> None:
        rows, waiting = self.rows[kind], self.waiting[kind]
        for key in keys:
            waiting.pop(key, None)
            if key in rows:
                rows[key] = (rows[key][0], True, rows[key][2])

    def _known(self, kind: str) -> set[tuple[str, ...]]:
        return {*self.rows[kind], *self.waiting[kind]}

    def gone(self, sweeps: dict[str, int]) -> dict[str, set[tuple[str, ...]]]:
        """What a completion with these sweeps would remove."""
        found = {
            kind: {
                key
                for key, (seen, doomed, _) in rows.items()
                if doomed or seen < sweeps.get(kind, 0)
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
        """Serves what waits and removes what is gone; returns how much that was."""
        gone = self.gone(sweeps)
        unseen = {
            kind: {key for key, (seen, _) in rows.items() if seen < sweeps.get(kind, 0)}
            for kind, rows in self.waiting.items()
        }
        self._forget(app for app, _ in unseen["assignment"])
        self._forget(
            app for app, who in gone["assignment"] if not self._doomed("assignment", (app, who))
        )
        if "app" in sweeps:
            unseen["assignment"] |= {
                key for key in self.waiting["assignment"] if key[:1] in gone["app"] | unseen["app"]
            }
        for kind in KINDS:
            for key in gone[kind]:
                del self.rows[kind][key]
            for key in unseen[kind]:
                del self.waiting[kind][key]
        for (name,) in gone["app"] | unseen["app"]:
            if (name,) in gone["app"] and name in self.managed:
                self.removed.add(name)
            if (name,) not in self.rows["app"] and (name,) not in self.waiting["app"]:
                self.digests.pop(name, None)
        for kind, waiting in self.waiting.items():
            for key, (seen, name) in waiting.items():
                self.rows[kind][key] = (seen, False, name)
            waiting.clear()
        self.removed -= {name for (name,) in self.rows["app"]}
        return sum(map(len, gone.values()))

    def _doomed(self, kind: str, key: tuple[str, ...]) -> bool:
        return key in self.rows[kind] and self.rows[kind][key][1]

    def _forget(self, names: Iterable[str]) -> None:
        self.digests.update({name: "" for name in set(names) if name in self.digests})
