"""Policies are updated and deleted, over a real channel, on both databases."""

import asyncio
from typing import Any

import nats
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode
from grpc.aio import AioRpcError

from latchkey.policy.v1 import events_pb2, policy_pb2
from libs.domain.callers import ADMIN
from libs.domain.paging import Page, PageRequest
from libs.events.envelope import parse
from libs.rpc import errors
from tests.integration.policy.house import PolicyHouse, a_policy, accept, refusal, reject
from tests.unit.policy.test_administering import use

INVALID, CONFLICT = StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED
GONE, NOT_NOW = StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION


def update(policy: policy_pb2.Policy, *paths: str, **more: Any) -> dict[str, Any]:
    """The fields of a request for an update of a policy to itself."""
    given = {"policy": policy, "update_mask": FieldMask(paths=paths), "etag": policy.etag}
    return given | more


def escalating(policy_id: str) -> list[policy_pb2.Step]:
    limit = policy_pb2.TimeLimit(escalate_to_policy_id=policy_id)
    limit.after.seconds = 3600
    approvers = policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager())
    approval = policy_pb2.Step.Approval(approvers=approvers, time_limit=limit)
    return [policy_pb2.Step(approval=approval)]


async def test_versions_follow_each_other_and_stay(house: PolicyHouse, nats_url: str) -> None:
    """From creation to deletion: each version can be read for ever, evaluations go by the newest
    until there is none, events and the audit tell all of it, and the name is free again."""
    client = await nats.connect(nats_url)
    try:
        subscription = await client.subscribe("latchkey.policy.v1.>")
        await client.flush()
        first = await house.create(a_policy(description="Before"))
        wish = policy_pb2.Policy.FromString(first.SerializeToString())
        wish.display_name, wish.description = "Late shift", ""
        del wish.rules[:]
        # What the mask does not name stays.
        mask = ("rules", "display_name")
        second = (await house.call("UpdatePolicy", **update(wish, *mask))).policy
        assert (second.version, second.etag, second.display_name) == (2, "2", "Late shift")
        assert (second.description, list(second.rules)) == ("Before", [])
        assert second.baseline == first.baseline
        assert second.digest != first.digest
        plan = await house.evaluate(first.policy_id)
        assert (plan.policy_version, plan.policy_display_name) == (2, "Late shift")
        await house.create(a_policy())
        of_it = {"policy_id": first.policy_id}
        deleted = await house.call("DeletePolicy", **of_it, etag="2", reason="Replaced")
        assert deleted.policy.HasField("delete_time")
        messages = [await subscription.next_msg(timeout=10) for _ in range(4)]
    finally:
        await client.close()
    last = policy_pb2.Policy.FromString(second.SerializeToString())
    last.delete_time.CopyFrom(deleted.policy.delete_time)
    assert deleted.policy == last
    first.delete_time.CopyFrom(last.delete_time)
    page = await house.call("ListPolicyVersions", ADMIN, **of_it, page_size=1)
    assert list(page.policies) == [last]
    more = {**of_it, "page_size": 1, "page_token": page.next_page_token}
    page = await house.call("ListPolicyVersions", ADMIN, **more)
    assert (list(page.policies), page.next_page_token) == ([first], "")
    for version, policy in ((1, first), (2, last)):
        answer = await house.call("GetPolicy", ADMIN, **of_it, version=version)
        assert answer.policy == policy
    await refusal(house.call("GetPolicy", ADMIN, **of_it, version=3), GONE, "POLICY_NOT_FOUND")
    await refusal(house.call("GetPolicy", ADMIN, **of_it), GONE, "POLICY_NOT_FOUND")
    await refusal(house.evaluate(first.policy_id), GONE, "POLICY_NOT_FOUND")
    listed = (await house.call("ListPolicies", ADMIN)).policies
    assert first.policy_id not in [policy.policy_id for policy in listed]
    await house.create(a_policy("LATE shift"))

    events = [parse(each.subject, each.headers, each.data) for each in messages]
    of_first = [each for each in events if each.resource_id == first.policy_id]
    assert [each.resource_version for each in of_first] == [1, 2, 3]
    updated = events_pb2.PolicyUpdated.FromString(of_first[1].payload)
    assert (updated.version, updated.digest, updated.display_name) == (
        2,
        second.digest,
        "Late shift",
    )
    gone = events_pb2.PolicyDeleted.FromString(of_first[2].payload)
    assert (gone.version, gone.display_name) == (2, "Late shift")
    assert gone.actor.person.display_name == "Paula"
    audit = house.service.ledger.audit
    records = await house.service.database.read(
        lambda connection: connection.execute(
            audit.select().where(audit.c.resource_id == first.policy_id)
        ).all()
    )
    assert [record.action for record in records] == [
        "policy.created",
        "policy.updated",
        "policy.deleted",
    ]
    assert first.digest in records[1].details and second.digest in records[1].details
    assert records[2].reason == "Replaced"


async def test_one_of_many_updates_wins(house: PolicyHouse) -> None:
    """Of twenty who saw one version one makes the next, and the others hear that it is there; of
    updates and deletions at once one is done."""
    created = await house.create(a_policy())

    async def attempt(number: int, etag: str, method: str = "UpdatePolicy") -> str:
        wish = policy_pb2.Policy(policy_id=created.policy_id, description=f"Wish {number}")
        fields = update(wish, "description", etag=etag)
        if method == "DeletePolicy":
            fields = {"policy_id": created.policy_id, "etag": etag}
        try:
            await house.call(method, **fields)
        except AioRpcError as error:
            return errors.error_info(error).reason
        return method

    answers = await asyncio.gather(*(attempt(number, "1") for number in range(20)))
    assert sorted(answers) == ["ETAG_MISMATCH"] * 19 + ["UpdatePolicy"]
    versions = await house.call("ListPolicyVersions", policy_id=created.policy_id)
    assert [policy.version for policy in versions.policies] == [2, 1]
    methods = ["UpdatePolicy", "DeletePolicy"] * 5
    answers = await asyncio.gather(
        *(attempt(number, "2", method) for number, method in enumerate(methods, 20))
    )
    assert len([each for each in answers if each in methods]) == 1
    assert {*answers} - {*methods} <= {"ETAG_MISMATCH", "POLICY_NOT_FOUND"}


async def test_repeated_keys_are_answered_as_the_first_time(house: PolicyHouse) -> None:
    """An update and a deletion that are repeated under their keys are done once."""
    created = await house.create(a_policy())
    wish = policy_pb2.Policy(policy_id=created.policy_id, description="More", etag="1")
    fields = update(wish, "description", idempotency_key="key-1")
    first = await house.call("UpdatePolicy", **fields)
    assert await house.call("UpdatePolicy", **fields) == first
    await refusal(
        house.call("UpdatePolicy", **(fields | {"etag": "2"})), INVALID, "IDEMPOTENCY_KEY_REUSED"
    )
    fields = {"policy_id": created.policy_id, "etag": "2", "idempotency_key": "key-1"}
    gone = await asyncio.gather(*(house.call("DeletePolicy", **fields) for _ in range(5)))
    assert all(each == gone[0] for each in gone)


async def test_what_is_used_is_not_deleted(house: PolicyHouse) -> None:
    """By an app, by a policy, by the deployment, or by nobody knows whom: it stays."""
    created = await house.create(a_policy())
    fields = {"policy_id": created.policy_id, "etag": "1"}
    house.catalog.used = {created.policy_id: [use(1)]}
    facts = await refusal(house.call("DeletePolicy", **fields), NOT_NOW, "POLICY_IN_USE")
    assert facts["uses"] == "the app App 1"
    house.catalog.used = {}
    house.catalog.away = True
    facts = await refusal(
        house.call("DeletePolicy", **fields), StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"
    )
    assert facts["dependency"] == "the catalog service"
    house.catalog.away = False
    user = await house.create(a_policy("User", rules=[], baseline=escalating(created.policy_id)))
    facts = await refusal(house.call("DeletePolicy", **fields), NOT_NOW, "POLICY_IN_USE")
    assert facts["uses"] == "the policy 'User' escalates to it"
    wish = policy_pb2.Policy(policy_id=user.policy_id, baseline=[reject("No.")], etag="1")
    await house.call("UpdatePolicy", **update(wish, "baseline"))
    await house.call("DeletePolicy", **fields)
    wish = policy_pb2.Policy(policy_id=user.policy_id, baseline=escalating(created.policy_id))
    await refusal(
        house.call("UpdatePolicy", **update(wish, "baseline", etag="2")), INVALID, "POLICY_INVALID"
    )


async def test_a_policy_is_not_deleted_while_another_begins_to_use_it(house: PolicyHouse) -> None:
    """Whichever comes first, no policy ever escalates to one that is gone."""
    for number in range(5):
        target = await house.create(a_policy(f"Target {number}"))
        user = a_policy(f"User {number}", rules=[], baseline=escalating(target.policy_id))
        answers = await asyncio.gather(
            house.create(user),
            house.call("DeletePolicy", policy_id=target.policy_id, etag="1"),
            return_exceptions=True,
        )
        reasons = [
            errors.error_info(each).reason for each in answers if isinstance(each, AioRpcError)
        ]
        assert reasons in (["POLICY_INVALID"], ["POLICY_IN_USE"])


async def test_policies_never_lead_back_to_each_other(house: PolicyHouse) -> None:
    """Of two that begin at once to escalate to each other one does."""
    for number in range(5):
        pair = [await house.create(a_policy(f"{number} {name}", rules=[])) for name in "AB"]
        wishes = [
            policy_pb2.Policy(policy_id=one.policy_id, baseline=escalating(other.policy_id))
            for one, other in (pair, pair[::-1])
        ]
        answers = await asyncio.gather(
            *(house.call("UpdatePolicy", **update(wish, "baseline", etag="1")) for wish in wishes),
            return_exceptions=True,
        )
        reasons = [
            errors.error_info(each).reason for each in answers if isinstance(each, AioRpcError)
        ]
        assert reasons == ["POLICY_INVALID"]


async def test_built_in_policies_stay(house: PolicyHouse) -> None:
    """They can be evaluated and read, and neither updated nor deleted."""
    listed = (await house.call("ListPolicies", ADMIN)).policies
    assert [policy.policy_id for policy in listed] == [
        "pol_auto_approve",
        "pol_manager",
        "pol_app_owner",
        "pol_manager_then_app_owner",
    ]
    for policy in listed:
        await house.evaluate(policy.policy_id)
        fields = {"policy_id": policy.policy_id, "etag": "1"}
        await refusal(house.call("DeletePolicy", **fields), NOT_NOW, "POLICY_BUILT_IN")
        await refusal(
            house.call("UpdatePolicy", **update(policy, "description")), NOT_NOW, "POLICY_BUILT_IN"
        )


async def test_what_can_not_be_meant_is_named(house: PolicyHouse) -> None:
    """Each field that is not as it must be, of each request; and nothing is done."""
    created = await house.create(a_policy())
    other = await house.create(a_policy("Other"))
    named = {"policy_id": created.policy_id}
    mine = policy_pb2.Policy(**named, etag="1")
    bad: list[tuple[str, dict[str, Any], list[str]]] = [
        ("UpdatePolicy", {}, ["policy", "update_mask", "policy.policy_id", "etag"]),
        ("UpdatePolicy", update(mine), ["update_mask"]),
        ("UpdatePolicy", update(mine, "version", "description", "x\x00"), ["update_mask"] * 2),
        ("UpdatePolicy", update(mine, "rules[0]"), ["update_mask"]),
        ("UpdatePolicy", update(mine, "display_name"), ["policy.display_name"]),
        ("UpdatePolicy", update(mine, "baseline"), ["policy.baseline"]),
        ("UpdatePolicy", update(mine, "description", etag=""), ["etag"]),
        (
            "UpdatePolicy",
            update(mine, "description", idempotency_key="x" * 201),
            ["idempotency_key"],
        ),
        ("DeletePolicy", {}, ["policy_id", "etag"]),
        ("DeletePolicy", {**named, "etag": "1", "reason": "x" * 2001}, ["reason"]),
        ("DeletePolicy", {**named, "etag": "1", "idempotency_key": "\x00"}, ["idempotency_key"]),
        ("GetPolicy", {**named, "version": -1}, ["version"]),
        ("ListPolicyVersions", {}, ["policy_id"]),
        ("ListPolicyVersions", {**named, "page_size": 501}, ["page_size"]),
        ("CheckPolicy", {}, ["policy_id"]),
        ("CheckPolicy", {"policy_id": "x"}, ["policy_id"]),
        ("ExportPolicies", {"policy_ids": ["x"]}, ["policy_ids[0]"]),
        ("ExportPolicies", {"policy_ids": [f"pol_{n}" for n in range(101)]}, ["policy_ids"]),
        ("ApplyPolicies", {}, ["document"]),
        ("ApplyPolicies", {"document": "policies: []", "plan_digest": "x" * 65}, ["plan_digest"]),
    ]
    for method, fields, wrong in bad:
        violations = await refusal(house.call(method, **fields), INVALID, "FIELD_INVALID")
        assert list(violations) == list(dict.fromkeys(wrong)), (method, fields)
    page = {**named, "page_token": "x"}
    await refusal(house.call("ListPolicyVersions", **page), INVALID, "PAGE_TOKEN_INVALID")
    of_it = PageRequest(1, "", ("versions", created.policy_id))
    made_up: Page[str] = of_it.cut([], ["9" * 18])
    page = {**named, "page_token": made_up.next_page_token}
    assert list((await house.call("ListPolicyVersions", **page)).policies) == [created]
    for method in ("GetPolicy", "ListPolicyVersions", "CheckPolicy"):
        await refusal(house.call(method, policy_id="pol_gone"), GONE, "POLICY_NOT_FOUND")
    await refusal(house.call("ExportPolicies", policy_ids=["pol_gone"]), GONE, "POLICY_NOT_FOUND")
    wish = policy_pb2.Policy(**named, display_name="OTHER", etag="1")
    await refusal(
        house.call("UpdatePolicy", **update(wish, "display_name")),
        StatusCode.ALREADY_EXISTS,
        "POLICY_NAME_TAKEN",
    )
    await refusal(
        house.call("UpdatePolicy", **update(other, "baseline", etag="7")),
        CONFLICT,
        "ETAG_MISMATCH",
    )
    same = update(created, "baseline", "rules", "display_name", "description")
    assert (await house.call("UpdatePolicy", **same)).policy == created
    wish = policy_pb2.Policy(**named, baseline=[accept(), accept()], etag="1")
    await refusal(house.call("UpdatePolicy", **update(wish, "baseline")), INVALID, "POLICY_INVALID")
