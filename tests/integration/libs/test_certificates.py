"""Services that know each other by certificates, and call for people."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from grpc import StatusCode
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from latchkey.requests.v1 import access_request_pb2, access_request_pb2_grpc
from libs.domain.callers import Service
from libs.domain.errors import Unauthenticated, Unavailable
from libs.rpc import identity
from libs.rpc.certificates import LOOK_SECONDS, Certificates
from libs.rpc.peers import Peer
from tests.integration.libs.scene import Running, everything, failure_of, serving
from tests.integration.libs.trust import Login, Time, certificates_of, login
from tests.support.issuer import bearer
from tools.dev import certificates
from tools.dev.certificates import TRUST_DOMAIN

_REQUEST = policy_pb2.GetPolicyRequest()


@dataclass
class _House:
    """A server in earnest: Entra for people, certificates for services."""

    folder: Path
    time: Time
    login: Login
    running: Running

    @property
    def service_address(self) -> str:
        return f"127.0.0.1:{self.running.server.service_port}"

    def peer(self, name: str = "requests", **more: Any) -> Peer:
        """The policy service, as that service calls it."""
        shown = certificates_of(more.pop("folder", self.folder), name, self.time)
        return Peer(more.pop("to", "policy"), more.pop("address", self.service_address), shown)

    async def get(self, peer: Peer, **more: Any) -> Any:
        return await peer.call(policy_pb2_grpc.PolicyServiceStub(peer.channel).GetPolicy, _REQUEST)

    def channel(self, name: str) -> grpc.aio.Channel:
        """As grpcurl comes in, with -cacert, -cert and -key."""
        files = [self.folder / name / f"{file}.pem" for file in ("ca", "key", "certificate")]
        credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
        return grpc.aio.secure_channel(self.service_address, credentials)


@asynccontextmanager
async def _house(folder: Path) -> AsyncIterator[_House]:
    certificates.make(folder / "certs")
    time = Time()
    own = certificates_of(folder / "certs", "policy", time)
    async with (
        login(folder) as found,
        serving(folder, verifier=found.verifier, certificates=own) as running,
    ):
        yield _House(folder / "certs", time, found, running)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[_House]:
    async with _house(tmp_path) as house:
        yield house


async def test_a_service_is_who_its_certificate_says(house: _House) -> None:
    """It needs no token; another service's certificate is another service, which may not call."""
    async with house.peer("requests") as peer:
        await house.get(peer)
    assert house.running.scene.callers[-1].key == "service:requests"
    async with house.channel("catalog") as channel:
        stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
        code, reason, _ = await failure_of(stub.GetPolicy(_REQUEST))
        assert (code, reason) == (StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    async with house.channel("requests") as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        token = bearer(house.login.token())
        code, _, error = await failure_of(stub.GetPolicy(_REQUEST, metadata=token))
        assert code is StatusCode.UNAUTHENTICATED
        assert "sends no token of its own" in str(error.details())


async def test_who_has_no_certificate_of_ours_is_not_heard(house: _House, tmp_path: Path) -> None:
    """None, one of another authority, and one whose name is of another trust domain."""
    strangers, others = tmp_path / "strangers", tmp_path / "others"
    certificates.make(strangers)
    for name in ("ca.pem", "ca-key.pem"):
        others.mkdir(exist_ok=True)
        (others / name).write_bytes((house.folder / name).read_bytes())
    certificates.make(others, trust_domain="elsewhere.example")
    own = certificates_of(house.folder, "requests").current()
    shown = {
        "none": (None, None),
        "of strangers": [
            (strangers / "requests" / f).read_bytes() for f in ("key.pem", "certificate.pem")
        ],
        "of elsewhere": [
            (others / "requests" / f).read_bytes() for f in ("key.pem", "certificate.pem")
        ],
    }
    for name, (key, certificate) in shown.items():
        credentials = grpc.ssl_channel_credentials(own.authorities, key, certificate)
        async with grpc.aio.secure_channel(house.service_address, credentials) as channel:
            stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.GetPolicy(_REQUEST, timeout=10)
        expected = "UNAUTHENTICATED" if name == "of elsewhere" else "UNAVAILABLE"
        assert raised.value.code().name == expected, name
    async with grpc.aio.insecure_channel(house.service_address) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetPolicy(_REQUEST, timeout=1)
    assert house.running.scene.callers == []


async def test_a_server_is_the_service_that_was_meant(house: _House, tmp_path: Path) -> None:
    """Who answers with another service's certificate, or one of strangers, is not talked to."""
    certificates.make(tmp_path / "strangers")
    for peer in (house.peer(to="catalog"), house.peer(folder=tmp_path / "strangers")):
        async with peer:
            with pytest.raises(Unavailable):
                await house.get(peer)
    assert house.running.scene.callers == []


async def test_people_bring_a_token_and_no_certificate(house: _House) -> None:
    """Where people call, a service's certificate counts for nothing."""
    await house.running.call(metadata=bearer(house.login.token()))
    address = f"127.0.0.1:{house.running.server.port}"
    async with house.peer(address=address) as peer:
        with pytest.raises(Unavailable, match="does not accept our credentials"):
            await house.get(peer)
    assert [one.key.split(":")[0] for one in house.running.scene.callers] == ["person"]


async def test_an_operator_looks_with_a_certificate_and_acts_with_a_token(house: _House) -> None:
    """The operator's certificate opens reflection; beside it a token says who the operator is."""
    async with house.channel("operator") as channel:
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = await everything(reflection.ServerReflectionInfo(iter([asked])))
        assert answer.list_services_response.service
        stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
        code, _, _ = await failure_of(stub.GetPolicy(_REQUEST))
        assert code is StatusCode.PERMISSION_DENIED
        await stub.GetPolicy(_REQUEST, metadata=bearer(house.login.token()))
    assert house.running.scene.callers[-1].key.startswith("person:")


async def test_a_persons_token_goes_with_the_services_certificate(house: _House) -> None:
    """A service that calls in a person's call passes the person on, and is itself the caller; what
    it leaves running, and what it does by itself, is done for nobody."""
    scene, token = house.running.scene, house.login.token()
    left: list[asyncio.Task[str]] = []
    ended = asyncio.Event()

    async def later() -> str:
        await ended.wait()
        return repr(identity.passed_on())

    async with house.peer() as peer:

        async def answer() -> None:
            if len(scene.callers) == 1:
                left.append(asyncio.create_task(later()))
                await house.get(peer)

        await house.running.call(answer, metadata=bearer(token))
        assert [one.key.split(":")[0] for one in scene.callers] == ["person", "service"]
        assert scene.passed_on == [token, token]
        ended.set()
        assert await left[0] == "()"
        await house.get(peer)
    assert scene.passed_on[2:] == [""]


async def test_both_the_service_and_the_person_must_be_good(house: _House) -> None:
    """A person who is passed on with a token that is not good fails the call, and whoever called
    hears that it is theirs; so do two persons, and a token that is no person's."""
    good = house.login.token()
    async with house.channel("requests") as channel:
        stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
        for tokens in (
            ["nonsense"],
            [""],
            [good, good],
            [house.login.token(claims={"ver": "1.0"})],
        ):
            metadata = tuple((identity.PERSON_KEY, token) for token in tokens)
            code, reason, _ = await failure_of(stub.GetPolicy(_REQUEST, metadata=metadata))
            assert (code, reason) == (StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN")
    assert house.running.scene.callers == []
    async with house.peer() as peer:
        identity.begin(identity.Acting(Service("requests"), None, "expired meanwhile"))
        with pytest.raises(Unauthenticated):
            await house.get(peer)
        identity.begin(None)
        await house.get(peer)


def _bundle(folder: Path, authorities: bytes) -> None:
    for own in folder.iterdir():
        if own.is_dir():
            (own / "ca.pem").write_bytes(authorities)


async def test_certificates_are_renewed_under_calls(house: _House) -> None:
    """The authority and every certificate change under a running stream and many calls: none fails,
    and in the end only the new authority is believed."""
    old = (house.folder / "ca.pem").read_bytes()
    authority = certificates.new_authority()
    new = authority[0].public_bytes(serialization.Encoding.PEM)
    go_on = asyncio.Event()
    done, failed, renewed = 0, [], asyncio.Event()

    async with house.peer() as peer:
        watching = access_request_pb2_grpc.AccessRequestServiceStub(
            peer.channel
        ).WatchAccessRequest(access_request_pb2.WatchAccessRequestRequest())
        house.running.scene.answer = go_on.wait
        stream = watching.__aiter__()
        await stream.__anext__()
        calling = policy_pb2_grpc.PolicyServiceStub(peer.channel)

        async def call() -> None:
            nonlocal done
            while not renewed.is_set():
                try:
                    await peer.call(calling.GetPolicy, _REQUEST, seconds=20)
                    done += 1
                except Exception as error:
                    failed.append(error)

        async def nothing() -> None:
            pass

        # The stream waits for `go_on` already.
        house.running.scene.answer = nothing
        callers = [asyncio.create_task(call()) for _ in range(4)]

        async def some_calls() -> None:
            house.time.seconds += LOOK_SECONDS
            enough = done + 20
            while done < enough and not failed:
                await asyncio.sleep(0.01)

        await some_calls()
        _bundle(house.folder, old + new)
        await some_calls()
        for name in ("policy", "requests"):
            certificates.issue(house.folder, name, authority, trust_domain=TRUST_DOMAIN)
        _bundle(house.folder, old + new)
        await some_calls()
        _bundle(house.folder, new)
        await some_calls()
        renewed.set()
        await asyncio.gather(*callers)
        go_on.set()
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        assert failed == []

    old_peer = house.channel("catalog")
    async with old_peer as channel:
        stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.GetPolicy(_REQUEST, timeout=10)
        assert raised.value.code() is StatusCode.UNAVAILABLE


async def test_half_renewed_files_change_nothing(tmp_path: Path) -> None:
    """A key that is not that of the certificate, half a file, or somebody else's certificate leave
    the last good ones, until all goes together."""
    certificates.make(tmp_path)
    time, own = Time(), tmp_path / "policy"
    found = certificates_of(tmp_path, "policy", time)
    before = found.current()
    other = (tmp_path / "catalog" / "key.pem").read_bytes()
    wrong: dict[str, list[bytes | None]] = {
        "key.pem": [other, b"", None],
        "certificate.pem": [b"-----BEGIN", (tmp_path / "catalog" / "certificate.pem").read_bytes()],
        "ca.pem": [b"", None],
    }
    for name, content in wrong.items():
        good = (own / name).read_bytes()
        for bad in content:
            (own / name).unlink() if bad is None else (own / name).write_bytes(bad)
            time.seconds += LOOK_SECONDS
            assert found.current() is before
        (own / name).write_bytes(good)
    certificates.make(tmp_path)
    assert found.current() is before
    time.seconds += LOOK_SECONDS
    assert found.current() == found.current() != before


def test_nobody_begins_with_anothers_certificate(tmp_path: Path) -> None:
    """A service starts with its own certificate only, of the trust domain that it is told."""
    certificates.make(tmp_path)
    own = tmp_path / "policy"

    def begin(service: str, domain: str, key_file: Path) -> None:
        Certificates(
            service,
            trust_domain=domain,
            certificate_file=own / "certificate.pem",
            key_file=key_file,
            ca_file=own / "ca.pem",
        )

    for service, domain in (("catalog", TRUST_DOMAIN), ("policy", "elsewhere.example")):
        with pytest.raises(ValueError, match=f"is not for spiffe://{domain}/latchkey/{service}"):
            begin(service, domain, own / "key.pem")
    with pytest.raises(OSError):
        begin("policy", TRUST_DOMAIN, tmp_path / "nowhere")
    begin("policy", TRUST_DOMAIN, own / "key.pem")


async def test_health_is_asked_over_tls(house: _House) -> None:
    """The probe asks the people's port by the service's name, and fails without the authority."""
    address = f"127.0.0.1:{house.running.server.port}"
    certificate = str(house.folder / "policy" / "ca.pem")
    for words, status in (([certificate, f"policy.{TRUST_DOMAIN}"], 0), ([], 1)):
        asked = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "libs.rpc.probe", address, *words, stderr=subprocess.DEVNULL
        )
        assert await asked.wait() == status
