"""A tenant whose application may sign in in every way, and the files to do it with."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from services.connector.domain.connection import Connection, Credential, CredentialKind
from services.connector.entra.clouds import Cloud, clouds
from services.connector.entra.credentials.sign_in import Identity
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.tenants import Tenants
from services.connector.entra.token import TokenSource
from tests.integration.entra_simulator import cast
from tests.support import pem
from tools.entra_simulator import Simulator, built_in_tenant

# With what a form and a JSON text spell in another way.
SECRET = 'c4nary~secret+"?&=/x'
ISSUER = "https://cluster.example"
SUBJECT = "system:serviceaccount:latchkey:connector"
AUDIENCE = "api://AzureADTokenExchange"
KINDS = list(CredentialKind)


def projected_token(key: int = 5, *, seconds: int = 600, **claims: str) -> str:
    """A token as Kubernetes projects it into a file."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE}
    times = {"iat": now, "exp": now + timedelta(seconds=seconds)}
    return jwt.encode(
        usual | claims | times,
        pem.private_key(pem.rsa_key(key)),
        algorithm="RS256",
        headers={"kid": "cluster"},
    )


def tenant_of_every_kind() -> dict[str, Any]:
    """The built-in tenant; its first application has a credential of each kind."""
    tenant = built_in_tenant()
    cluster = jwt.algorithms.RSAAlgorithm.to_jwk(pem.rsa_key(5).public_key(), as_dict=True)
    registration = tenant["appRegistrations"][0]
    registration["secrets"].append({"value": SECRET, "endDateTime": "2099-12-31T00:00:00Z"})
    registration["certificates"] = [pem.key_pair().certificate]
    registration["managedIdentity"] = True
    registration["federatedIdentityCredentials"] = [
        {
            "issuer": ISSUER,
            "subject": SUBJECT,
            "audiences": [AUDIENCE],
            "jwks": {"keys": [{**cluster, "kid": "cluster"}]},
        }
    ]
    return tenant


@dataclass
class CredentialHouse:
    """The tenant with its `state` folder, and a secrets folder with a file for each kind."""

    simulator: Simulator
    folder: Path
    state: Path
    cloud: Cloud
    names: dict[CredentialKind, str] = field(
        default_factory=lambda: {
            CredentialKind.CLIENT_SECRET: "secret",
            CredentialKind.CERTIFICATE: "certificate.pem",
            CredentialKind.FEDERATED_TOKEN: "token",
            CredentialKind.MANAGED_IDENTITY: "",
        }
    )

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, keys: Path) -> AsyncIterator["CredentialHouse"]:
        """Starts the tenant, and a machine with an identity in it."""
        secrets = folder / "secrets"
        secrets.mkdir(exist_ok=True)
        state = Path(shutil.copytree(keys, folder / "every-kind"))
        async with Simulator(state, tenant_of_every_kind(), managed_identity_port=0) as simulator:
            known = clouds(simulator_url=simulator.url, simulator_ca_file=simulator.ca_path)
            house = cls(simulator, secrets, state, known["simulator"])
            house.write(CredentialKind.CLIENT_SECRET, SECRET + "\n")
            house.write(CredentialKind.CERTIFICATE, pem.key_pair().file)
            house.write(CredentialKind.FEDERATED_TOKEN, projected_token())
            yield house

    @property
    def secrets(self) -> SecretsFolder:
        """The folder, as the connector has it."""
        return SecretsFolder(self.folder)

    def tenants(self) -> Tenants:
        """The tenants, as the connector has them."""
        known = {self.cloud.name: self.cloud}
        return Tenants(known, self.secrets, writes_per_second=20, units_per_second=175)

    def source(self, kind: CredentialKind, **options: Any) -> TokenSource:
        """Where the tokens of a kind of credential come from."""
        return TokenSource(self.identity(kind), self.secrets, **options)

    def write(self, kind: CredentialKind, text: str) -> None:
        """Puts something else into the file of a kind."""
        (self.folder / self.names[kind]).write_text(text)

    def credential(self, kind: CredentialKind) -> Credential:
        """The one of a kind."""
        return Credential(kind, self.names[kind])

    def identity(self, kind: CredentialKind, client_id: str = cast.CONNECTOR) -> Identity:
        """Who signs in with it."""
        return Identity(self.cloud, cast.TENANT, client_id, self.credential(kind))

    def connection(self, kind: CredentialKind, **fields: Any) -> Connection:
        """A connection that signs in with it."""
        usual: dict[str, Any] = {
            "connection_id": "con_1",
            "display_name": "Marlowe",
            "entra_tenant_id": cast.TENANT,
            "entra_client_id": cast.CONNECTOR,
            "credential": self.credential(kind),
            "cloud": "simulator",
            "create_time": datetime.now(UTC),
        }
        return Connection(**(usual | fields))

    def on_a_machine(self, environment: pytest.MonkeyPatch) -> None:
        """Has the process run on an Azure machine."""
        assert self.simulator.managed_identity is not None
        environment.delenv("IDENTITY_ENDPOINT", raising=False)
        environment.delenv("IDENTITY_HEADER", raising=False)
        url = self.simulator.managed_identity.url
        environment.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)

    def in_app_service(self, environment: pytest.MonkeyPatch, header: str = "") -> None:
        """Has the process run in App Service."""
        identity = self.simulator.managed_identity
        assert identity is not None
        environment.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
        environment.setenv("IDENTITY_HEADER", header or identity.header)

    def sign_ins(self) -> list[tuple[str, int | None]]:
        """The requests for tokens: path and status."""
        return [
            (entry["path"], entry["status"])
            for entry in self.simulator.journal.entries(0)
            if entry["source"] == "login" and entry["path"].endswith("/token")
        ]
