"""What happened in a simulation, a line each: what a checker reads, and nothing else."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from sqlalchemy import Connection, select

from latchkey.connector.v1 import events_pb2 as connector_events
from latchkey.requests.v1 import events_pb2 as requests_events
from libs.db.engine import Database
from libs.db.ledger import Ledger
from services.connector.domain.target import GroupMembership
from services.requests.store.documents import target_from
from services.requests.store.tables import access_requests, leases
from tests.simulation.catalog import kind_of
from tests.simulation.entra import Changed, Kind

Line = dict[str, Any]


def name_of(kind: Kind) -> str:
    """One word for what can be held."""
    if isinstance(kind, GroupMembership):
        return f"group {kind.entra_group_id}"
    return f"role {kind.entra_service_principal_id} {kind.entra_app_role_id}"


class Journal:
    """The lines of one run, in the order they came."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.lines: list[Line] = []

    def note(self, what: str, **facts: Any) -> None:
        """Something happened now."""
        self.lines.append({"what": what, "time": self._now().isoformat(), **facts})

    def changed(self, changes: Iterable[Changed]) -> None:
        """What changed in Entra."""
        for each in changes:
            self.lines.append(
                {
                    "what": "entra",
                    "time": each.time.isoformat(),
                    "by": each.by,
                    "added": each.added,
                    "person": each.person,
                    "kind": name_of(each.kind),
                }
            )

    async def keep_ledger(self, service: str, database: Database, ledger: Ledger) -> None:
        """Every audit record and every event of a service."""

        def work(connection: Connection) -> None:
            audit, outbox = ledger.audit, ledger.outbox
            for row in connection.execute(select(audit).order_by(audit.c.sequence)):
                self.lines.append(
                    {
                        "what": "audit",
                        "service": service,
                        "time": row.record_time.isoformat(),
                        "action": row.action,
                        "resource_id": row.resource_id,
                        "reason": row.reason,
                        "details": json.loads(row.details),
                    }
                )
            for row in connection.execute(select(outbox).order_by(outbox.c.position)):
                self.lines.append(
                    {
                        "what": "event",
                        "time": row.event_time.isoformat(),
                        "type": row.type.rpartition(".")[2],
                        "resource_id": row.resource_id,
                        "body": _body(row.type, row.payload),
                    }
                )

        await database.read(work)

    async def keep_leases(self, database: Database) -> None:
        """How every lease and access request stands."""

        def work(connection: Connection) -> None:
            for row in connection.execute(select(leases)):
                self.lines.append({"what": "lease", **_lease(dict(row._mapping))})
            for row in connection.execute(select(access_requests)):
                found = row._mapping
                self.lines.append(
                    {
                        "what": "access_request",
                        "access_request_id": found["access_request_id"],
                        "state": found["state"],
                        "subject": found["subject_user_id"],
                        "requester": found["requester_user_id"],
                    }
                )

        await database.read(work)

    def write(self, file: Path) -> None:
        """Into a file, a JSON object a line."""
        with file.open("w") as out:
            for line in self.lines:
                out.write(json.dumps(line) + "\n")


def read(file: Path) -> list[Line]:
    """The lines of a file."""
    with file.open() as lines:
        return [json.loads(line) for line in lines]


def _lease(row: Mapping[str, Any]) -> Line:
    return {
        "lease_id": row["lease_id"],
        "state": row["state"],
        "access_request_id": row["access_request_id"],
        "person": row["subject"]["entra_object_id"],
        "duration_seconds": None if row["duration"] is None else row["duration"].total_seconds(),
        "kinds": [_kind_name(each) for each in row["targets"]],
    }


def _kind_name(target: Mapping[str, Any]) -> str:
    found = target_from(dict(target))
    return name_of(kind_of(found))


def _body(full_name: str, payload: bytes) -> Line:
    module = requests_events if ".requests." in full_name else connector_events
    kind: type[Message] = getattr(module, full_name.rpartition(".")[2])
    found: Line = MessageToDict(kind.FromString(payload), preserving_proto_field_name=True)
    return found
