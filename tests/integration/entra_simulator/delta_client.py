"""A client that keeps a copy of a tenant by delta queries, as Microsoft tells clients to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

USERS = "/v1.0/users/delta?$select=id,displayName,accountEnabled,manager"
GROUPS = "/v1.0/groups/delta?$select=id,displayName,groupTypes,members,owners"
APPS = "/v1.0/servicePrincipals/delta?$select=id,displayName,appId,accountEnabled"


@dataclass
class Round:
    """What one round of a delta query gave."""

    pages: list[dict[str, Any]]

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for page in self.pages for item in page["value"]]

    @property
    def link(self) -> str:
        return str(self.pages[-1]["@odata.deltaLink"])

    def item(self, object_id: str) -> dict[str, Any]:
        [found] = [item for item in self.items if item["id"] == object_id]
        return found


async def read(
    client: httpx.AsyncClient, address: str, headers: dict[str, str] | None = None
) -> Round:
    """One round, to its delta link."""
    pages = []
    next_link: str | None = address
    while next_link is not None:
        answer = await client.get(next_link, headers=headers)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        next_link = pages[-1].get("@odata.nextLink")
    return Round(pages)


@dataclass
class Copy:
    """One stream's objects by id, links as sets of ids under their relation's name."""

    address: str
    link: str | None = None
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def catch_up(self, client: httpx.AsyncClient) -> Round:
        found = await read(client, self.link or self.address)
        for item in found.items:
            self._apply(item)
        self.link = found.link
        return found

    def _apply(self, item: dict[str, Any]) -> None:
        if "@removed" in item:
            self.objects.pop(item["id"], None)
            return
        mine = self.objects.setdefault(item["id"], {})
        for name, value in item.items():
            relation, delta, _ = name.partition("@delta")
            if not delta:
                mine[name] = value
                continue
            linked = mine.setdefault(relation, set())
            for other in value:
                if "@removed" in other:
                    linked.discard(other["id"])
                else:
                    linked.add(other["id"])
