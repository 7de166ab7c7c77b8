"""A simulated tenant as a process of its own, and Microsoft's SDK connected to it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.identity.aio import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphServiceClient
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

REPOSITORY = Path(__file__).parents[2]
# The project's own interpreter, in which the simulator runs.
PYTHON = os.environ.get("LATCHKEY_PYTHON", str(REPOSITORY / ".venv" / "bin" / "python"))

TENANT = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"
CLIENT = "884ce7a5-f8fe-4ca4-a993-90fb9518c3ea"
SECRET = "simulator-connector-secret"
SCOPE = "https://graph.microsoft.com/.default"


@dataclass(frozen=True)
class Served:
    """A running simulator."""

    url: str
    ca: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        with httpx.Client(verify=self.trust, trust_env=False) as client:
            answer = client.request(method, f"{self.url}/_simulator{path}", json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def state(self) -> Any:
        return self.control("GET", "/state")

    def raw(self, path: str) -> Any:
        """What Graph answers, as it is, to the application that the SDK signs in as."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        with httpx.Client(base_url=self.url, verify=self.trust, trust_env=False) as client:
            token = client.post(f"/{TENANT}/oauth2/v2.0/token", data={**form, "scope": SCOPE})
            bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
            answer = client.get(f"/v1.0{path}", headers=bearer)
            answer.raise_for_status()
            return answer.json()

    @asynccontextmanager
    async def sdk(self) -> AsyncIterator[GraphServiceClient]:
        """Microsoft's SDK with its own middleware, signed in by Microsoft's own library."""
        credential = ClientSecretCredential(
            TENANT,
            CLIENT,
            SECRET,
            authority=self.url,
            disable_instance_discovery=True,
            connection_verify=str(self.ca),
        )
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[SCOPE], allowed_hosts=["localhost"]
        )
        plain = httpx.AsyncClient(verify=self.trust, trust_env=False, timeout=30)
        adapter = GraphRequestAdapter(
            provider, client=GraphClientFactory.create_with_default_middleware(client=plain)
        )
        adapter.base_url = f"{self.url}/v1.0"
        async with credential, plain:
            yield GraphServiceClient(request_adapter=adapter)


@contextmanager
def served(directory: Path, *numbers: str) -> Iterator[Served]:
    """A simulator of the built-in tenant, or of a generated one with these numbers."""
    command = [PYTHON, "-m", "tools.entra_simulator"]
    seed = []
    if numbers:
        generated = subprocess.run(
            [*command, "generate", *numbers], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE
        )
        (directory / "tenant.json").write_bytes(generated.stdout)
        seed = ["--tenant", str(directory / "tenant.json")]
    process = subprocess.Popen(
        [*command, "serve", "--port", "0", "--state", str(directory / "state"), *seed],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Served(ready["url"], Path(ready["ca"]))
    finally:
        process.terminate()
        process.wait()
