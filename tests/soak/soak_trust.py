"""What it costs to know who calls: the dev house beside Entra's tokens and certificates.

The same method of the same server in one process, with one call at a time, ways in turn; told as
ratios to the dev house, because the machine is whatever it is.
"""

import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from libs.domain.callers import Service
from libs.rpc import identity
from libs.rpc.peers import Peer
from libs.rpc.tokens import TokenFile
from tests.integration.libs.scene import serving
from tests.integration.libs.trust import certificates_of, login
from tests.support.issuer import bearer
from tools.dev import certificates

_ROUNDS, _CALLS = 20, 100
_MOST = 2.0
Call = Callable[[], Awaitable[Any]]


async def _milliseconds(call: Call) -> float:
    began = time.perf_counter()
    for _ in range(_CALLS):
        await call()
    return (time.perf_counter() - began) * 1000 / _CALLS


async def test_what_trust_costs(tmp_path: Path) -> None:
    """A person's call with TLS and a remembered token of Entra, and a service's with a certificate
    and the person passed on, cost less than twice a call of the dev house."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    certificates.make(tmp_path / "certs")
    own = certificates_of(tmp_path / "certs", "policy")
    async with (
        login(tmp_path) as found,
        serving(tmp_path / "a") as house,
        serving(tmp_path / "b", verifier=found.verifier, certificates=own) as earnest,
    ):
        request, person = policy_pb2.GetPolicyRequest(), found.token()
        local = house.issuer.named("Ada")
        address = f"127.0.0.1:{earnest.server.service_port}"
        token = TokenFile(house.issuer.service_token_file("requests"))
        shown = certificates_of(tmp_path / "certs", "requests")
        async with (
            Peer("policy", house.address, token) as plain,
            Peer("policy", address, shown) as secure,
        ):

            def of_service(peer: Peer, passed_on: str | None) -> Call:
                stub: Any = policy_pb2_grpc.PolicyServiceStub(peer.channel)

                async def call() -> None:
                    identity.begin(identity.Acting(Service("requests"), None, passed_on))
                    await peer.call(stub.GetPolicy, request)

                return call

            ways: dict[str, Call] = {
                "a person, dev house": lambda: house.call(metadata=bearer(local)),
                "a person, TLS and Entra": lambda: earnest.call(metadata=bearer(person)),
                "a service, dev house": of_service(plain, None),
                "a service, dev house, for a person": of_service(plain, local),
                "a service, certificate": of_service(secure, None),
                "a service, certificate, for a person": of_service(secure, person),
            }
            took: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(_ROUNDS):
                for name, call in ways.items():
                    took[name].append(await _milliseconds(call))
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        before = medians[
            "a person, dev house" if name.startswith("a person") else "a service, dev house"
        ]
        sys.stdout.write(f"{name:40} {median:.3f} ms  {median / before:.2f}\n")
    assert medians["a person, TLS and Entra"] < _MOST * medians["a person, dev house"]
    with_person = medians["a service, certificate, for a person"]
    assert with_person < _MOST * medians["a service, dev house"]
