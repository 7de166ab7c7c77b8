"""ExportPolicies, ApplyPolicies and CheckPolicy over a real channel, on both databases."""

import asyncio
from typing import Any

from grpc import StatusCode
from grpc.aio import AioRpcError

from latchkey.policy.v1 import policy_pb2
from libs.domain.callers import AUDITOR
from libs.rpc import errors
from services.policy.domain.coverage import Audience, Gap, Inquiry
from services.policy.domain.steps import AppOwners, Manager
from tests.integration.policy.house import PolicyHouse, a_policy, refusal
from tests.unit.policy.test_administering import use
from tests.unit.policy.test_document import DOCUMENT

INVALID, NOT_NOW = StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION
ON_CALL = """\
  - name: 'On call: everybody'
    baseline:
      - approve: grp_operators
"""


async def test_policies_live_in_a_document(house: PolicyHouse) -> None:
    """From nothing to a document of theirs, changed and deleted by it; each with its event and its
    record, all of one call in one commit."""
    text = DOCUMENT + ON_CALL
    shown = await house.call("ApplyPolicies", document=text)
    assert (shown.applied, len(shown.changes)) == (False, 2)
    assert len((await house.call("ListPolicies")).policies) == 4
    wish: dict[str, Any] = {
        "document": text,
        "plan_digest": shown.plan_digest,
        "idempotency_key": "key-1",
    }
    done = await house.call("ApplyPolicies", **wish)
    assert done.applied
    assert await house.call("ApplyPolicies", **wish) == done
    exported = (await house.call("ExportPolicies", AUDITOR)).document
    head, _, tail = exported.partition(ON_CALL)
    assert head + tail == DOCUMENT
    plan = await house.evaluate(done.changes[0].policy_id)
    assert plan.steps[0].reject.message == "Ask for less than four hours."

    await refusal(
        house.call("DeletePolicy", policy_id=done.changes[1].policy_id, etag="1"),
        NOT_NOW,
        "POLICY_IN_USE",
    )
    text = text.replace("four hours.", "five hours.").replace("grp_operators\n", "manager\n")
    asked = {"document": text, "delete_others": True}
    created = await house.create(a_policy())
    shown = await house.call("ApplyPolicies", **asked)
    assert [(change.action, change.to_version) for change in shown.changes] == [
        (policy_pb2.PolicyChange.ACTION_UPDATE, 2),
        (policy_pb2.PolicyChange.ACTION_UPDATE, 2),
        (policy_pb2.PolicyChange.ACTION_DELETE, 0),
    ]
    assert "-      - reject: Ask for less than four hours.\n" in shown.changes[0].diff
    await house.call("ApplyPolicies", **asked, plan_digest=shown.plan_digest)
    ledger = house.service.ledger
    rows = await house.service.database.read(
        lambda connection: connection.execute(
            ledger.audit.select().order_by(ledger.audit.c.sequence)
        ).all()
    )
    assert [row.action for row in rows] == [
        *["policy.created"] * 3,
        *["policy.updated"] * 2,
        "policy.deleted",
    ]
    assert rows[-1].resource_id == created.policy_id
    await refusal(
        house.call("GetPolicy", policy_id=created.policy_id),
        StatusCode.NOT_FOUND,
        "POLICY_NOT_FOUND",
    )
    assert not (await house.call("ApplyPolicies", **asked)).changes[0].diff


async def test_one_of_many_applications_is_carried_out(house: PolicyHouse) -> None:
    """Of those who saw the same policies one is done whole, and the others look again."""
    documents = [
        f"policies:\n  - name: A\n    baseline: [{{reject: No {n}.}}]\n"
        f"  - name: B\n    baseline: [{{reject: No {n}.}}]\n"
        for n in range(10)
    ]

    async def attempt(document: str, digest: str) -> str:
        try:
            answer = await house.call("ApplyPolicies", document=document, plan_digest=digest)
        except AioRpcError as error:
            return errors.error_info(error).reason
        return str(answer.applied)

    for _ in range(2):
        shown = [await house.call("ApplyPolicies", document=each) for each in documents]
        pairs = zip(documents, (each.plan_digest for each in shown), strict=True)
        answers = await asyncio.gather(*(attempt(*pair) for pair in pairs))
        # The document of the time before is carried out too, with nothing to do.
        assert {*answers} == {"True", "APPLY_PLAN_STALE"}
        assert answers.count("True") <= 2
        exported = (await house.call("ExportPolicies")).document
        assert len({line for line in exported.splitlines() if "reject" in line}) == 1


async def test_what_is_refused_says_where(house: PolicyHouse) -> None:
    """Over the wire as within: a document that is none, one that can't be meant, one that is for
    other policies than there are. Nothing is done."""
    bad = "policies:\n  - name: A\n    baselin: [accept]\n"
    violations = await refusal(
        house.call("ApplyPolicies", document=bad), INVALID, "DOCUMENT_INVALID"
    )
    assert list(violations) == ["document"]
    bad = (
        "policies:\n  - name: A\n    rules:\n      - {name: R, when: nobody, steps: [accept]}\n"
        "    baseline: [accept]\n"
    )
    violations = await refusal(
        house.call("ApplyPolicies", document=bad), INVALID, "EXPRESSION_INVALID"
    )
    assert list(violations) == ["policies[0].rules[0].condition"]
    bad = "policies:\n  - name: Manager approval\n    baseline: [accept]\n"
    await refusal(house.call("ApplyPolicies", document=bad), NOT_NOW, "POLICY_BUILT_IN")
    await refusal(
        house.call("ApplyPolicies", document="policies: []", plan_digest="0" * 64),
        StatusCode.ABORTED,
        "APPLY_PLAN_STALE",
    )
    assert (await house.call("ExportPolicies")).document == "policies: []\n"


async def test_coverage_is_told(house: PolicyHouse) -> None:
    """For whom nobody can approve, and that it can't be told without the catalog."""
    staff = Audience("apr_staff", "Staff")
    house.catalog.used = {"pol_manager": [use(1, audiences=(staff,), emergency=True)]}
    question = Inquiry("app_1", "apr_staff", Manager(), AppOwners(), 1)
    house.catalog.gaps[question] = Gap(1, ("usr_ada",), "usr_ada has no manager")
    asked = {"policy_id": "pol_manager", "coverage": True}
    answer = await house.call("CheckPolicy", AUDITOR, **asked)
    assert list(answer.problems) == []
    assert list(answer.coverage) == [
        policy_pb2.Coverage(
            app_id="app_1",
            app_display_name="App 1",
            access_profile_id="apr_staff",
            access_profile_display_name="Staff",
            verdict=policy_pb2.Coverage.VERDICT_REFUTED,
            without_approver=1,
            user_ids=["usr_ada"],
            message="usr_ada has no manager",
        )
    ]
    house.catalog.away = True
    await refusal(
        house.call("CheckPolicy", **asked), StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"
    )
    draft = a_policy(rules=[], baseline=[])
    answer = await house.call("CheckPolicy", policy=draft)
    assert [problem.field for problem in answer.problems] == ["policy.baseline"]
