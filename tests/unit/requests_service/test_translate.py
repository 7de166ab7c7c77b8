"""Between contract and domain nothing is lost, and no word is missing on either side."""

import typing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from latchkey.catalog.v1 import directory_pb2, resolution_pb2
from latchkey.connector.v1 import provisioning_pb2
from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from latchkey.requests.v1 import (
    access_request_pb2,
    errors_pb2,
    events_pb2,
    lease_pb2,
    takeover_pb2,
)
from libs.domain.callers import Service
from libs.domain.changes import Fact
from libs.domain.errors import Unavailable
from services.requests.domain import (
    access_request,
    deciding_errors,
    decision_facts,
    delivery,
    errors,
    facts,
    lease,
    takeover,
    timeline,
)
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Origin
from services.requests.domain.steps import Manager
from services.requests.domain.target import AppRoleAssignment, Target
from services.requests.domain.timeline import Entry, Happening
from services.requests.store import documents
from services.requests.translate import peers, plans
from services.requests.translate.facts import fact_to_message, lease_id_of
from services.requests.translate.shown import access_request_to_proto
from tests.fakes.requests_neighbours import TARGET
from tests.unit.requests_service.house import ADA, House, person

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

BEN = PersonRef.of(person("Ben"))
_ROLE = Target("den_1", "con_1", "role Editor", AppRoleAssignment("sp", "role"))
HAPPENINGS: list[Happening] = [
    timeline.Created("why"),
    timeline.PolicyUnavailable("away"),
    timeline.Evaluated("pol_1", 3, "designers"),
    timeline.Approved("policy 'x'"),
    timeline.Approved("Ben", timedelta(hours=1)),
    timeline.Denied(""),
    timeline.Denied("no"),
    timeline.Denied("no", BEN),
    timeline.LeaseGranted("lea_1"),
    timeline.TargetDelivered(TARGET, "201", True),
    timeline.Fulfilled(None),
    timeline.Fulfilled(NOW),
    timeline.DeliveryFailed("", ""),
    timeline.DeliveryFailed("group_not_writable", "No."),
    timeline.Retried(),
    timeline.Cancelled(""),
    timeline.LeaseEnding("revoked", "why"),
    timeline.EmergencyRequested("pol_1"),
    timeline.StepOpened(1, (BEN,), Origin.FALLBACK, NOW),
    timeline.StepOpened(1, (BEN,), Origin.STEP, None, True),
    timeline.NoApprover(1, "nobody"),
    timeline.StepApproved(1, BEN, "fine", timedelta(hours=1)),
    timeline.Reassigned(1, (BEN,), "away"),
    timeline.Commented("Hm."),
    timeline.Reminded(1),
    timeline.Escalated(1, "pol_1"),
    timeline.Restarted("new policy"),
    timeline.WaitOver(1),
    timeline.EmergencyReviewed(True, "It was."),
    timeline.LeaseExtended("lea_1", NOW),
    timeline.LeaseEnded(),
    timeline.TargetFailed(TARGET, "403", "group_not_writable", "No."),
    timeline.TargetFailed(_ROLE, "", "", ""),
    timeline.RemovedOutside(TARGET, NOW, False),
    timeline.RemovedOutside(_ROLE, NOW, True),
    timeline.TaskOpened("tsk_1"),
    timeline.TaskCompleted("tsk_1", "I did it."),
]


async def test_every_happening_is_kept_and_told() -> None:
    """Each kind survives the database's JSON, and fills exactly its own field of the contract."""
    assert {type(what) for what in HAPPENINGS} == set(typing.get_args(Happening))
    house = House()
    made = await house.create()
    told = set()
    for what in HAPPENINGS:
        for actor in (ADA, Service("connector")):
            entry = Entry(NOW, actor, what)
            assert documents.entry_from(documents.entry_document(entry)) == entry
            found = _with_timeline(made, entry)
            message = access_request_to_proto(found, ADA).timeline[0]
            told.add(message.WhichOneof("fact"))
            assert message.entry_time.ToDatetime(UTC) == NOW
    names = {
        field.name
        for field in access_request_pb2.TimelineEntry.DESCRIPTOR.oneofs_by_name["fact"].fields
    }
    assert told == names


def _with_timeline(
    found: access_request.AccessRequest, entry: Entry
) -> access_request.AccessRequest:
    return replace(found, timeline=(entry,))


def test_every_event_of_the_contract_is_made() -> None:
    """Each fact becomes the message of its name, and each message has a fact."""
    bodies = [
        facts.AccessRequestCreated("req_1", "ent_1", "app_1", "usr_1", ADA),
        facts.AccessRequestApproved("req_1", "lea_1", "pol_1", 2, "rule", ("usr_1",)),
        facts.AccessRequestDenied("req_1", ADA, "pol_1", 2, "rule"),
        facts.AccessRequestCancelled("req_1", ADA),
        facts.AccessRequestFulfilled("req_1", "lea_1", NOW),
        facts.AccessRequestFailed("req_1", "lea_1", "reason"),
        facts.AccessRequestRetried("req_1", "lea_1", ADA),
        facts.LeaseGranted("lea_1", 2),
        facts.LeaseEnded("lea_1", timedelta(hours=1)),
        facts.LeaseExtended("lea_1", "req_1", NOW),
        facts.LeaseEndNear("lea_1", "ent_1", "usr_1", NOW),
        facts.LeaseEndLate("lea_1", "ent_1", "usr_1", NOW),
        facts.LeaseRemoved("lea_1"),
        decision_facts.ApprovalRequested("req_1", 1, ("usr_1",), NOW),
        decision_facts.NoApproverFound("req_1", 1, "nobody"),
        decision_facts.ApprovalGiven("req_1", 1, ADA, "usr_2", 1),
        decision_facts.ApprovalReminded("req_1", 1, ("usr_1",)),
        decision_facts.AccessRequestReassigned("req_1", 1, ("usr_1",), ADA),
        decision_facts.AccessRequestEscalated("req_1", 1, "pol_1"),
        decision_facts.AccessRequestCommented("req_1", ADA),
        decision_facts.AccessRequestRestarted("req_1", ADA),
        decision_facts.EmergencyAccessRequested("req_1", "ent_1", "app_1", "usr_1", ADA),
        decision_facts.EmergencyAccessReviewed("req_1", True, ADA),
        facts.DelegationCreated("dlg_1", "usr_1", "usr_2", NOW, NOW, ADA),
        facts.DelegationDeleted("dlg_1", ADA),
        facts.CampaignStarted("cam_1", "app_1", "ent_1", 3, NOW, ADA),
        facts.CampaignItemReviewed("cit_1", "cam_1", "ent_1", "usr_1", "lea_1", "REVOKED", ADA),
        facts.CampaignClosed("cam_1", "app_1", 1, "KEEP", ADA),
        facts.LeaseRemovedOutside("lea_1", ("den_1",), True),
        facts.TaskOpened("tsk_1", "REMOVE", "lea_1", "app_1", ("usr_1",)),
        facts.TaskCompleted("tsk_1", "lea_1", ADA),
        facts.TaskClosed("tsk_1", "lea_1"),
        facts.TakeoverStarted("tko_1", "app_1", "ent_1", "ADOPT", ADA),
        facts.TakeoverHeld("tko_1", 21, 30),
        facts.TakeoverFinished("tko_1", 3),
    ]
    messages = [fact_to_message(Fact("x", 1, body)) for body in bodies]
    for body, message in zip(bodies, messages, strict=True):
        assert message.DESCRIPTOR.name == type(body).__name__
        assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    names = {message.DESCRIPTOR.name for message in messages}
    # Heads are signed, and told of, by what every service has for its audit.
    assert {*names, "AuditHeadSigned"} == set(events_pb2.DESCRIPTOR.message_types_by_name)
    with pytest.raises(TypeError):
        fact_to_message(Fact("x", 1, "nonsense"))


def test_states_are_those_of_the_contract() -> None:
    """Every state of the domain is one of the contract's, and the other way round."""
    pairs = (
        (access_request.AccessRequestState, access_request_pb2.AccessRequestState),
        (lease.LeaseState, lease_pb2.LeaseState),
        (lease.EndCause, lease_pb2.LeaseEndCause),
        (takeover.TakeoverState, takeover_pb2.TakeoverState),
    )
    for ours, theirs in pairs:
        prefix = theirs.keys()[0].removesuffix("UNSPECIFIED")
        assert {name.removeprefix(prefix) for name in theirs.keys()[1:]} == {
            state.value for state in ours
        }


def test_every_reason_is_in_the_contract() -> None:
    """Whatever the domain refuses with, and the catalog's reasons that are passed on."""
    raised = [
        errors.access_request_not_found("req_1"),
        errors.lease_not_found("lea_1"),
        errors.access_request_open("req_1"),
        errors.already_leased("lea_1"),
        errors.duration_too_long(timedelta(hours=1)),
        errors.access_request_state("req_1", "FAILED", "cancelled"),
        errors.lease_state("lea_1", "ENDED", "retried"),
        errors.not_theirs_to_change(ADA, "nobody"),
        deciding_errors.delegation_not_found("dlg_1"),
        deciding_errors.delegate_not_found("usr_1"),
        deciding_errors.delegation_loop("dlg_1"),
        deciding_errors.delegation_exists("dlg_1"),
        errors.takeover_not_found("tko_1"),
        errors.takeover_state("tko_1", "DONE", "confirmed"),
        errors.takeover_open("tko_1"),
        errors.nothing_to_take_over("ent_1", "usr_1"),
    ]
    reasons = errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
    known = {name.removeprefix("ERROR_REASON_") for name in reasons}
    assert {error.reason for error in raised} | peers.PASSED_ON <= known
    for error in raised:
        values = [value for name, value in error.facts.items() if name not in ("caller",)]
        assert all(value in str(error) for value in values), error


def test_a_plan_is_kept_as_it_was_given() -> None:
    """Out of policy's answer, through the database's JSON, into our own answer: the same."""
    given = evaluation_pb2.Plan(
        policy_id="pol_1",
        policy_display_name="Default",
        policy_version=7,
        policy_digest="abc",
        rule="designers",
        condition="true",
        explanation=["one", "two"],
        steps=[
            policy_pb2.Step(accept=policy_pb2.Step.Accept(message="welcome")),
            policy_pb2.Step(reject=policy_pb2.Step.Reject(message="no")),
            policy_pb2.Step(),
        ],
    )
    given.evaluate_time.FromDatetime(NOW)
    plan = plans.plan_from_proto(given)
    assert plans.plan_to_proto(documents.plan_from(documents.plan_document(plan))) == given
    bare = plans.plan_from_proto(evaluation_pb2.Plan())
    assert documents.plan_from(documents.plan_document(bare)) == bare


def test_an_event_that_names_no_lease_is_known_as_such() -> None:
    """Nonsense, and another's id, name no lease."""
    kind = "latchkey.connector.v1.AccessProvisioned"
    assert lease_id_of(kind, b"\x0a\x05lea_1") == "lea_1"
    for payload in (b"", b"\xff\xff", b"\x0a\x05req_1", b"\x0a\x06lea_\x00\x00"):
        assert lease_id_of(kind, payload) is None


def test_states_of_a_delivery_are_the_connectors() -> None:
    """One that is not known is refused, and never taken for another."""
    for state in delivery.DeliveryState:
        value = provisioning_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state}")
        message = provisioning_pb2.Delivery(state=value, round=3)
        assert peers.delivery_from_proto(message) == delivery.Delivery(state, 3)
    with pytest.raises(Unavailable):
        peers.delivery_from_proto(provisioning_pb2.Delivery())


def test_whom_an_unknown_source_stands_for_is_not_believed() -> None:
    """What a newer catalog says of a kind of approvers that this version does not know counts for
    none of the kinds that it does not know."""
    known = resolution_pb2.KnownApprovers(user_ids=["usr_max"])
    known.source.manager.level = 2
    answer = resolution_pb2.ResolveEntitlementResponse(
        managers=[directory_pb2.User(user_id="usr_max", display_name="Max")],
        approvers=[known, resolution_pb2.KnownApprovers(user_ids=["usr_max"])],
    )
    approvers = peers.resolution_from_proto(answer).approvers
    assert [*approvers] == [Manager(2)]
    assert [each.user_id for each in approvers[Manager(2)].people] == ["usr_max"]
