"""The guide's steps in a house in earnest: TLS everywhere, Entra's tokens, certificates."""

import asyncio
import contextlib
from pathlib import Path

import grpc

from latchkey.requests.v1 import access_request_pb2
from tests.e2e.conftest import Ready, prepare
from tests.support.eventually import eventually
from tools.dev import cast, certificates
from tools.dev.cast import OPERATOR, REQUESTER, Member
from tools.dev.certificates import TRUST_DOMAIN
from tools.dev.client import Client
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import HOST, PROBING, House, free_port
from tools.dev.issuer import SERVICES
from tools.entra_simulator.control_client import ControlClient

_API = "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1"
_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class _Earnest(House):
    """A house without a local issuer and without plaintext."""

    def __init__(self, folder: Path, log: list[str]) -> None:
        super().__init__(folder, lines=lambda name, line: log.append(f"{name}| {line}"))
        self.certificates = folder / "certs"
        certificates.make(self.certificates)
        with contextlib.ExitStack() as held:
            self._service_ports = {name: held.enter_context(free_port(0)) for name in SERVICES}

    def environment(self, service: str, urls: dict[str, str]) -> dict[str, str]:
        own = self.certificates / service
        kept = super().environment(service, urls)
        for key in ("IDENTITY", "ISSUER", "AUDIENCE", "JWKS_FILE", "TOKEN_FILE"):
            del kept[f"LATCHKEY_{key}"]
        for name in SERVICES:
            if (key := f"LATCHKEY_{name.upper()}_ADDRESS") in kept:
                kept[key] = f"{HOST}:{self._service_ports[name]}"
        return kept | {
            "LATCHKEY_SERVICE_LISTEN": f"{HOST}:{self._service_ports[service]}",
            "LATCHKEY_LOGIN_HOST": self.simulator_url.removeprefix("https://"),
            "LATCHKEY_LOGIN_CA_FILE": str(self.simulator_ca),
            "LATCHKEY_ENTRA_TENANT_IDS": cast.TENANT_ID,
            "LATCHKEY_ENTRA_AUDIENCES": _API,
            "LATCHKEY_ENTRA_CLIENT_IDS": _CLIENT,
            "LATCHKEY_TLS_CERTIFICATE_FILE": str(own / "certificate.pem"),
            "LATCHKEY_TLS_KEY_FILE": str(own / "key.pem"),
            "LATCHKEY_TLS_CA_FILE": str(own / "ca.pem"),
            "LATCHKEY_TRUST_DOMAIN": TRUST_DOMAIN,
        }

    def probing(self, service: str) -> grpc.aio.Channel:
        authority = (self.certificates / "ca.pem").read_bytes()
        return grpc.aio.secure_channel(
            self.address(service), grpc.ssl_channel_credentials(authority), options=PROBING
        )

    def client(self, member: Member) -> Client:
        """For a person who has signed in at the simulated login."""
        body = {
            "userId": member.entra_object_id,
            "clientId": _CLIENT,
            "audience": _API,
            "roles": list(member.roles),
        }
        control = ControlClient(self.simulator_url, self.simulator_ca)
        token = control.call("POST", "/tokens/issue", body)["accessToken"]
        control.close()
        addresses = {service: self.address(service) for service in SERVICES}
        return Client(addresses, token, ca_file=self.certificates / "ca.pem")


async def test_access_comes_and_goes_in_earnest(tmp_path: Path) -> None:
    """Connected, synced, managed, asked for, delivered and given back: every call of people and of
    services, by tokens of Entra and certificates, and Entra itself says what became of it. The
    certificates of all are renewed on the way."""
    log: list[str] = []
    house = _Earnest(tmp_path, log)
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
