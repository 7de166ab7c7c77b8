"""What leases had before they could last longer, they have after it, and a reminder."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.db.engine import Database
from libs.domain.ids import new_id
from services.requests.domain.lease import LeaseState
from services.requests.store import MIGRATIONS
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.leases import LeaseStore
from tests.support.versions import filled, to_version

NOW = datetime.now(UTC)
PERSON = {"user_id": "usr_1", "entra_tenant_id": "t", "entra_object_id": "o", "display_name": "Ada"}


def _request() -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(
        ("entitlement_display_name", "app_display_name", "justification"), "x"
    )
    made |= {"access_request_id": "req_1", "version": 3, "state": "FULFILLED", "timeline": []}
    made |= {"entitlement_id": "ent_1", "app_id": "app_1", "lease_id": "lea_1"}
    made |= {"requester_user_id": "usr_1", "subject_user_id": "usr_1"}
    made |= {"requester": PERSON, "subject": PERSON, "requested_duration": 3600.0}
    made |= {"create_time": NOW, "update_time": NOW, "failure_reason": "", "failure_message": ""}
    return {**made, "emergency": False, "approvals": [], "reviewers": []}


def _lease(state: str, left: timedelta | None, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "lease_id": f"lea_{number}",
        "version": 2,
        "access_request_id": "req_1",
        "round": 1,
    }
    made |= {"state": state, "entitlement_id": new_id("ent"), "app_id": "app_1"}
    made |= {"subject_user_id": "usr_1", "subject": PERSON, "targets": [], "emergency": False}
    made |= {"create_time": NOW, "update_time": NOW, "start_time": NOW, "end_reason": ""}
    made["end_time"] = None if left is None else NOW + left
    return {**made, "duration": None if left is None else left.total_seconds()}


async def test_active_leases_of_before_are_reminded_of(database_url: str) -> None:
    """A tenth of what is left before the end, from a quarter of an hour to three days; none within
    the last hour, without an end, and for those that are not active. All else stays as it is."""
    leases = [
        _lease("ACTIVE", timedelta(hours=2), 1),
        _lease("ACTIVE", timedelta(hours=10), 2),
        _lease("ACTIVE", timedelta(days=90), 3),
        _lease("ACTIVE", timedelta(minutes=59), 4),
        _lease("ACTIVE", timedelta(days=-1), 5),
        _lease("ACTIVE", None, 6),
        _lease("FAILED", timedelta(days=1), 7),
        _lease("ENDING", timedelta(days=1), 8),
    ]
    database = Database.open(database_url)
    await database.write(to_version(MIGRATIONS, "0004"))
    await database.write(filled({"access_requests": [_request()], "leases": leases}))
    await MIGRATIONS.apply(database)
    await MIGRATIONS.check(database)
    store, before = LeaseStore(database), {}
    for row in leases:
        found = await store.get(row["lease_id"])
        assert found is not None
        assert (found.state, found.end_time) == (LeaseState(row["state"]), row["end_time"])
        assert (found.version, found.alarm_time) == (2, None)
        if found.remind_time is not None:
            assert found.end_time is not None
            before[row["lease_id"]] = round(
                (found.end_time - found.remind_time) / timedelta(minutes=1)
            )
    # The second one's is a tenth of what was left when the migration ran, a moment before.
    assert before == {"lea_1": 15, "lea_2": before["lea_2"], "lea_3": 3 * 24 * 60}
    assert 58 <= before["lea_2"] <= 60
    request = await AccessRequestStore(database).get("req_1")
    assert request is not None and request.extends_lease_id == ""
    await database.close()
