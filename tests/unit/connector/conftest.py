"""A small tenant and its syncs."""

import pytest

from services.connector.loops.syncs import run as run_module
from tests.unit.connector.sync_house import SyncHouse, some_tenant


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> SyncHouse:
    monkeypatch.setattr(run_module, "_STREAM_SECONDS", 0.01)
    monkeypatch.setattr(run_module, "_FIRST_PAUSE_SECONDS", 0.001)
    return SyncHouse(some_tenant())
