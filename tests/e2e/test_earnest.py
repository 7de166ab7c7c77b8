"""The guide's steps in a house in earnest: TLS everywhere, Entra's tokens, certificates."""

import asyncio
from pathlib import Path

from latchkey.requests.v1 import access_request_pb2
from tests.e2e.conftest import Ready, prepare
from tests.e2e.earnest import Earnest
from tests.support.eventually import eventually
from tools.dev import cast, certificates
from tools.dev.cast import OPERATOR, REQUESTER
from tools.dev.entra import Entra
from tools.dev.guide import Guide


async def test_access_comes_and_goes_in_earnest(tmp_path: Path) -> None:
    """Connected, synced, managed, asked for, delivered and given back: every call of people and of
    services, by tokens of Entra and certificates, and Entra itself says what became of it. The
    certificates of all are renewed on the way."""
    log: list[str] = []
    house = Earnest(tmp_path, log)
    async with (
        house,
        house.client(OPERATOR) as operator,
        house.client(REQUESTER) as requester,
    ):
        entra = Entra(house.simulator_url, house.simulator_ca)
        ready = Ready(house, operator, entra, log)
        await prepare(ready)
        await asyncio.to_thread(certificates.make, house.certificates)
        guide = Guide(operator, requester)
        asked = await guide.ask(ready.role_entitlement_id, "The new brochure.")
        async for request in guide.watch_request(asked.access_request_id):
            asked = request
        assert asked.state == access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED

        async def is_editor() -> bool:
            found = await entra.holds(REQUESTER.entra_object_id)
            return cast.EDITORS_GROUP_ID in found.group_ids

        async def is_none() -> bool:
            return not await is_editor()

        assert await is_editor()
        await guide.give_back(asked.lease_id, "Done.")
        await eventually(is_none, 30)
    text = "\n".join(log)
    for never in ("plaintext", "CALLER_UNKNOWN", "CALLER_NOT_ALLOWED", '"level": "error"'):
        assert never not in text, [line for line in log if never in line][:3]
    assert '"person": "person:' in text
