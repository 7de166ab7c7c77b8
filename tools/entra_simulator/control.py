"""The simulator's own surface under /_simulator/: what it was asked and what it now holds.

For tests, the demo and operators. It asks for no token: the server listens on loopback only.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from tools.entra_simulator.journal import Journal
from tools.entra_simulator.tenant import Tenant


class Control:
    """Reads of the journal and the state."""

    def __init__(self, tenant: Tenant, journal: Journal) -> None:
        self._tenant = tenant
        self._journal = journal

    def mount(self) -> Mount:
        routes = [Route("/journal", self._read_journal), Route("/state", self._read_state)]
        return Mount("/_simulator", routes=routes)

    async def _read_journal(self, request: Request) -> JSONResponse:
        """`?since=N` leaves out the first N entries."""
        since = request.query_params.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            return JSONResponse({"error": f"since is not a number: {since}"}, 400)
        entries = self._journal.entries(int(since))
        return JSONResponse({"entries": entries, "lastNumber": self._journal.last_number})

    async def _read_state(self, request: Request) -> JSONResponse:
        return JSONResponse(self._tenant.directory())
