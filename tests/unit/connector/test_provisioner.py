"""Attempts in Entra, over a transport that answers from a script."""

import httpx
import pytest

from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Already, Retriable
from services.connector.entra.provisioner import provision
from services.connector.ports import Attempt
from tests.unit.connector.test_graph import _error, _graph

_GUID = "11111111-2222-3333-4444-555555555555"
_MEMBERSHIP = GroupMembership(_GUID)
_ROLE = AppRoleGrant(_GUID, _GUID)


def _removal(kind: GroupMembership | AppRoleGrant, number: int) -> Attempt:
    return Attempt(
        operation_id="opr_1",
        kind=OperationKind.REMOVE,
        number=number,
        principal=Principal("usr_1", _GUID, _GUID),
        target=Target("den_1", "con_1", "it", kind),
        entra_assignment_id="known",
    )


@pytest.mark.parametrize("kind", [_MEMBERSHIP, _ROLE])
async def test_not_there_is_believed_when_it_is_said_again(
    kind: GroupMembership | AppRoleGrant,
) -> None:
    """A replica that has not heard of an addition says "not there" of what is there: two such
    answers postpone a removal, the third one ends it."""

    def gone(request: httpx.Request) -> httpx.Response:
        return _error(404, "Request_ResourceNotFound", f"Resource '{_GUID}' does not exist")

    graph = _graph(gone)
    verdicts = [await provision(graph, _removal(kind, number)) for number in (1, 2, 3)]
    assert [type(verdict) for verdict in verdicts] == [Retriable, Retriable, Already]
