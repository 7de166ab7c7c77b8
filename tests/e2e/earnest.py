"""A house in earnest: TLS everywhere, Entra's tokens, certificates."""

import contextlib
from pathlib import Path

import grpc

from tests.integration.libs.trust import API, CLIENT
from tools.dev import cast, certificates
from tools.dev.cast import Member
from tools.dev.certificates import TRUST_DOMAIN
from tools.dev.client import Client
from tools.dev.house import HOST, PROBING, House, free_port
from tools.dev.issuer import SERVICES
from tools.entra_simulator.control_client import ControlClient


class Earnest(House):
    """A house without a local issuer and without plaintext."""

    def __init__(
        self, folder: Path, log: list[str], login: tuple[str, Path, list[str]] | None = None
    ) -> None:
        """`login`: another login host than the house's own, its authority, and the tenants."""
        super().__init__(folder, lines=lambda name, line: log.append(f"{name}| {line}"))
        self._login = login
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
        host, authority, tenant_ids = self._login or (
            self.simulator_url.removeprefix("https://"),
            self.simulator_ca,
            [cast.TENANT_ID],
        )
        return kept | {
            "LATCHKEY_SERVICE_LISTEN": f"{HOST}:{self._service_ports[service]}",
            "LATCHKEY_LOGIN_HOST": host,
            "LATCHKEY_LOGIN_CA_FILE": str(authority),
            "LATCHKEY_ENTRA_TENANT_IDS": ",".join(tenant_ids),
            "LATCHKEY_ENTRA_AUDIENCES": API,
            "LATCHKEY_ENTRA_CLIENT_IDS": CLIENT,
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
            "clientId": CLIENT,
            "audience": API,
            "roles": list(member.roles),
        }
        control = ControlClient(self.simulator_url, self.simulator_ca)
        token = control.call("POST", "/tokens/issue", body)["accessToken"]
        control.close()
        addresses = {service: self.address(service) for service in SERVICES}
        return Client(addresses, token, ca_file=self.certificates / "ca.pem")
