"""docs/entra-simulator.md against what there is."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import DOCS, ROOT
from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.fault_kinds import KINDS
from tools.entra_simulator.tenant_file import built_in_tenant

TEXT = (DOCS / "entra-simulator.md").read_text()
FOLDERS = ("tests/integration/entra_simulator", "tests/unit/entra_simulator")
ROWS = (
    *(f"A{number}" for number in range(1, 6)),
    *(f"R{number}" for number in range(1, 13)),
    *(f"W{number}" for number in range(1, 18)),
    *("W4b", "W12b", "W14b"),
    *(f"D{number}" for number in range(1, 9)),
    *("B1", "B2", "T1", "T2", "T3", "C1", "PIM1"),
    *(f"L{number}" for number in range(1, 9)),
)


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_checklist_is_there(row: str) -> None:
    """The checklist leaves out nothing that is known of Entra."""
    listed = [
        cells for cells in table("Checklist") if re.search(rf"\b{row}\b", " ".join(cells[:2]))
    ]
    assert listed


def test_every_test_of_the_checklist_exists() -> None:
    """A row is proved by tests that there are."""
    named = re.findall(r"`(test_\w+)::(test_\w+)`", TEXT)
    assert len(named) > 60
    for module, function in named:
        [path] = [found for folder in FOLDERS if (found := ROOT / folder / f"{module}.py").exists()]
        assert re.search(rf"^(?:async )?def {function}\(", path.read_text(), re.M), function


def test_every_fault_is_explained() -> None:
    """The table of kinds has each of them, and no other."""
    assert {cells[0].strip("`") for cells in table("Faults")} == set(KINDS)


def test_every_switch_is_explained() -> None:
    """So has the table of behaviour, with the defaults that there are."""
    shown = Behaviour().to_json()
    listed: dict[str, str] = {}
    for cells in table("Behaviour"):
        names = re.findall(r"`(\w+)`", cells[0])
        defaults = cells[1].split(", ") if "," in cells[1] else [cells[1]] * len(names)
        listed |= dict(zip(names, defaults, strict=True))
    assert set(listed) == set(shown)
    for name, value in shown.items():
        told = listed[name].strip("`")
        assert told == ("[]" if value == () else str(value).lower().removesuffix(".0")), name


def test_the_built_in_tenant_is_as_told() -> None:
    """People, and who may sign in."""
    tenant = built_in_tenant()
    assert f"a company of {len(tenant['users'])} people" in TEXT
    for registration in tenant["appRegistrations"]:
        assert registration["appId"] in TEXT
        assert registration["secrets"][0]["value"] in TEXT
