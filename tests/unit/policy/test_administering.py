"""Updating, deleting and reading versions of policies."""

from datetime import timedelta
from typing import Any

import pytest

from libs.domain.changes import Outcome
from libs.domain.errors import AlreadyExists, Conflict, Invalid, NotFound, Unavailable, WrongState
from libs.domain.paging import PageRequest
from services.policy.domain.content import Content
from services.policy.domain.coverage import Use
from services.policy.domain.facts import PolicyDeleted, PolicyUpdated
from services.policy.domain.policy import AUTO_APPROVE, Policy
from services.policy.domain.steps import Approval, Escalate, Manager, Reject, TimeLimit
from services.policy.expressions import CelExpressions
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.delete_policy import DeletePolicy, DeletePolicyHandler
from services.policy.handlers.get_policy import get_policy, list_versions
from services.policy.handlers.update_policy import UpdatePolicy, UpdatePolicyHandler
from services.policy.handlers.uses import Uses
from tests.fakes.clock import FakeClock
from tests.fakes.policy import FakeCatalog, FakePolicies
from tests.unit.policy.examples import ACCEPTING, NOW, PERSON, built_in, policy

EXPRESSIONS = CelExpressions()
LATER = NOW + timedelta(days=1)


def escalating(policy_id: str) -> Content:
    limit = TimeLimit(timedelta(hours=1), Escalate(policy_id))
    return Content((), (Approval(Manager(), time_limit=limit),))


class Office:
    """The handlers over one set of policies."""

    def __init__(self, *policies: Policy, default: str = AUTO_APPROVE, **catalog: Any) -> None:
        self.policies = FakePolicies([*policies])
        self.catalog = FakeCatalog(**catalog)
        checked = CheckedPolicy(self.policies, EXPRESSIONS)
        uses = Uses(self.policies, self.catalog, default)
        self._update = UpdatePolicyHandler(self.policies, checked, FakeClock(LATER))
        self._delete = DeletePolicyHandler(self.policies, uses, FakeClock(LATER))

    async def update(self, policy_id: str = "pol_one", etag: str = "1", **values: Any) -> Any:
        outcome = await self._update(UpdatePolicy(PERSON, policy_id, etag, values))
        self.policies.keep(outcome.change)
        return outcome

    async def delete(self, policy_id: str = "pol_one", etag: str = "1") -> Outcome[Policy]:
        outcome = await self._delete(DeletePolicy(PERSON, policy_id, etag, "not needed"))
        self.policies.keep(outcome.change)
        return outcome


async def test_update_makes_the_next_version() -> None:
    """The next version has what was given and keeps the rest; its record has both digests."""
    office = Office(policy())
    outcome = await office.update(baseline=(Reject("No."),), description="Why")
    after, change = outcome.result, outcome.change
    assert (after.version, after.display_name, after.create_time) == (2, "One", LATER)
    assert after.content == Content((), (Reject("No."),))
    assert after.digest == after.content.digest != ACCEPTING.digest
    (fact,) = change.facts
    assert fact.resource_version == 2
    assert fact.body == PolicyUpdated("pol_one", "One", 2, after.digest, PERSON)
    assert change.audit.action == "policy.updated"
    assert change.audit.details == {
        "display_name": "One",
        "version": 2,
        "digest": after.digest,
        "previous_digest": ACCEPTING.digest,
        "changed": ["description", "content"],
    }
    assert await get_policy(office.policies, "pol_one") == after
    assert await get_policy(office.policies, "pol_one", 1) == policy()


async def test_update_that_changes_nothing_makes_no_version() -> None:
    """What is so already is answered as it is, and nothing is written."""
    office = Office(policy())
    outcome = await office.update(display_name="One", rules=(), baseline=ACCEPTING.baseline)
    assert outcome.result == policy()
    assert outcome.change is None


async def test_update_refuses() -> None:
    """An older version, a built-in policy, a name of another, an escalation to itself, to nobody
    and in a circle, an expression that is none: nothing of it is done."""
    office = Office(policy(), policy(escalating("pol_one"), "pol_two", "Two"), built_in())
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"etag": "2", "description": "x"}, Conflict, "ETAG_MISMATCH"),
        ({"policy_id": AUTO_APPROVE, "description": "x"}, WrongState, "POLICY_BUILT_IN"),
        ({"policy_id": "pol_three", "description": "x"}, NotFound, "POLICY_NOT_FOUND"),
        ({"display_name": "TWO"}, AlreadyExists, "POLICY_NAME_TAKEN"),
        ({"baseline": escalating("pol_one").baseline}, Invalid, "POLICY_INVALID"),
        ({"baseline": escalating("pol_two").baseline}, Invalid, "POLICY_INVALID"),
        ({"baseline": escalating("pol_gone").baseline}, Invalid, "POLICY_INVALID"),
    ]
    for command, kind, reason in refused:
        with pytest.raises(kind) as raised:
            await office.update(**command)
        assert getattr(raised.value, "reason", "") == reason
    assert office.policies.earlier == []
    assert (await office.update(display_name="ONE")).result.display_name == "ONE"


async def test_deleted_policy_is_gone_and_its_versions_stay() -> None:
    """It is found by a version only, its name is free, and the record says why."""
    office = Office(policy())
    await office.update(description="Two")
    outcome = await office.delete(etag="2")
    last, change = outcome.result, outcome.change
    assert change is not None
    assert (last.version, last.delete_time) == (2, LATER)
    (fact,) = change.facts
    assert (fact.resource_version, fact.body) == (3, PolicyDeleted("pol_one", "One", 2, PERSON))
    assert (change.audit.action, change.audit.reason) == ("policy.deleted", "not needed")
    assert change.audit.details == {"display_name": "One", "version": 2, "digest": last.digest}
    with pytest.raises(NotFound):
        await get_policy(office.policies, "pol_one")
    assert (await get_policy(office.policies, "pol_one", 1)).delete_time == LATER
    page = await list_versions(office.policies, "pol_one", PageRequest(10, "", ("versions",)))
    assert [each.version for each in page.items] == [2, 1]
    assert await office.policies.named(["One"]) == ()
    for each in (office.delete(etag="2"), office.update(etag="2", description="x")):
        with pytest.raises(NotFound):
            await each


def use(number: int, **fields: Any) -> Use:
    given: dict[str, Any] = {
        "app_id": f"app_{number}",
        "app_display_name": f"App {number}",
        "entitlement_id": "",
        "entitlement_display_name": "",
        "by_rules": False,
        "emergency": False,
        "audiences": (),
    }
    return Use(**(given | fields))


async def test_policy_in_use_stays() -> None:
    """What uses it is said in words, ten of it at most, whoever uses it."""
    uses = [
        use(1),
        use(2, by_rules=True, emergency=True),
        use(3, entitlement_id="ent_1", entitlement_display_name="Reader"),
    ]
    office = Office(
        policy(),
        policy(escalating("pol_one"), "pol_two", "Two"),
        default="pol_one",
        used={"pol_one": uses},
    )
    with pytest.raises(WrongState) as raised:
        await office.delete()
    assert raised.value.reason == "POLICY_IN_USE"
    assert raised.value.facts["uses"] == (
        "it is what decides where nobody names a policy (LATCHKEY_DEFAULT_POLICY_ID); "
        "the policy 'Two' escalates to it; the app App 1; the rules of App 2, in an emergency; "
        "the entitlement Reader of App 3"
    )
    office = Office(policy(), used={"pol_one": [use(number) for number in range(30)]})
    with pytest.raises(WrongState) as raised:
        await office.delete()
    assert raised.value.facts["uses"].count(";") == 10
    assert raised.value.facts["uses"].endswith("; and more")


async def test_nothing_is_deleted_while_the_catalog_is_away() -> None:
    """Whether something uses a policy is not guessed; what is known to use it is said all the
    same."""
    office = Office(policy(), away=True)
    with pytest.raises(Unavailable):
        await office.delete()
    office = Office(policy(), policy(escalating("pol_one"), "pol_two", "Two"), away=True)
    with pytest.raises(WrongState) as raised:
        await office.delete()
    assert raised.value.facts["uses"] == "the policy 'Two' escalates to it; and more"
    assert (await office.policies.get("pol_one")) is not None
