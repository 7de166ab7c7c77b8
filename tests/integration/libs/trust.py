"""What services trust in earnest: the simulated login endpoint, and certificates of a set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from libs.rpc.certificates import Certificates
from libs.rpc.entra_tokens import EntraVerifier
from libs.rpc.login_keys import LoginKeys
from tests.support.token_corpus import Good
from tools.dev import certificates
from tools.entra_simulator import Simulator

CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
API = "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1"
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Login:
    """The simulated login endpoint, and what a service makes of it."""

    simulator: Simulator
    keys: LoginKeys
    verifier: EntraVerifier
    time: Time

    def token(self, **more: Any) -> str:
        """Of the tenant's first user, as an administrator."""
        user = next(iter(self.simulator.tenant.users))
        body = {"userId": user, "clientId": CLIENT, "audience": API, "roles": ["Latchkey.Admin"]}
        return self.simulator.user_tokens.issue(body | more, self.host)

    @property
    def host(self) -> str:
        return self.simulator.url.removeprefix("https://")

    def good(self) -> Good:
        """What its tokens are made of, for the corpus."""
        claims = jwt.decode(self.token(), options={"verify_signature": False})
        key = self.simulator.keys.current
        return Good(key.private, key.id, claims, OTHER_TENANT)


@asynccontextmanager
async def login(folder: Path) -> AsyncIterator[Login]:
    """A simulator, and a verifier that asks it for keys over TLS."""
    async with Simulator(folder / "simulator") as simulator:
        time, host = Time(), simulator.url.removeprefix("https://")
        tenants = [simulator.tenant.id, OTHER_TENANT]
        async with LoginKeys(host, tenants, ca_file=simulator.ca_path, now=time) as keys:
            verifier = EntraVerifier(
                keys, login_host=host, tenant_ids=tenants, audiences=[API], client_ids=[CLIENT]
            )
            yield Login(simulator, keys, verifier, time)


def certificates_of(folder: Path, name: str, time: Time | None = None) -> Certificates:
    """Those of one name in a set that `tools.dev certs` made."""
    own = folder / name
    return Certificates(
        name,
        trust_domain=certificates.TRUST_DOMAIN,
        certificate_file=own / "certificate.pem",
        key_file=own / "key.pem",
        ca_file=own / "ca.pem",
        now=time or Time(),
    )
