"""PolicyService over a real channel, on both databases."""

import asyncio
from typing import Any

import grpc
import nats
import pytest
from grpc import StatusCode

from latchkey.policy.v1 import events_pb2, policy_pb2
from libs.domain.callers import ADMIN, POLICY_ADMIN
from libs.events.envelope import parse
from libs.rpc import errors
from tests.integration.policy.house import PolicyHouse, a_policy, accept, refusal, reject


async def test_created_policy_is_there(house: PolicyHouse) -> None:
    """What was created is answered, and found again as it was answered."""
    wish = a_policy(
        "  Night shift ",
        description="Line one\nline two",
        # What is output only is not the caller's to say.
        policy_id="pol_mine",
        version=7,
        built_in=True,
        digest="x",
        etag="x",
    )
    created = await house.create(wish)
    assert created.policy_id.startswith("pol_0")
    assert (created.display_name, created.description) == ("Night shift", "Line one\nline two")
    assert (created.version, created.built_in, created.etag) == (1, False, "1")
    assert created.rules == wish.rules
    assert created.baseline == wish.baseline
    assert len(created.digest) == 64
    found = await house.policies.GetPolicy(
        policy_pb2.GetPolicyRequest(policy_id=created.policy_id), metadata=house.as_person(ADMIN)
    )
    assert found.policy == created


async def test_auto_approve_is_built_in(house: PolicyHouse) -> None:
    """Auto-approve is there from the start, and its digest is what the code computes."""
    found = await house.policies.GetPolicy(
        policy_pb2.GetPolicyRequest(policy_id="pol_auto_approve"), metadata=house.as_person(ADMIN)
    )
    policy = found.policy
    assert (policy.display_name, policy.built_in, policy.version) == ("Auto-approve", True, 1)
    assert (list(policy.rules), list(policy.baseline)) == ([], [accept()])
    same = await house.create(a_policy("The same", rules=[], baseline=[accept()]))
    assert policy.digest == same.digest
    await refusal(
        house.create(a_policy("AUTO-approve")), StatusCode.ALREADY_EXISTS, "POLICY_NAME_TAKEN"
    )


async def test_creating_is_published_and_recorded(house: PolicyHouse, nats_url: str) -> None:
    """A new policy leaves as an event with its actor, and stands in the audit chain."""
    client = await nats.connect(nats_url)
    try:
        subscription = await client.subscribe("latchkey.policy.v1.PolicyCreated")
        await client.flush()
        created = await house.create(a_policy())
        message = await subscription.next_msg(timeout=10)
    finally:
        await client.close()
    event = parse(message.subject, message.headers, message.data)
    body = events_pb2.PolicyCreated.FromString(event.payload)
    assert (event.resource_id, event.resource_version) == (created.policy_id, 1)
    assert (body.policy_id, body.display_name) == (created.policy_id, "Night shift")
    assert (body.version, body.digest) == (1, created.digest)
    assert body.actor.person.display_name == "Paula"

    ledger = house.service.ledger
    (record,) = await house.service.database.read(
        lambda connection: connection.execute(ledger.audit.select()).all()
    )
    assert (record.action, record.resource_id) == ("policy.created", created.policy_id)


async def test_name_is_unique_under_a_race(house: PolicyHouse) -> None:
    """Of many who want one name at once exactly one gets it, and the others hear why not."""
    names = ["Race", "race", "RACE", "Race", "rACE", "Race"]
    answers = await asyncio.gather(
        *(house.create(a_policy(name)) for name in names), return_exceptions=True
    )
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(failures) == len(names) - 1
    for failure in failures:
        assert isinstance(failure, grpc.aio.AioRpcError)
        assert failure.code() is StatusCode.ALREADY_EXISTS


async def test_repeated_key_is_answered_as_the_first_time(house: PolicyHouse) -> None:
    """A call that is repeated under its key makes one policy; also when both run at once."""
    answers = await asyncio.gather(*(house.create(a_policy(), "key-1") for _ in range(5)))
    assert len({answer.policy_id for answer in answers}) == 1
    assert await house.create(a_policy(), "key-1") == answers[0]
    violations = await refusal(
        house.create(a_policy("Another"), "key-1"),
        StatusCode.INVALID_ARGUMENT,
        "IDEMPOTENCY_KEY_REUSED",
    )
    assert list(violations) == ["idempotency_key"]


async def test_list_pages_oldest_first(house: PolicyHouse) -> None:
    """Pages follow each other without a gap or a repetition, the built-in policies first."""
    created = [(await house.create(a_policy(f"Policy {n}"))).policy_id for n in range(5)]
    seen: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await house.policies.ListPolicies(
            policy_pb2.ListPoliciesRequest(page_size=2, page_token=token),
            metadata=house.as_person(ADMIN),
        )
        seen += [policy.policy_id for policy in page.policies]
        token, pages = page.next_page_token, pages + 1
    assert seen[4:] == created
    assert len({*seen}) == len(seen) == 9
    assert pages == 5


async def test_made_up_page_token_is_refused(house: PolicyHouse) -> None:
    """A token that no page gave is refused as such."""
    for token in ["x", "é", "AAAAAAAAAAAAAAAA", "W10", "[" * 2000]:
        await refusal(
            house.policies.ListPolicies(
                policy_pb2.ListPoliciesRequest(page_token=token), metadata=house.as_person(ADMIN)
            ),
            StatusCode.INVALID_ARGUMENT,
            "PAGE_TOKEN_INVALID",
        )


async def test_reading_refuses_what_can_not_be_meant(house: PolicyHouse) -> None:
    """A field that is not as it must be is named."""
    requests: list[tuple[Any, str]] = [
        (policy_pb2.ListPoliciesRequest(page_size=-1), "page_size"),
        (policy_pb2.ListPoliciesRequest(page_size=501), "page_size"),
        (policy_pb2.ListPoliciesRequest(page_token="x" * 2001), "page_token"),
        (policy_pb2.GetPolicyRequest(), "policy_id"),
        (policy_pb2.GetPolicyRequest(policy_id="app_1"), "policy_id"),
        (policy_pb2.GetPolicyRequest(policy_id="pol_\0"), "policy_id"),
        (policy_pb2.GetPolicyRequest(policy_id="pol_" + "x" * 100), "policy_id"),
    ]
    for request, field in requests:
        stub = house.policies
        listing = isinstance(request, policy_pb2.ListPoliciesRequest)
        method: Any = stub.ListPolicies if listing else stub.GetPolicy
        violations = await refusal(
            method(request, metadata=house.as_person(ADMIN)),
            StatusCode.INVALID_ARGUMENT,
            "FIELD_INVALID",
        )
        assert list(violations) == [field]


async def test_unknown_policy_is_not_found(house: PolicyHouse) -> None:
    """An id that no policy has is not found, and named."""
    facts = await refusal(
        house.policies.GetPolicy(
            policy_pb2.GetPolicyRequest(policy_id="pol_gone"), metadata=house.as_person(ADMIN)
        ),
        StatusCode.NOT_FOUND,
        "POLICY_NOT_FOUND",
    )
    assert facts == {"policy_id": "pol_gone"}


def _rule(**fields: Any) -> policy_pb2.Rule:
    given = {"display_name": "Rule", "condition": "true", "steps": [accept()]}
    return policy_pb2.Rule(**(given | fields))


UNCREATABLE: list[tuple[policy_pb2.Policy | None, list[str]]] = [
    (None, ["policy", "policy.display_name", "policy.baseline"]),
    (a_policy(""), ["policy.display_name"]),
    (a_policy(" \t"), ["policy.display_name", "policy.display_name"]),
    (a_policy("x" * 201), ["policy.display_name"]),
    (a_policy("a\0b"), ["policy.display_name"]),
    (a_policy(description="x" * 2001), ["policy.description"]),
    (a_policy(description="\x1b[31m"), ["policy.description"]),
    (a_policy(baseline=[]), ["policy.baseline"]),
    (a_policy(baseline=[accept()] * 21), ["policy.baseline"]),
    (a_policy(baseline=[policy_pb2.Step()]), ["policy.baseline[0]"]),
    (a_policy(baseline=[accept("x" * 501)]), ["policy.baseline[0].accept.message"]),
    (a_policy(baseline=[accept("\0")]), ["policy.baseline[0].accept.message"]),
    (a_policy(baseline=[reject("")]), ["policy.baseline[0].reject.message"]),
    (a_policy(baseline=[reject("x" * 501)]), ["policy.baseline[0].reject.message"]),
    (a_policy(rules=[_rule(display_name=f"{n}") for n in range(1001)]), ["policy.rules"]),
    (a_policy(rules=[_rule(display_name="")]), ["policy.rules[0].display_name"]),
    (a_policy(rules=[_rule(condition="emergency"), _rule()]), ["policy.rules[1].display_name"]),
    (a_policy(rules=[_rule(condition="")]), ["policy.rules[0].condition"]),
    (a_policy(rules=[_rule(condition="true\0")]), ["policy.rules[0].condition"]),
    (a_policy(rules=[_rule(condition="x" * 4097)]), ["policy.rules[0].condition"]),
    (a_policy(rules=[_rule(steps=[])]), ["policy.rules[0].steps"]),
    (a_policy(rules=[_rule(steps=[reject("")])]), ["policy.rules[0].steps[0].reject.message"]),
]


async def test_creating_refuses_what_can_not_be_meant(house: PolicyHouse) -> None:
    """Every field that is not as it must be is named, by its path."""
    for policy, fields in UNCREATABLE:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await house.policies.CreatePolicy(
                policy_pb2.CreatePolicyRequest(policy=policy),
                metadata=house.as_person(POLICY_ADMIN),
            )
        assert errors.error_info(raised.value).reason == "FIELD_INVALID"
        assert [v.field for v in errors.field_violations(raised.value)] == fields


async def test_condition_that_does_not_compile_is_refused(house: PolicyHouse) -> None:
    """A bad condition is refused with its rule and place, and nothing is created."""
    conditions = [
        "approver",
        "1",
        "true ||",
        "(" * 300 + "true" + ")" * 300,
        "'a' + 'b' == 'ab'",
        "dyn(true)",
    ]
    for condition in conditions:
        violations = await refusal(
            house.create(a_policy(rules=[_rule(condition=condition)])),
            StatusCode.INVALID_ARGUMENT,
            "EXPRESSION_INVALID",
        )
        assert list(violations) == ["policy.rules[0].condition"]
    await house.create(a_policy())


async def test_bad_idempotency_key_is_refused(house: PolicyHouse) -> None:
    """A key is a short text."""
    for key in ("x" * 201, "a\0b"):
        violations = await refusal(
            house.create(a_policy(), key), StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"
        )
        assert list(violations) == ["idempotency_key"]
