"""What the simulated Entra says of itself: its state, and the calls it has answered."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one person has in Entra."""

    group_ids: frozenset[str]
    service_principal_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entra:
    """The simulator's control surface."""

    url: str
    ca_file: Path

    async def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Every call so far but the first `since`, oldest first."""
        path = f"/_simulator/journal?since={since}"
        answer: list[dict[str, Any]] = (await self._get(path))["entries"]
        return answer

    async def writes(self, entra_principal_id: str) -> list[dict[str, Any]]:
        """The calls that changed what somebody has, oldest first."""
        return [
            entry
            for entry in await self.journal()
            if any(
                change["principal"] and change["principal"]["id"] == entra_principal_id
                for change in entry["changes"]
            )
        ]

    async def holds(self, entra_principal_id: str) -> "Holdings":
        """What somebody has: the groups they are a direct member of, the apps they are assigned."""
        state = await self.state()
        return Holdings(
            group_ids=frozenset(
                group["id"]
                for group in state["groups"]
                if entra_principal_id in _ids(group["members"])
            ),
            service_principal_ids=frozenset(
                assignment["resourceId"]
                for assignment in state["appRoleAssignments"]
                if assignment["principalId"] == entra_principal_id
            ),
        )

    async def state(self) -> dict[str, Any]:
        """The tenant as it is now."""
        return await self._get("/_simulator/state")

    def context(self) -> ssl.SSLContext:
        """Whose certificates are believed: the simulator's own authority's."""
        return ssl.create_default_context(cafile=self.ca_file)

    async def _get(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(verify=self.context(), trust_env=False) as client:
            response = await client.get(self.url + path)
            response.raise_for_status()
            body: dict[str, Any] = response.json()
            return body


def _ids(members: list[Any]) -> list[str]:
    return [member["id"] if isinstance(member, dict) else member for member in members]
