"""The other spellings in which Microsoft's directory refuses assignments."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tests.integration.entra_simulator.test_assignment_writes import assign, revoke, role_id
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_duplicate_as_entitlement_grant(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """The answer of the other part of the back end."""
    simulator.behaviour.duplicate_assignment_as_grant = True
    accountant = role_id(simulator, cast.LEDGERLINE, "Accountant")
    assert refusal(await assign(graph, cast.LEDGERLINE, cast.GRETA, accountant)) == (
        400,
        "Request_MultipleObjectsWithSameKeyValue",
        "EntitlementGrant entry already exists.",
    )


async def test_unknown_assignment_as_entitlement_grant(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """400 in place of 404 for an assignment that is gone."""
    simulator.behaviour.absent_assignment_bad_request = True
    assert refusal(await revoke(graph, cast.ATELIER, "A" * 43)) == (
        400,
        "Request_BadRequest",
        "EntitlementGrant being updated or deleted is not found.",
    )


async def test_zero_role_of_an_app_with_roles(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A tenant that takes an assignment without a role from an app that declares some."""
    assert (await assign(graph, cast.LEDGERLINE, cast.NORA)).status_code == 400
    simulator.behaviour.zero_role_always_accepted = True
    assert (await assign(graph, cast.LEDGERLINE, cast.NORA)).status_code == 201
