"""What outlives the simulator: the tenant as of some journal number, and the journal after it.

tenant.json     snapshot of the tenant, replaced whole at each start and stop
journal.jsonl   every call and change, appended; see `journal`
ca.pem, ca-key.pem, tls.pem, tls-key.pem     see `certificates`
token-key.pem   signs access tokens; kept, so that tokens outlive a restart too
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tools.entra_simulator.changes import Change
from tools.entra_simulator.journal import Journal
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tenant_file import TenantDocument


class StateDirectory:
    """One simulator's directory. The tenant file given at the first start only seeds it."""

    def __init__(
        self,
        path: Path,
        seed: TenantDocument,
        clock: Callable[[], datetime],
        journal_kept: int | None = None,
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._snapshot_path = path / "tenant.json"
        self.journal = Journal(path / "journal.jsonl", clock, journal_kept)
        document, number = seed, -1
        if self._snapshot_path.exists():
            snapshot = json.loads(self._snapshot_path.read_text(encoding="utf-8"))
            document, number = snapshot["tenant"], snapshot["journalNumber"]
            document["history"] = snapshot.get("history")
        self.tenant = Tenant(document, clock)
        for entry in self.journal.entries(number):
            for change in entry["changes"]:
                self.tenant.apply(Change.from_json(change))
        self.tenant.journal_to(self.journal.append_changes)
        # Writing a large tenant takes seconds: not if it is what stands there already.
        if number < self.journal.last_number:
            self._write_snapshot()

    def close(self) -> None:
        self._write_snapshot()
        self.journal.close()

    def _write_snapshot(self) -> None:
        snapshot = {
            "journalNumber": self.journal.last_number,
            "tenant": self.tenant.document(),
            "history": self.tenant.history.to_json(),
        }
        new = self._snapshot_path.with_suffix(".new")
        new.write_text(json.dumps(snapshot), encoding="utf-8")
        new.chmod(0o600)
        os.replace(new, self._snapshot_path)
