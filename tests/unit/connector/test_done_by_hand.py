"""What Graph does not let the connector do is looked at: somebody may have done it by hand."""

from datetime import timedelta
from typing import cast

import pytest

from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Already, Exchange, Refused, Verdict
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.provisioner import provision
from services.connector.ports import Attempt
from tests.fakes.graph_model import GraphModel

_GROUP = GroupMembership("g-1")
_ROLE = AppRoleGrant("sp-1", "r-1")
_ADD, _REMOVE = OperationKind.ADD, OperationKind.REMOVE
_ONLY_GROUPS = Refused("", "groups_only", "no roles here", exchange=Exchange(message="no"))


async def _made(
    model: GraphModel,
    kind: GroupMembership | AppRoleGrant,
    what: OperationKind,
    *,
    known: str = "",
    refusal: Refused | None = None,
) -> Verdict:
    attempt = Attempt(
        operation_id="opr_1",
        kind=what,
        number=1,
        principal=Principal("usr_1", "11111111-2222-3333-4444-555555555555", "u-1"),
        target=Target("den_1", "con_1", "it", kind),
        entra_assignment_id=known,
        looks_first=what is _ADD,
        client_request_id="call-1",
        takes_over=what is _ADD,
        refusal=refusal,
    )
    gate = Gate(writes_per_second=100, units_per_second=1000)
    [verdict] = await provision(cast(Graph, model), gate, [attempt])
    return verdict


@pytest.mark.parametrize("kind", [_GROUP, _ROLE])
async def test_a_removal_that_is_refused_finds_what_is_gone(
    kind: GroupMembership | AppRoleGrant,
) -> None:
    """Gone by hand is gone, and is believed as any "already gone"; what is there is refused."""
    model = GraphModel()
    model.denied |= {"g-1", "sp-1"}
    model.members.add(("g-1", "u-1"))
    known = model.assign("u-1", "sp-1", "r-1")
    there = await _made(model, kind, _REMOVE, known=known)
    assert isinstance(there, Refused) and there.reason == "permission_missing"
    assert there.exchange.status == 403 and there.exchange.call.startswith("DELETE ")
    model.members.clear()
    model.assignments.clear()
    gone = await _made(model, kind, _REMOVE, known=known)
    assert isinstance(gone, Already) and gone.patience >= timedelta(minutes=3)


async def test_a_look_that_says_nothing_leaves_the_refusal() -> None:
    """Who may not even read learns nothing of it."""
    model = GraphModel()
    model.denied.add("g-1")
    model.unread.add("g-1")
    verdict = await _made(model, _GROUP, _REMOVE)
    assert isinstance(verdict, Refused)


@pytest.mark.parametrize("kind", [_GROUP, _ROLE])
async def test_what_is_taken_over_is_found_though_it_can_not_be_written(
    kind: GroupMembership | AppRoleGrant,
) -> None:
    """Looked for first; what is not there is refused, for the reason that it ever was."""
    model = GraphModel()
    model.denied |= {"g-1", "sp-1"}
    refused = await _made(model, kind, _ADD)
    assert isinstance(refused, Refused) and refused.reason == "permission_missing"
    model.members.add(("g-1", "u-1"))
    assignment_id = model.assign("u-1", "sp-1", "r-1")
    mark = len(model.writes)
    for refusal in (None, _ONLY_GROUPS):
        found = await _made(model, kind, _ADD, refusal=refusal)
        assert isinstance(found, Already) and len(model.writes) == mark
        assert found.entra_assignment_id == (assignment_id if kind is _ROLE else "")
    model.members.clear()
    model.assignments.clear()
    assert await _made(model, kind, _ADD, refusal=_ONLY_GROUPS) is _ONLY_GROUPS
    assert len(model.writes) == mark, "what may not be written is only looked for"
