"""What an app, its links and what they lead to must be after any steps, in dictionaries."""

from dataclasses import dataclass, field
from typing import Any

from tests.integration.catalog.tenant import membership_id, role_id

GROUPS = ("red", "green", "blue")
FINAL = ("VIRTUAL_ROLE", "PROVISION_ACCESS")


@dataclass
class Model:
    """The app in the directory and here, the groups that are, and what was chosen.

    `known` of an app that has a row, `removed` of one whose row a sync found gone. `used` are
    access requests with the entitlement that they are for, by id as the catalog made it.
    """

    present: bool = True
    known: bool = True
    removed: bool = False
    managed: bool = False
    names: dict[str, str] = field(default_factory=lambda: {each: each for each in GROUPS})
    there: set[str] = field(default_factory=lambda: set(GROUPS))
    assigned: set[str] = field(default_factory=lambda: set(GROUPS))
    choices: dict[str, tuple[str, str]] = field(default_factory=dict)  # with what is bound
    last_name: dict[str, str] = field(default_factory=lambda: {each: each for each in GROUPS})
    fulfilled: dict[str, list[str]] = field(default_factory=dict)
    has_rules: bool = False
    owner: str = ""
    used: dict[str, str] = field(default_factory=dict)

    def is_assigned(self, group: str) -> bool:
        return self.present and group in self.assigned

    def is_listed(self, group: str) -> bool:
        return self.is_assigned(group) or self.choice(group) in FINAL

    def choice(self, group: str) -> str:
        return self.choices.get(group, ("PENDING", ""))[0]

    def change(self, what: str, how: str) -> None:
        """What a sync finds."""
        match what, how:
            case "app", "vanish":
                self.present = False
                self.removed = self.known and (self.removed or self.managed)
                self.known = self.removed
            case "app", _:
                self.present = self.known = True
                self.removed = False
            case group, "appear":
                self.there.add(group)
                self.assigned.add(group)
                self.last_name[group] = self.names[group]
            case group, "vanish":
                self.there.discard(group)
                self.assigned.discard(group)
            case group, "unassign":
                self.assigned.discard(group)
            case group, name:
                self.names[group] = name
                if group in self.there:
                    self.last_name[group] = name

    def _refused(self) -> str:
        if not self.known:
            return "APP_NOT_FOUND"
        if not self.managed:
            return "APP_NOT_MANAGED"
        return "APP_REMOVED" if self.removed else ""

    def manage(self) -> str:
        """What it is refused with."""
        if not self.known:
            return "APP_NOT_FOUND"
        if self.removed:
            return "APP_REMOVED"
        if self.managed:
            return "APP_ALREADY_MANAGED"
        if self.used:
            return "ACCESS_ENDING"
        self.managed, self.fulfilled = True, {"Access": []}
        return ""

    def unmanage(self, *, end: bool) -> str:
        """What it is refused with. What is used goes when the requests service says so."""
        if (refused := self._refused()) not in ("", "APP_REMOVED"):
            return refused
        if self.used and not end:
            return "APP_IN_USE"
        self.managed = self.has_rules = False
        self.choices, self.fulfilled, self.owner = {}, {}, ""
        return ""

    def describe(self, owner: str) -> str:
        """What rules and an owner, who holds this entitlement, are refused with."""
        if refused := self._refused():
            # This one looks for the app in the directory first.
            return "APP_REMOVED" if self.removed else refused
        self.has_rules, self.owner = True, owner
        return ""

    def link(self, group: str, choice: str, bound: str) -> str:
        """What it is refused with. An entitlement that is named but is not there is `""`."""
        if refused := self._refused():
            return refused
        if not self.is_listed(group):
            return "LINKED_ENTITLEMENT_NOT_FOUND"
        if self.choice(group) in FINAL:
            return "ALREADY_LINKED"
        if choice == "VIRTUAL_ROLE" and bound in self.fulfilled:
            return "ROLE_NAME_TAKEN"
        if choice == "PROVISION_ACCESS" and bound not in self.fulfilled:
            return "ENTITLEMENT_NOT_FOUND"
        if bound:
            self.fulfilled.setdefault(bound, []).append(group)
        self.choices[group] = (choice, bound)
        return ""

    def unlink(self, groups: list[str], ids: dict[str, str], *, end: bool) -> str:
        """What it is refused with. `ids` of entitlements by name."""
        if refused := self._refused():
            return refused
        for group in groups:
            if not self.is_listed(group):
                return "LINKED_ENTITLEMENT_NOT_FOUND"
            if group not in self.choices:
                return "NOT_LINKED"
        left = {
            name: [each for each in of_it if each not in groups]
            for name, of_it in self.fulfilled.items()
        }
        gone = [
            name
            for name, of_it in self.fulfilled.items()
            if name != "Access" and of_it and not left[name]
        ]
        if self.owner in gone:
            return "ENTITLEMENT_IS_OWNER"
        if not end and any(ids[name] in self.used.values() for name in gone):
            return "ENTITLEMENT_IN_USE"
        for group in groups:
            del self.choices[group]
        self.fulfilled = {name: of_it for name, of_it in left.items() if name not in gone}
        return ""

    def expected(self) -> dict[str, Any]:
        """Everything that is kept of it, as `links_play` observes it."""
        own = {"Access": [role_id("Tool")]}
        fulfilled = {
            name: [*own.get(name, []), *map(membership_id, groups)]
            for name, groups in self.fulfilled.items()
        }
        return {
            "app": (self.managed, self.removed) if self.known else None,
            "listed": sorted(
                (
                    self.names[group] if group in self.there else self.last_name[group],
                    membership_id(group),
                    self.choice(group),
                    not self.is_assigned(group),
                )
                for group in GROUPS
                if self.is_listed(group)
            ),
            "bound": {
                membership_id(group): (
                    bound,
                    "ACTIVE" if group in self.there else "ENDED",
                    f"member of {self.last_name[group]}",
                )
                for group, (_, bound) in self.choices.items()
                if bound
            },
            "fulfilled": fulfilled,
            "targets": sorted(
                (name, linked_id) for name, of_it in fulfilled.items() for linked_id in of_it
            ),
            "resource_types": 3 if self.managed else 0,
            "resources": len(fulfilled),
            "entitlement_rules": int(self.has_rules),
            "owners": [self.owner] if self.owner else [],
            "used": self.used,
        }
