"""Policies as code: documents are applied, as shown before, all or nothing."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Conflict, Invalid, LatchkeyError, Unavailable, WrongState
from services.policy.domain.apply_plan import Action, Applied
from services.policy.domain.policy import AUTO_APPROVE, Policy, folded
from services.policy.expressions import CelExpressions
from services.policy.handlers.apply_policies import ApplyPoliciesHandler
from services.policy.handlers.export_policies import export_policies
from services.policy.handlers.uses import Uses
from services.policy.translate.apply import (
    apply_policies,
    apply_policies_response,
    export_policies_response,
)
from tests.fakes.clock import FakeClock
from tests.fakes.policy import FakeCatalog, FakePolicies
from tests.support.examples import examples
from tests.unit.policy.documents import DESCRIPTIONS, EVALUABLE, NAMES
from tests.unit.policy.examples import NOW, PERSON, built_in, policy
from tests.unit.policy.test_administering import use

EXPRESSIONS = CelExpressions()


class Office:
    """ApplyPolicies and ExportPolicies over one set of policies."""

    def __init__(self, *policies: Policy, **catalog: Any) -> None:
        self.policies = FakePolicies([built_in(), *policies])
        self.catalog = FakeCatalog(**catalog)
        uses = Uses(self.policies, self.catalog, AUTO_APPROVE)
        self._apply = ApplyPoliciesHandler(self.policies, EXPRESSIONS, uses, FakeClock(NOW))

    async def apply(
        self, document: str, plan_digest: str = "", *, delete_others: bool = False
    ) -> Applied:
        request = policy_pb2.ApplyPoliciesRequest(
            document=document, plan_digest=plan_digest, delete_others=delete_others
        )
        outcome = await self._apply(apply_policies(request, PERSON))
        assert plan_digest or outcome.change is None
        self.policies.keep(outcome.change)
        return outcome.result

    async def carry_out(self, document: str, *, delete_others: bool = False) -> list[Action]:
        """What was done, after it was shown."""
        shown = await self.apply(document, delete_others=delete_others)
        assert not shown.applied
        done = await self.apply(document, shown.plan.digest, delete_others=delete_others)
        assert done.applied
        actions = [change.action for change in shown.plan.changes]
        assert [change.action for change in done.plan.changes] == actions
        return actions

    async def export(self, *policy_ids: str) -> str:
        exported = await export_policies(self.policies, policy_ids)
        return export_policies_response(exported).document


def document(*policies: str) -> str:
    return "policies:\n" + "".join(policies)


def rejecting(name: str, message: str = "No.") -> str:
    return f"  - name: {name}\n    baseline:\n      - reject: {message}\n"


def escalating(name: str, target: str) -> str:
    return (
        f"  - name: {name}\n    baseline:\n      - approve:\n          by: app owners\n"
        f"          time_limit:\n            after: 1h\n            escalate_to: {target}\n"
    )


async def test_plan_is_shown_and_then_carried_out() -> None:
    """Without a digest nothing is done; with the digest of what was shown it is."""
    office = Office()
    first = document(escalating("A", "B"), rejecting("B"))
    shown = await office.apply(first)
    response = apply_policies_response(shown)
    assert not response.applied
    assert [(c.action, c.policy_id, c.from_version, c.to_version) for c in response.changes] == [
        (policy_pb2.PolicyChange.ACTION_CREATE, "", 0, 1)
    ] * 2
    assert response.changes[1].diff == (
        "--- /dev/null\n+++ B (version 1)\n@@ -0,0 +1,3 @@\n"
        "+  - name: B\n+    baseline:\n+      - reject: No.\n"
    )
    assert len(office.policies.kept) == 1
    done = apply_policies_response(await office.apply(first, shown.plan.digest))
    assert done.applied
    assert all(change.policy_id.startswith("pol_") for change in done.changes)
    assert await office.export() == first
    assert await office.carry_out(first) == [Action.NONE, Action.NONE]

    second = document(escalating("A", "b"), rejecting("b", "Never."))
    shown = await office.apply(second)
    response = apply_policies_response(shown)
    # A names the same policy in other letters, and so is as it was.
    assert [change.action for change in shown.plan.changes] == [Action.NONE, Action.UPDATE]
    assert response.changes[1].diff == (
        "--- B (version 1)\n+++ b (version 2)\n@@ -1,3 +1,3 @@\n"
        "-  - name: B\n+  - name: b\n     baseline:\n-      - reject: No.\n"
        "+      - reject: Never.\n"
    )
    assert (response.changes[1].from_version, response.changes[1].to_version) == (1, 2)


async def test_what_was_not_shown_is_not_done() -> None:
    """Another document, a policy that changed, came or went, other things to do: look again."""
    text = document(rejecting("A"), escalating("C", "D"))
    for case in ("document", "policy", "new policy", "target", "digest"):
        office = Office(policy(name="A"), policy(policy_id="pol_d", name="D"))
        digest = (await office.apply(text)).plan.digest
        wanted = text
        if case == "document":
            wanted += "# changed\n"
        elif case == "policy":
            await office.carry_out(document(rejecting("A", "Other.")))
        elif case == "new policy":
            await office.carry_out(document(rejecting("C")))
        elif case == "target":
            await office.carry_out(document(rejecting("A")), delete_others=True)
            await office.carry_out(document(rejecting("D")))
        elif case == "digest":
            digest = "0" * 64
        before = [*office.policies.kept]
        with pytest.raises(Conflict) as raised:
            await office.apply(wanted, digest)
        assert raised.value.reason == "APPLY_PLAN_STALE", case
        assert office.policies.kept == before
    office, text = Office(policy(name="A"), policy(policy_id="pol_d", name="D")), "policies: []"
    digest = (await office.apply(text)).plan.digest
    with pytest.raises(Conflict):
        await office.apply(text, digest, delete_others=True)


async def test_escalations_within_a_document_go_in_any_order() -> None:
    """Policies that come together may name each other, before and behind, and built-in ones."""
    parts = [escalating("A", "B"), escalating("B", "C"), escalating("C", "AUTO-approve")]
    for order in itertools.permutations(parts):
        office = Office()
        assert await office.carry_out(document(*order)) == [Action.CREATE] * 3
        ids = {each.display_name: each.policy_id for each in office.policies.kept}
        (user,) = await office.policies.escalating_to(ids["B"], 10)
        assert user.display_name == "A"
        assert await office.carry_out(await office.export()) == [Action.NONE] * 3


async def test_document_that_can_not_be_done_is_refused() -> None:
    """A name of nobody, a circle, an expression that is none, a built-in policy: also when it is
    only asked, and with the policy's place in the document."""
    office = Office()
    condition = '    rules:\n      - {name: R, when: "1", steps: [accept]}\n'
    refused: list[tuple[str, type[LatchkeyError], str, str]] = [
        (document(escalating("A", "Nobody")), Invalid, "POLICY_INVALID", "policies[0]"),
        (
            document(rejecting("C"), escalating("A", "A")),
            Invalid,
            "POLICY_INVALID",
            "policies[1].baseline[0].approval.time_limit.escalate_to_policy_id",
        ),
        (
            document(escalating("A", "B"), escalating("B", "A")),
            Invalid,
            "POLICY_INVALID",
            "policies[0].baseline[0].approval.time_limit.escalate_to_policy_id",
        ),
        (
            document(rejecting("C"), rejecting("A") + condition),
            Invalid,
            "EXPRESSION_INVALID",
            "policies[1].rules[0].condition",
        ),
        (document(rejecting("auto-approve")), WrongState, "POLICY_BUILT_IN", ""),
    ]
    for text, kind, reason, field in refused:
        with pytest.raises(kind) as raised:
            await office.apply(text)
        assert raised.value.reason == reason
        if isinstance(raised.value, Invalid):
            assert raised.value.violations[0].field == field


async def test_others_are_deleted_when_that_is_asked() -> None:
    """What the document does not name goes, last and by name; what is built in stays."""
    office = Office(policy(policy_id="pol_z", name="Z"), policy(policy_id="pol_y", name="y"))
    text = document(rejecting("A"))
    assert await office.carry_out(text) == [Action.CREATE]
    shown = await office.apply(text, delete_others=True)
    changes = apply_policies_response(shown).changes
    assert [(change.display_name, change.to_version) for change in changes] == [
        ("A", 1),
        ("y", 0),
        ("Z", 0),
    ]
    assert changes[1].diff.startswith("--- y (version 1)\n+++ /dev/null\n")
    await office.carry_out(text, delete_others=True)
    kept = [each.display_name for each in office.policies.kept if each.delete_time is None]
    assert kept == ["Auto-approve", "A"]


async def test_others_that_are_used_are_not_deleted() -> None:
    """By an app, or by a policy that stays or comes: all of it stays as it was. Policies that go
    together may use each other."""
    both = document(escalating("A", "B"), rejecting("B"))
    office = Office()
    await office.carry_out(both)
    kept = [*office.policies.kept]
    for text in (document(escalating("A", "B")), document(escalating("New", "b"))):
        with pytest.raises(WrongState) as raised:
            await office.apply(text, delete_others=True)
        assert raised.value.reason == "POLICY_IN_USE"
    # A escalates to it no more.
    assert await office.carry_out(document(rejecting("A")), delete_others=True) == [
        Action.UPDATE,
        Action.DELETE,
    ]
    office.policies.kept = kept
    assert await office.carry_out(document(rejecting("C")), delete_others=True) == [
        Action.CREATE,
        Action.DELETE,
        Action.DELETE,
    ]
    office = Office(policy(), used={"pol_one": [use(1)]})
    with pytest.raises(WrongState):
        await office.apply("policies: []", delete_others=True)
    office = Office(policy(), away=True)
    with pytest.raises(Unavailable):
        await office.apply("policies: []", delete_others=True)
    assert await office.carry_out(document(rejecting("New"))) == [Action.CREATE]


async def test_only_what_is_named_is_exported() -> None:
    """By name, and nothing that is built in."""
    office = Office()
    await office.carry_out(document(rejecting("b"), rejecting("A"), rejecting("C")))
    ids = {each.display_name: each.policy_id for each in office.policies.kept}
    assert await office.export() == document(rejecting("A"), rejecting("b"), rejecting("C"))
    some = await office.export(ids["C"], ids["A"], ids["C"], AUTO_APPROVE)
    assert some == document(rejecting("A"), rejecting("C"))


async def test_export_that_could_not_be_applied_is_refused() -> None:
    """More than a document may hold is asked for in parts."""
    many = [policy(policy_id=f"pol_{n}", name=f"{n}") for n in range(1001)]
    with pytest.raises(Invalid) as raised:
        await Office(*many).export()
    assert [violation.field for violation in raised.value.violations] == ["policy_ids"]


@settings(deadline=None, max_examples=examples(40))
@given(
    st.lists(
        st.tuples(NAMES, DESCRIPTIONS, EVALUABLE),
        max_size=4,
        unique_by=lambda each: folded(each[0]),
    )
)
async def test_what_is_exported_is_there_and_makes_the_same(found: list[Any]) -> None:
    """Applied where it came from it changes nothing; in an empty house it makes the same, and that
    is exported to the letter."""
    found = [each for each in found if folded(each[0]) != "auto-approve"]
    here = Office(
        *(
            policy(content, f"pol_{number}", name).changed({"description": description}, NOW)
            for number, (name, description, content) in enumerate(found)
        )
    )
    text = await here.export()
    assert await here.carry_out(text, delete_others=True) == [Action.NONE] * len(found)
    there = Office()
    assert await there.carry_out(text) == [Action.CREATE] * len(found)
    assert await there.export() == text
    digests = [
        sorted(each.digest for each in office.policies.kept if not each.built_in)
        for office in (here, there)
    ]
    assert digests[0] == digests[1]
