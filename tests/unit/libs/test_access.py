"""Who may call: a table that denies what it does not list."""

import pytest

from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN, Caller, Person, Service
from libs.domain.errors import NotAllowed
from libs.rpc.access import Row, Table, everybody, only_services, people, roles

ADA = Person("t", "a", "Ada")
ADMINISTRATOR = Person("t", "b", "Bob", frozenset({ADMIN, "Some.Other"}))
REQUESTS = Service("requests")
CALLERS: list[Caller | None] = [None, ADA, ADMINISTRATOR, REQUESTS, Service("catalog")]


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        (everybody(), CALLERS),
        (people(), [ADA, ADMINISTRATOR]),
        (people(services=["requests"]), [ADA, ADMINISTRATOR, REQUESTS]),
        (roles(ADMIN), [ADMINISTRATOR]),
        (roles(AUDITOR, POLICY_ADMIN), []),
        (roles(AUDITOR, services=["requests"]), [REQUESTS]),
        (only_services("requests"), [REQUESTS]),
        (Row(), []),
    ],
)
def test_rows(row: Row, allowed: list[Caller | None]) -> None:
    """A row allows those whom it names, and nobody else."""
    assert [caller for caller in CALLERS if row.allows(caller)] == allowed


def test_a_role_of_a_service_name_is_no_service() -> None:
    """A person can't become a service by a role or a name."""
    person = Person("t", "a", "requests", frozenset({"requests"}))
    assert not only_services("requests").allows(person)


def test_refusal_says_who_may() -> None:
    """Who is refused is told who may call, and which method it was."""
    table = Table({"/p.S/M": roles(ADMIN, AUDITOR, services=["requests"])})
    with pytest.raises(NotAllowed) as raised:
        table.check("/p.S/M", ADA)
    assert raised.value.reason == "CALLER_NOT_ALLOWED"
    assert raised.value.facts == {
        "method": "p.S/M",
        "allowed": "Latchkey.Admin, Latchkey.Auditor, the requests service",
    }
    table.check("/p.S/M", ADMINISTRATOR)


def test_method_without_a_row_is_denied() -> None:
    """What the table does not list nobody may call, whatever roles they have."""
    for caller in CALLERS:
        with pytest.raises(NotAllowed, match="may be called by nobody"):
            Table({}).check("/p.S/M", caller)
    assert not Table({}).is_open("/p.S/M")


def test_table_must_be_complete() -> None:
    """A method without a row, and a row without a method, are both named."""
    table = Table({"/p.S/A": people(), "/p.S/Typo": people()})
    with pytest.raises(ValueError, match=r"/p\.S/B has no row; the row /p\.S/Typo has no method"):
        table.check_complete(["/p.S/A", "/p.S/B"])
    Table({"/p.S/A": people()}).check_complete(["/p.S/A"])
