"""What each reader is shown of an access request."""

from datetime import timedelta

from libs.domain.callers import AUDITOR, POLICY_ADMIN
from libs.domain.ids import derived_id
from services.requests.domain.steps import (
    Accept,
    Approval,
    GroupMembers,
    Manager,
    Reject,
    Wait,
    length_in_words,
    step_in_words,
)
from services.requests.loops.ask_again import AskAgainLoop
from services.requests.translate.shown import access_request_to_proto
from tests.unit.requests_service.house import ADA, House, person

GROUP = derived_id("grp", "approvers")
BEN, CLEO = person("Ben"), person("Cleo")


async def test_who_asks_learns_only_how_many_of_a_group_may_decide() -> None:
    """Who is in a group is for those who are asked, and for auditors: in the step and on the
    timeline alike."""
    house = House()
    house.policy.steps = (Approval(GroupMembers(GROUP)),)
    house.catalog.groups[GROUP] = [BEN.user_id, CLEO.user_id, ADA.user_id]
    made = await house.create()
    for reader, shown in ((ADA, 0), (BEN, 2), (person("Auditor", AUDITOR), 2)):
        message = access_request_to_proto(made, reader)
        assert message.current_step.approver_count == 2
        assert len(message.current_step.approvers) == shown
        assert len(message.timeline[-1].step_opened.approvers) == shown


async def test_who_asks_sees_their_manager() -> None:
    """Everybody else who may decide is named, so that people know whom to talk to."""
    house = House()
    house.policy.steps = (Approval(Manager()),)
    house.catalog.line[ADA.user_id] = [BEN.user_id]
    message = access_request_to_proto(await house.create(), ADA)
    assert [each.user_id for each in message.current_step.approvers] == [BEN.user_id]
    assert message.current_step.approver_count == 1


async def test_what_policy_was_told_is_not_for_the_requester() -> None:
    """Inputs are shown to those who look after policies."""
    made = await House().create()
    assert not access_request_to_proto(made, ADA).HasField("inputs")
    shown = access_request_to_proto(made, person("Pia", POLICY_ADMIN))
    assert shown.inputs.subject.user_id == ADA.user_id


async def test_who_has_come_to_be_able_to_decide_is_asked_in_the_rounds() -> None:
    """The directory says nothing when a group changes: the next round sees it, and tells the new
    member. When nobody is left, nobody can decide."""
    house = House()
    house.policy.steps = (Approval(GroupMembers(GROUP)),)
    house.catalog.groups[GROUP] = [BEN.user_id]
    made = await house.create()
    loop = AskAgainLoop(house.writes, house.store.access_requests.pending, house.decider)
    await loop()
    assert house.kept(made.access_request_id) == made
    house.catalog.groups[GROUP] = [CLEO.user_id]
    await loop()
    found = house.kept(made.access_request_id)
    assert found.awaiting == {CLEO.user_id}
    assert [type(fact.body).__name__ for fact in house.last.facts] == ["ApprovalRequested"]
    house.catalog.groups[GROUP] = []
    await loop()
    assert house.kept(made.access_request_id).state == "NO_APPROVER"


def test_steps_and_lengths_in_words() -> None:
    """As a preview shows them."""
    assert length_in_words(timedelta(hours=36)) == "1 day 12 hours"
    assert length_in_words(timedelta(minutes=90, seconds=1)) == "1 hour 30 minutes 1 second"
    assert length_in_words(timedelta(0)) == "no time"
    assert step_in_words(Accept()) == "approved at once"
    assert step_in_words(Reject("No.")) == "denied: No."
    assert step_in_words(Approval(Manager(), needed=2)) == "approved by 2 of the subject's manager"
    assert step_in_words(Wait(timedelta(hours=1))) == "waits for 1 hour"
    assert step_in_words(Wait(condition="emergency")) == "waits until emergency"
