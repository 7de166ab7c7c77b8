"""What connections, syncs and operations meant before they could say it, they say after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.db.engine import Database
from services.connector.domain.connection import (
    ConnectionMode,
    CredentialKind,
    RemovedAccessAction,
)
from services.connector.domain.operation import Lane
from services.connector.store import MIGRATIONS
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.connector.store.syncs import SyncStore
from tests.support.versions import filled, to_version

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TARGET = {"directory_entitlement_id": "den_1", "connection_id": "con_1", "display_name": "Reds"}
OF_ADA = {"user_id": "usr_1", "entra_tenant_id": "t", "entra_principal_id": "ada"}


def assignment(name: str, tries: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "assignment_id": f"asg_{name}",
        "connection_id": "con_1",
        "state": "PRESENT",
        **OF_ADA,
    }
    row |= {"directory_entitlement_id": f"den_{name}", "preexisting": False, "in_mirror": True}
    row |= {"target": TARGET | {"entra_group_id": "reds"}, "tries": tries, "answer": "created"}
    row |= {"entra_assignment_id": "", "failure_reason": "", "failure_message": ""}
    return row | {"create_time": NOW, "update_time": NOW, "version": 2}


def operation(name: str, kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "operation_id": f"opn_{name}",
        "assignment_id": f"asg_{name}",
        "kind": kind,
    }
    row |= {"state": "INTENDED", "attempt_count": 1, "awaits": False, "answer": "", "problem": ""}
    return row | {
        "create_time": NOW,
        "next_attempt_time": NOW,
        "version": 1,
        "open_key": f"asg_{name}",
    }


BEFORE: dict[str, list[dict[str, Any]]] = {
    "connections": [
        {"connection_id": "con_1", "display_name": "Contoso", "entra_tenant_id": "t"}
        | {"entra_client_id": "client", "client_secret_name": "contoso", "cloud": "global"}
        | {"create_time": NOW, "version": 1}
    ],
    "protected_service_principals": [{"connection_id": "con_1", "entra_object_id": "graph"}],
    "syncs": [
        {"sync_id": "syn_1", "connection_id": "con_1", "state": "SUCCEEDED", "phase": "DONE"}
        | {"page_count": 4, "object_count": 40, "request_count": 5, "problem": ""}
        | {"create_time": NOW, "finish_time": NOW, "version": 3}
    ],
    "deliveries": [
        {"lease_id": "lea_1", "round": 1, "state": "DELIVERED", **OF_ADA}
        | {"entitlement_id": "ent_1", "targets": [TARGET | {"entra_group_id": "reds"}]}
        | {"failure_reason": "", "failure_message": "", "create_time": NOW, "update_time": NOW}
        | {"version": 2}
    ],
    "assignments": [assignment("new", 0), assignment("tried", 2)],
    "holds": [{"assignment_id": "asg_tried", "lease_id": "lea_1", "live": True}],
    "operations": [operation("new", "ADD"), operation("tried", "REMOVE")],
}


async def test_a_connector_at_0001(database_url: str) -> None:
    """A connection keeps its secret's name, though syncs and others refer to it; what is taken away
    has a lane of its own, and what was tried says since when."""
    database = Database.open(database_url)
    try:
        await database.write(to_version(MIGRATIONS, "0001"))
        await database.write(filled(BEFORE))
        await MIGRATIONS.apply(database)

        connections = ConnectionStore(database)
        (connection,) = await connections.with_credential("contoso")
        assert connection.credential.kind is CredentialKind.CLIENT_SECRET
        assert connection.mode is ConnectionMode.FULL
        assert connection.schedule.incremental_interval == timedelta(minutes=15)
        assert connection.schedule.full_interval == timedelta(days=7)
        assert not connection.schedule.paused
        assert await connections.protected("con_1") == {"graph"}
        sync = await SyncStore(database).last_succeeded_of("con_1")
        assert sync is not None
        assert (sync.sync_id, sync.progress.object_count) == ("syn_1", 40)

        store = ProvisioningStore(database)
        delivery = await store.delivery("lea_1")
        assert delivery is not None
        assert (delivery.emergency, delivery.remedy) == (False, None)
        assert (delivery.takes_over, delivery.removed_outside_time) == (False, None)
        assert connection.removed_access_action is RemovedAccessAction.END
        picture = await store.around_operations(["opn_new", "opn_tried"])
        assert {key: each.add_time for key, each in picture.assignments.items()} == {
            "asg_new": None,
            "asg_tried": NOW,
        }
        assert not any(each.taken_over for each in picture.assignments.values())
        lanes = {}
        for each in ("opn_new", "opn_tried"):
            recorded = await store.operation(each)
            assert recorded is not None
            lanes[each] = recorded.operation.lane
        assert lanes == {"opn_new": Lane.GRANT, "opn_tried": Lane.REVOKE}
    finally:
        await database.close()
