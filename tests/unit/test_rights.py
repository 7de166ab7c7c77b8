"""Who may call what is the same in the contracts' comments and in the services' tables."""

import importlib
import re
from pathlib import Path

import pytest

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK, POLICY_ADMIN
from libs.ledger import servicers as ledger
from libs.rpc.access import Row, only_services, people, roles

_ROOT = Path(__file__).parents[2]
SERVICES = ("catalog", "connector", "policy", "requests")
_ROLES = {
    "administrators": ADMIN,
    "connector administrators": CONNECTOR_ADMIN,
    "policy administrators": POLICY_ADMIN,
    "auditors": AUDITOR,
    "the helpdesk": HELPDESK,
}
_METHOD = re.compile(r"((?:^ +//.*\n)+)^ +rpc (\w+)\(", re.MULTILINE)
_CALLERS = re.compile(r"Callers(?: and failures)?: (.*?)\.(?: |$)", re.DOTALL)


def _said(package: str) -> dict[str, str]:
    """What the contracts of a package say of who may call each method."""
    found: dict[str, str] = {}
    for file in sorted((_ROOT / "protos" / "latchkey" / package / "v1").glob("*.proto")):
        service = ""
        for part in re.split(r"^(?=service )", file.read_text(), flags=re.MULTILINE):
            if named := re.match(r"service (\w+)", part):
                service = named[1]
            for comment, method in _METHOD.findall(part):
                text = " ".join(line.strip(" /") for line in comment.splitlines())
                callers = _CALLERS.search(text)
                assert callers, f"{service}/{method} does not say who may call it"
                found[f"/latchkey.{package}.v1.{service}/{method}"] = callers[1]
    return found


def _row(method: str, said: dict[str, str]) -> Row:
    """The row that these words ask for. Who is not known by a role or as a service is somebody by
    what they are to the resource, or anybody: then everybody who signed in is let in, and the
    use case looks."""
    words = said[method]
    if same := re.match(r"as for (?:`(?:\w+/)?(\w+)`|these)", words):
        other = same[1] or "ApproveAccessRequest"
        return _row(f"{method.rpartition('/')[0]}/{other}", said)
    named, services, everybody = set(), set(), False
    for part in re.split(r"[,;] (?:and )?| and ", words):
        if part in _ROLES:
            named.add(_ROLES[part])
        elif service := re.fullmatch(r"the (\w+) service|the (connector)", part):
            services.add(service[1] or service[2])
        elif part == "services":
            services.update(SERVICES)
        elif not part.startswith(("to see", "before it", "as the directory")):
            everybody = True
    if everybody:
        return people(services=services)
    return roles(*named, services=services) if named else only_services(*services)


@pytest.mark.parametrize("service", SERVICES)
def test_the_table_says_what_the_contract_says(service: str) -> None:
    """Each method has a row, and it lets in whom its comment names."""
    said = _said(service)
    table = importlib.import_module(f"services.{service}.servicers.access").ACCESS
    assert table.keys() == said.keys()
    differing = {
        method: f"{said[method]!r} is not {row}"
        for method, row in table.items()
        if row != _row(method, said)
    }
    assert not differing


def test_what_every_service_answers_is_said_too() -> None:
    """The ledger's methods, which have one table for all."""
    said = _said("ledger")
    assert {method: _row(method, said) for method in said} == ledger.ACCESS
