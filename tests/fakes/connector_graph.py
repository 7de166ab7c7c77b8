"""Graph as the sync sees it, over a small tenant in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.connector.domain.directory import INTEGRATED_APP_TAG
from services.connector.entra.answer import Answer, Call
from services.connector.entra.graph import Graph
from services.connector.entra.problems import Problem

_STREAMS = {"users": "user", "groups": "group", "servicePrincipals": "app"}
GONE = Problem(404, "Request_ResourceNotFound", "gone")


@dataclass
class FakeTenant:
    """What a tenant holds, and everything that ever changed: (kind, id) or (group, user)."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"user": {}, "group": {}, "app": {}}
    )
    managers: dict[str, str] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    assigned: set[tuple[str, str, str]] = field(default_factory=set)
    owners: set[tuple[str, str]] = field(default_factory=set)
    log: list[tuple[str, str, str]] = field(default_factory=list)

    def put(self, kind: str, object_id: str, **fields: Any) -> str:
        """Adds or changes a user, group or app. An app is in scope."""
        usual: dict[str, Any] = {"id": object_id, "displayName": object_id}
        if kind == "app":
            usual |= {"appId": f"app-{object_id}", "tags": [INTEGRATED_APP_TAG]}
        known = self.objects[kind].get(object_id, usual)
        self.objects[kind][object_id] = known | fields
        self.log.append((kind, object_id, ""))
        return object_id

    def drop(self, kind: str, object_id: str) -> None:
        """Removes one, with what hangs on it."""
        if self.objects[kind].pop(object_id, None) is None:
            return
        self.log.append((kind, object_id, ""))
        self.managers.pop(object_id, None)
        for group, user in [pair for pair in self.members if object_id in pair]:
            self.leave(group, user)
        self.assigned = {found for found in self.assigned if object_id not in found[:2]}
        self.owners = {found for found in self.owners if object_id not in found}

    def join(self, group: str, user: str) -> None:
        """Makes somebody a member."""
        self.members.add((group, user))
        self.log.append(("group", group, user))

    def leave(self, group: str, user: str) -> None:
        """Makes somebody a member no more."""
        self.members.discard((group, user))
        self.log.append(("group", group, user))

    def lead(self, user: str, manager: str) -> None:
        """Gives somebody a manager, or takes it away."""
        if manager:
            self.managers[user] = manager
        else:
            self.managers.pop(user, None)
        self.log.append(("user", user, "manager"))

    def assign(self, app: str, principal: str, role: str = "r") -> None:
        """Assigns somebody to an app."""
        self.assigned.add((app, principal, role))


Hook = Callable[[str], Problem | None]


class FakeGraph(Graph):
    """Pages of `size`. `hook` may answer a path in Graph's place."""

    def __init__(self, tenant: FakeTenant, size: int = 3) -> None:
        self.tenant = tenant
        self.size = size
        self.hook: Hook = lambda path: None
        self.asked: list[str] = []
        self.batches: list[list[str]] = []
        self.epoch = 0
        self.extra: list[dict[str, Any]] = []

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | Problem:
        self.asked.append(path)
        return self._get(path)

    async def batch(self, calls: Sequence[Call]) -> list[Answer | Problem]:
        assert len(calls) <= 20
        self.asked.append("/$batch")
        self.batches.append([call.path for call in calls])
        return [self._get(call.path) for call in calls]

    def _get(self, path: str) -> Answer | Problem:
        problem = self.hook(path)
        if problem is not None:
            return problem
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        names = parts.path.strip("/").split("/")
        if names[-1] == "delta":
            return self._delta(names[0], query)
        if names[-1] == "appRoleAssignedTo":
            return self._assigned(names[1], query)
        if names[-1] == "owners":
            return self._owners(names[1], query)
        if names[-1] == "manager":
            manager = self.tenant.managers.get(names[1])
            return GONE if manager is None else Answer(200, {"id": manager}, path)
        user = self.tenant.objects["user"].get(names[1])
        return GONE if user is None else Answer(200, user, path)

    def _delta(self, name: str, query: Mapping[str, str]) -> Answer | Problem:
        kind, log = _STREAMS[name], self.tenant.log
        if query and int(query.get("epoch", -1)) != self.epoch:
            return Problem(410, "resyncRequired", "begin anew")
        start, until = int(query.get("from", -1)), int(query.get("until", len(log)))
        if start < 0:
            ids = sorted(self.tenant.objects[kind])
        else:
            ids = sorted({found[1] for found in log[start:until] if found[0] == kind})
        # By the last id and not by a number: what changes between two pages must not hide others.
        ids = [one for one in ids if one > query.get("after", "")]
        shown = ids[: self.size]
        items = [self._item(kind, one, start, until) for one in shown]
        body: dict[str, Any] = {"value": items + self.extra}
        base = f"/{name}/delta?epoch={self.epoch}"
        if len(shown) < len(ids):
            body["@odata.nextLink"] = f"{base}&from={start}&until={until}&after={shown[-1]}"
        else:
            body["@odata.deltaLink"] = f"{base}&from={until}"
        return Answer(200, body, "")

    def _item(self, kind: str, one: str, start: int, until: int) -> dict[str, Any]:
        known = self.tenant.objects[kind].get(one)
        if known is None:
            return {"id": one, "@removed": {"reason": "changed"}}
        item = dict(known)
        touched = {found[2] for found in self.tenant.log[max(start, 0) : until] if found[1] == one}
        if kind == "user":
            manager = self.tenant.managers.get(one)
            if manager is not None and (start < 0 or "manager" in touched):
                item["manager@delta"] = [{"@odata.type": "#microsoft.graph.user", "id": manager}]
            elif manager is None and start >= 0 and "manager" in touched:
                item["manager@delta"] = [{"id": "m", "@removed": {"reason": "deleted"}}]
        if kind == "group":
            members = []
            if start < 0:
                members = [user for group, user in self.tenant.members if group == one]
            found = [{"@odata.type": "#microsoft.graph.user", "id": user} for user in members]
            if start >= 0:
                for user in sorted(touched - {""}):
                    entry: dict[str, Any] = {"id": user}
                    if (one, user) in self.tenant.members:
                        entry["@odata.type"] = "#microsoft.graph.user"
                    else:
                        entry["@removed"] = {"reason": "deleted"}
                    found.append(entry)
            if found:
                item["members@delta"] = found
        return item

    def _owners(self, app: str, query: Mapping[str, str]) -> Answer | Problem:
        if app not in self.tenant.objects["app"]:
            return GONE
        at = int(query.get("at", 0))
        found = sorted(owner for owned, owner in self.tenant.owners if owned == app)
        body: dict[str, Any] = {
            "value": [
                {
                    "@odata.type": "#microsoft.graph."
                    + ("user" if owner.startswith("u") else "servicePrincipal"),
                    "id": owner,
                }
                for owner in found[at : at + self.size]
            ]
        }
        if at + self.size < len(found):
            body["@odata.nextLink"] = f"/servicePrincipals/{app}/owners?at={at + self.size}"
        return Answer(200, body, "")

    def _assigned(self, app: str, query: Mapping[str, str]) -> Answer | Problem:
        if app not in self.tenant.objects["app"]:
            return GONE
        at = int(query.get("at", 0))
        found = sorted(one for one in self.tenant.assigned if one[0] == app)
        body: dict[str, Any] = {
            "value": [
                {
                    "id": f"{app}-{principal}-{role}",
                    "principalId": principal,
                    "principalType": "Group" if principal.startswith("g") else "User",
                    "appRoleId": role,
                }
                for _, principal, role in found[at : at + self.size]
            ]
        }
        if at + self.size < len(found):
            more = at + self.size
            body["@odata.nextLink"] = f"/servicePrincipals/{app}/appRoleAssignedTo?at={more}"
        return Answer(200, body, "")
