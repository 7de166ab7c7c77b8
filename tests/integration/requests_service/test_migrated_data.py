"""What was asked for before people could decide goes on as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.db.engine import Database
from libs.domain import ids
from services.requests.domain import timeline
from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.states import EmergencyReview
from services.requests.domain.steps import Accept, UnknownStep
from services.requests.store import MIGRATIONS
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.leases import LeaseStore
from services.requests.store.rows import occupancy
from tests.fakes.requests_peers import APP, EDITOR, VIEWER
from tests.integration.requests_service.house import House
from tests.support.issuer import TENANT, TestIssuer, object_id
from tests.support.versions import filled, to_version

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ADA = ids.user_id(TENANT, object_id("Ada"))
_PERSON = {"user_id": ADA, "entra_tenant_id": TENANT, "entra_object_id": object_id("Ada")}
_PERSON |= {"display_name": "Ada"}


def _entry(what: str, **body: Any) -> dict[str, Any]:
    return {"time": NOW.isoformat(), "actor": {"service": "policy"}, "what": what} | body


def _request(name: str, state: str, entitlement_id: str, **other: Any) -> dict[str, Any]:
    is_open = state in ("EVALUATING", "APPROVED")
    return {
        "access_request_id": ids.derived_id("req", name),
        "version": 3,
        "state": state,
        "open_key": occupancy(ADA, entitlement_id) if is_open else None,
        "entitlement_id": entitlement_id,
        "entitlement_display_name": "Editor",
        "app_id": APP,
        "app_display_name": "Design Tool",
        "requester_user_id": ADA,
        "requester": _PERSON,
        "subject_user_id": ADA,
        "subject": _PERSON,
        "justification": "I draw",
        "requested_duration": 3600.0,
        "lease_id": "",
        "failure_reason": "",
        "failure_message": "",
        "create_time": NOW,
        "update_time": NOW,
        "timeline": [_entry("Created", justification="I draw")],
    } | other


def _plan(*steps: dict[str, str]) -> dict[str, Any]:
    plan = {"policy_id": "pol_1", "policy_display_name": "Default", "policy_version": 1}
    plan |= {"policy_digest": "d", "rule": "", "condition": "", "explanation": ["one"]}
    return plan | {"steps": list(steps), "evaluate_time": NOW.isoformat()}


_LEASE = ids.derived_id("lea", "old")
_LATER = [
    _entry("Approved", by="policy 'Default', its baseline"),
    _entry("LeaseGranted", lease_id=_LEASE),
    _entry("Fulfilled", end_time=None),
]
BEFORE: dict[str, list[dict[str, Any]]] = {
    "access_requests": [
        _request("waiting", "EVALUATING", EDITOR),
        _request(
            "old",
            "FULFILLED",
            VIEWER,
            plan=_plan({"accept": "yes"}, {"unknown": ""}),
            lease_id=_LEASE,
            timeline=[_entry("Created", justification="I draw"), *_LATER],
        ),
        _request(
            "denied",
            "DENIED",
            VIEWER,
            plan=_plan({"reject": "no"}),
            timeline=[_entry("Denied", message="no")],
        ),
    ],
    "leases": [
        {
            "lease_id": _LEASE,
            "version": 2,
            "access_request_id": ids.derived_id("req", "old"),
            "state": "ACTIVE",
            "live_key": occupancy(ADA, VIEWER),
            "entitlement_id": VIEWER,
            "app_id": APP,
            "subject_user_id": ADA,
            "subject": _PERSON,
            "targets": [],
            "duration": None,
            "round": 1,
            "create_time": NOW,
            "update_time": NOW,
            "start_time": NOW,
            "end_reason": "",
        }
    ],
}


async def test_what_was_on_its_way_is_decided(
    issuer: TestIssuer, database_url: str, nats_url: str
) -> None:
    """Each access request and lease is as it was, with nothing of what came later; none of them is
    an emergency or in an inbox; and what waited for policy is decided by the service as it is now,
    by people if policy says so."""
    database = Database.open(database_url)
    try:
        await database.write(to_version(MIGRATIONS, "0002"))
        await database.write(filled(BEFORE))
        await MIGRATIONS.apply(database)
        store = AccessRequestStore(database)
        waiting, old, denied = [
            await store.get(each["access_request_id"]) for each in BEFORE["access_requests"]
        ]
        assert waiting is not None and old is not None and denied is not None
        for found in (waiting, old, denied):
            assert (found.emergency, found.review) == (False, EmergencyReview.UNSPECIFIED)
            assert (found.inputs, found.progress, found.approvals) == (None, None, ())
            assert (found.requested_duration, found.due_time) == (timedelta(hours=1), None)
            assert (found.requester.user_id, found.version) == (ADA, 3)
        assert (old.state, denied.state) == (
            AccessRequestState.FULFILLED,
            AccessRequestState.DENIED,
        )
        assert old.plan is not None and old.plan.steps == (Accept("yes"), UnknownStep())
        assert [entry.what for entry in old.timeline[1:]] == [
            timeline.Approved("policy 'Default', its baseline"),
            timeline.LeaseGranted(_LEASE),
            timeline.Fulfilled(None),
        ]
        assert denied.timeline[0].what == timeline.Denied("no")
        lease = await LeaseStore(database).get(_LEASE)
        assert lease is not None and not lease.emergency
        assert await store.to_look_at("", 9) == [waiting.access_request_id]
        assert await store.emergency_of(ADA) == ""
    finally:
        await database.close()

    house = House(issuer, database_url, nats_url)
    async with house:
        done = await house.person("Ada").reaches(waiting.access_request_id, "APPROVED")
        assert done.requested_duration.seconds == 3600
        assert (await house.person("Ada").get(old.access_request_id)).lease_id == _LEASE
