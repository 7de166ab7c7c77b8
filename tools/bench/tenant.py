"""The simulated tenant with many more people in it."""

import json
import uuid
from pathlib import Path
from typing import Any

from tools.dev import cast
from tools.dev.cast import Member
from tools.entra_simulator import built_in_tenant

_NAMESPACE = uuid.UUID("6f1d2a1e-6f0f-4a57-9a39-2a0a5d0f3c11")
# The first of a crowd are the managers of the others, in turn.
MANAGERS = 64


def crowd(count: int) -> list[Member]:
    """People who hold nothing yet."""
    return [
        Member(f"p{number}", f"Person {number:05}", str(uuid.uuid5(_NAMESPACE, str(number))))
        for number in range(count)
    ]


def manager_of(people: list[Member], number: int) -> Member | None:
    """Who decides for one of a crowd; nobody for the managers."""
    return people[number % MANAGERS] if number >= MANAGERS else None


def write_tenant(file: Path, people: list[Member]) -> None:
    """Writes a tenant file with the built-in tenant's objects and these people."""
    file.write_text(json.dumps(with_people(people)))


def with_people(people: list[Member]) -> dict[str, Any]:
    """The built-in tenant's objects and these people."""
    tenant: dict[str, Any] = built_in_tenant()
    like = next(u for u in tenant["users"] if u["id"] == cast.REQUESTER.entra_object_id)
    for number, member in enumerate(people):
        domain = like["userPrincipalName"].partition("@")[2]
        address = f"{member.label}@{domain}"
        manager = manager_of(people, number)
        tenant["users"].append(
            {
                **like,
                "id": member.entra_object_id,
                "displayName": member.name,
                "userPrincipalName": address,
                "mail": address,
                "manager": like["manager"] if manager is None else manager.entra_object_id,
            }
        )
    return tenant
