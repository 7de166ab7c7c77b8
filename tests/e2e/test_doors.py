"""Every method of every service, called by everybody there is: who is let in is who stands in the
service's table; and whatever is sent by whomever, the answer is one that the contracts know."""

import asyncio
import importlib
from collections.abc import Mapping

import grpc
import pytest

from libs.domain.callers import (
    ADMIN,
    AUDITOR,
    CONNECTOR_ADMIN,
    HELPDESK,
    POLICY_ADMIN,
    Caller,
    Person,
    Service,
)
from libs.ledger import servicers as ledger
from libs.rpc import errors
from libs.rpc.access import Row
from tests.e2e.conftest import Ready
from tests.e2e.doors import AT_ONCE, Method, check, known_of, methods, try_every_method
from tools.dev.cast import REQUESTER, TENANT_ID
from tools.dev.issuer import SERVICES

pytestmark = pytest.mark.asyncio(loop_scope="module")

_ROLES = (ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK, POLICY_ADMIN)
# Somebody of the tenant, somebody that it does not know, and roles that there are not.
_UNKNOWN = "99999999-0000-4000-8000-000000000000"
_NO_ROLES = ("Latchkey.admin", "Latchkey.Admin ", "Admin", "Latchkey.Owner")


def _callers(ready: Ready) -> Mapping[str, tuple[Caller | None, str | None]]:
    """Each with the token that they send."""
    issuer, member = ready.house.issuer, REQUESTER.entra_object_id
    found: dict[str, tuple[Caller | None, str | None]] = {
        "nobody": (None, None),
        "somebody": (Person(TENANT_ID, member, "Ada"), issuer.person(TENANT_ID, member, "Ada")),
        "a stranger": (
            Person(TENANT_ID, _UNKNOWN, "Eve"),
            issuer.person(TENANT_ID, _UNKNOWN, "Eve", roles=_NO_ROLES),
        ),
    }
    for role in _ROLES:
        person = Person(TENANT_ID, _UNKNOWN, role, frozenset({role}))
        found[role] = (person, issuer.person(TENANT_ID, _UNKNOWN, role, roles=[role]))
    for service in SERVICES:
        found[f"the {service} service"] = (Service(service), issuer.service(service))
    found["a service that there is not"] = (Service("billing"), issuer.service("billing"))
    return found


async def _is_let_in(ready: Ready, method: Method, token: str | None) -> bool:
    """Whether an empty request gets as far as the method. What that says of it does not matter."""
    channel = ready.operator.channel(method.service)
    try:
        await method.call(channel, [b""], token)
    except grpc.aio.AioRpcError as error:
        info = errors.error_info(error)
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            assert info.reason == "CALLER_UNKNOWN"
            return False
        if info.reason == "CALLER_NOT_ALLOWED" and "method" in info.metadata:
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            return False
        assert info.domain, f"{method.path}: {error.details()}"
    except StopAsyncIteration:
        pass  # a stream that had nothing to say
    return True


@pytest.mark.parametrize("service", SERVICES)
async def test_who_is_let_in_is_who_stands_in_the_table(ready: Ready, service: str) -> None:
    """Each cell of the table is tried over the wire."""
    table: dict[str, Row] = importlib.import_module(f"services.{service}.servicers.access").ACCESS
    rows = table | ledger.ACCESS
    gate = asyncio.Semaphore(AT_ONCE)
    wrong: list[str] = []
    cells = 0

    async def try_cell(method: Method, name: str, caller: Caller | None, token: str | None) -> None:
        nonlocal cells
        async with gate:
            let_in = await _is_let_in(ready, method, token)
        cells += 1
        if let_in is not (caller is not None and rows[method.path].allows(caller)):
            wrong.append(f"{method.path} {'lets in' if let_in else 'refuses'} {name}")

    served = list(methods(service))
    callers = _callers(ready)
    await asyncio.gather(
        *(try_cell(method, name, *who) for method in served for name, who in callers.items())
    )
    assert not wrong
    assert cells == len(served) * len(callers) > 100


# The catalog last: what it is sent may end what the others are asked about.
@pytest.mark.parametrize("service", ["requests", "policy", "connector", "catalog"])
async def test_every_method_answers_bad_input_in_the_words_of_its_contract(
    ready: Ready, service: str
) -> None:
    """Every method, sent some sixty odd bytes and messages by all who might call; two thousand
    in `make soak-bad-input`."""
    seed = f"bad input for {service}"
    known = await known_of(ready)
    check(await try_every_method(ready, service, known, of_bytes=4, of_messages=10, seed=seed))
