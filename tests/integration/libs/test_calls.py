"""What happens around every call, over a real channel."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from latchkey.policy.v1 import evaluation_pb2, policy_pb2, policy_pb2_grpc
from libs.domain.errors import Invalid, LatchkeyError, NotAllowed, NotFound, Unavailable, Violation
from libs.rpc import deadlines, errors
from libs.rpc.calls import person
from libs.rpc.peers import Peer
from libs.rpc.server import Server
from libs.rpc.tokens import TokenFile, TokenVerifier
from tests.integration.libs.scene import (
    INGEST,
    KINDS,
    METHODS,
    WATCH,
    Answer,
    Running,
    everything,
    failure_of,
    raising,
    serving,
)
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer, bearer


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path) as running:
        yield running


async def test_handlers_know_who_calls(running: Running) -> None:
    """The caller of a call is known inside it, whatever kind of call it is."""
    for kind in KINDS:
        await running.call(method=kind)
    await running.call(metadata=bearer(running.issuer.service("requests")))
    assert [one.key for one in running.scene.callers[:3]] == [running.scene.callers[0].key] * 3
    assert running.scene.callers[0].key.startswith("person:11111111-")
    assert running.scene.callers[3].key == "service:requests"


async def test_concurrent_calls_keep_their_callers(running: Running) -> None:
    """Calls that run beside each other do not see each other's callers."""
    seen: list[tuple[str, str]] = []

    async def answer() -> None:
        before = person().display_name
        await asyncio.sleep(0.01)
        seen.append((before, person().display_name))

    names = [f"Person {n}" for n in range(50)]
    await asyncio.gather(
        *(running.call(answer, metadata=bearer(running.issuer.named(name))) for name in names)
    )
    assert sorted(seen) == sorted((name, name) for name in names)


async def test_nothing_but_health_is_answered_without_a_token(running: Running) -> None:
    """Every method asks for a token, also reflection and those that do not exist."""
    multi: dict[str, Any] = {WATCH: running.channel.unary_stream, INGEST: "skip"}
    for method in METHODS:
        make = multi.get(method, running.channel.unary_unary)
        if make == "skip":
            call = running.call(method="ingest", metadata=())
        elif method == WATCH:
            call = running.call(method="watch", metadata=())
        else:
            call = make(method)(b"")
        code, reason, _ = await failure_of(call)
        assert (code, reason) == (StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN"), method
    assert running.scene.callers == []

    stub = reflection_pb2_grpc.ServerReflectionStub(running.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    code, _, _ = await failure_of(everything(stub.ServerReflectionInfo(iter([request]))))
    assert code is StatusCode.UNAUTHENTICATED
    answers = await everything(
        stub.ServerReflectionInfo(iter([request]), metadata=bearer(running.issuer.named("Ada")))
    )
    names = {service.name for service in answers[0].list_services_response.service}
    assert {"latchkey.policy.v1.PolicyService", "grpc.health.v1.Health"} <= names


@pytest.mark.parametrize(
    "metadata",
    [
        (("authorization", "Basic dXNlcjpwYXNz"),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", ""),),
        (("authorization-bin", b"Bearer x"),),
        (("Authorization".lower(), "Bearer x"), ("authorization", "Bearer y")),
    ],
)
async def test_other_authorizations_are_refused(running: Running, metadata: Any) -> None:
    """What is not exactly one bearer token is refused in words."""
    code, reason, _ = await failure_of(running.call(metadata=metadata))
    assert (code, reason) == (StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN")


async def test_two_good_tokens_are_one_too_many(running: Running) -> None:
    """Of two tokens nobody chooses one."""
    two = bearer(running.issuer.named("Ada")) + bearer(running.issuer.named("Eve"))
    code, _, error = await failure_of(running.call(metadata=two))
    assert code is StatusCode.UNAUTHENTICATED
    assert "more than one token" in str(error.details())


async def test_access_is_checked_before_anything_is_done(running: Running) -> None:
    """Who may not call is refused before the handler, whatever kind of call it is."""
    for kind in KINDS:
        other = bearer(running.issuer.service("connector"))
        code, reason, _ = await failure_of(running.call(method=kind, metadata=other))
        assert (code, reason) == (StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    assert running.scene.callers == []


@pytest.mark.parametrize("kind", KINDS)
async def test_refusals_of_the_domain_are_told(running: Running, kind: str) -> None:
    """What a use case refuses with is what the caller reads, whatever kind of call it is."""
    refusal = NotFound("POLICY_NOT_FOUND", "There is no policy pol_ü.", policy_id="pol_ü")
    code, reason, error = await failure_of(running.call(raising(refusal), method=kind))
    assert (code, reason) == (StatusCode.NOT_FOUND, "POLICY_NOT_FOUND")
    assert error.details() == "There is no policy pol_ü."
    assert errors.error_info(error).metadata == {"policy_id": "pol_ü"}


@pytest.mark.parametrize("kind", KINDS)
async def test_unforeseen_failures_tell_nothing(running: Running, kind: str) -> None:
    """What was not foreseen is `INTERNAL` with an id, and not a word of its text."""
    failure = ZeroDivisionError("the password is hunter2")
    code, reason, error = await failure_of(running.call(raising(failure), method=kind))
    assert (code, reason) == (StatusCode.INTERNAL, "INTERNAL")
    assert "hunter2" not in repr(error)
    assert "ZeroDivision" not in repr(error)
    assert len(errors.error_info(error).metadata["correlation_id"]) == 16
    await running.call(method=kind)


async def test_many_violations_arrive(running: Running) -> None:
    """A request with very much wrong is refused with a reason, not with a broken answer."""
    many = Invalid([Violation(f"policy.rules[{n}].condition", "☂" * 300) for n in range(500)])
    code, reason, error = await failure_of(running.call(raising(many)))
    assert (code, reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert len(errors.field_violations(error)) >= 2


async def test_unknown_method_is_unimplemented(running: Running) -> None:
    """A method, and a service, that is not there is named as such."""
    metadata = bearer(running.issuer.named("Ada"))
    for method in (
        "/latchkey.policy.v1.PolicyService/DropEverything",
        "/latchkey.nothing.v1.Service/Method",
        "/" + "x" * 3000,
    ):
        for token in (metadata, ()):
            make: Any = running.channel.unary_unary(method)
            call = make(b"", metadata=token)
            code, reason, error = await failure_of(call)
            assert (code, reason) == (StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
            assert errors.error_info(error).metadata["method"] == method[1:201]


async def test_what_is_no_message_is_refused(running: Running) -> None:
    """Bytes that are no request of the method are the caller's mistake, not a fault of ours."""
    metadata = bearer(running.issuer.named("Ada"))
    method = "/latchkey.policy.v1.PolicyService/GetPolicy"
    for body in (b"\xff\xff\xff", b"\x0a\x02\xff\xfe"):
        make: Any = running.channel.unary_unary(method)
        call = make(body, metadata=metadata)
        code, reason, _ = await failure_of(call)
        assert (code, reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    watch: Any = running.channel.unary_stream(WATCH)
    ingest: Any = running.channel.stream_unary(INGEST)
    code, reason, _ = await failure_of(everything(watch(b"\xff\xff\xff", metadata=metadata)))
    assert (code, reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    code, reason, _ = await failure_of(ingest(iter([b"\xff\xff\xff"]), metadata=metadata))
    assert (code, reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    await running.call()


async def test_too_large_message_is_refused(running: Running) -> None:
    """A message above 4 MiB is refused by gRPC itself, and the server goes on."""
    stub: Any = policy_pb2_grpc.PolicyServiceStub(running.channel)
    request = policy_pb2.GetPolicyRequest(policy_id="x" * (5 * 1024 * 1024))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.GetPolicy(request, metadata=bearer(running.issuer.named("Ada")))
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED
    await running.call()


async def test_too_much_metadata_is_refused(running: Running) -> None:
    """14 kB fit beside a token, and so the longest token does; what is larger is refused before it
    is read."""
    own = bearer(running.issuer.named("Ada"))
    for _ in range(5):  # gRPC would refuse what is above a softer limit by chance
        await running.call(metadata=(*own, ("x-padding", "x" * 14_000)))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.call(metadata=(*own, ("x-padding", "x" * 30_000)))
    assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED


async def test_call_without_a_deadline_gets_one(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller who sets no deadline does not hold a handler for ever."""
    monkeypatch.setattr(deadlines, "DEFAULT_SECONDS", 0.1)
    code, reason, _ = await failure_of(running.call(asyncio.Event().wait))
    assert (code, reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert running.scene.cancelled.is_set()


async def test_streams_may_last(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching and ingesting have no deadline of ours."""
    monkeypatch.setattr(deadlines, "DEFAULT_SECONDS", 0.05)

    async def longer() -> None:
        await asyncio.sleep(0.2)

    for kind in ("watch", "ingest"):
        await running.call(longer, method=kind)


async def test_callers_deadline_ends_the_handler(running: Running) -> None:
    """When the caller's time is over the handler ends too."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.call(asyncio.Event().wait, timeout=0.2)
    assert raised.value.code() is StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(running.scene.cancelled.wait(), 5)


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_call_ends_the_handler(running: Running, kind: str) -> None:
    """A caller who goes away ends the handler, and nothing else."""
    call = asyncio.ensure_future(_awaited(running.call(asyncio.Event().wait, method=kind)))
    await eventually(lambda: len(running.scene.callers) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(running.scene.cancelled.wait(), 5)
    await running.call(method=kind)


async def _awaited(call: Any) -> Any:
    return await call


async def test_calls_on_behalf_get_what_is_left() -> None:
    """A call that we make for a call has its own time, or what is left of the caller's."""
    assert deadlines.remaining(5) == 5
    deadlines.begin(1.0)
    assert 0.5 < deadlines.remaining(5) < 1
    assert deadlines.remaining(0.2) == 0.2
    deadlines.begin(0.01)
    assert deadlines.remaining(5) == 0.001


async def test_health_is_open(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Health answers without a token, for each service, and knows which there are. To ask for
    another is no fault of ours."""
    stub = health_pb2_grpc.HealthStub(running.channel)
    for name in ("", "latchkey.policy.v1.PolicyService"):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Check(health_pb2.HealthCheckRequest(service="nothing"))
    assert raised.value.code() is StatusCode.NOT_FOUND
    assert "fault" not in capsys.readouterr().out


async def test_who_watches_health_hears_of_the_end(tmp_path: Path) -> None:
    """The health service writes its stream by itself; its last word is that the server stops."""
    async with serving(tmp_path) as running:
        stub = health_pb2_grpc.HealthStub(running.channel)
        watching = stub.Watch(health_pb2.HealthCheckRequest())
        seen = [(await watching.read()).status]
        stopping = asyncio.create_task(running.server.__aexit__())
        seen.append((await watching.read()).status)
        watching.cancel()
        await stopping
    assert seen == [
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    ]


async def test_incomplete_access_table_does_not_start(tmp_path: Path) -> None:
    """A server whose table misses a method, or names one that is not there, does not start."""
    issuer = TestIssuer(tmp_path / "issuer")
    verifier = TokenVerifier(
        issuer=issuer.issuer, audience=issuer.audience, jwks_file=issuer.jwks_file
    )
    evaluation = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"]
    with pytest.raises(ValueError, match="EvaluatePolicy has no row"):
        Server(
            name="policy",
            listen="127.0.0.1:0",
            servicers=[(evaluation, lambda servicer, server: None, object())],
            access={},
            verifier=verifier,
        )


async def test_peers_speak_the_domains_words(running: Running, tmp_path: Path) -> None:
    """A call to another service fails as that service failed, or because it does not answer."""
    token = tmp_path / "own.token"
    token.write_text(running.issuer.service("requests"))
    request = policy_pb2.GetPolicyRequest()
    async with Peer("policy", running.address, TokenFile(token)) as peer:
        stub: Any = policy_pb2_grpc.PolicyServiceStub(peer.channel)
        await peer.call(stub.GetPolicy, request)
        assert running.scene.callers[-1].key == "service:requests"

        cases: list[tuple[Answer, type[LatchkeyError]]] = [
            (raising(NotFound("POLICY_NOT_FOUND", "No.")), NotFound),
            (raising(Invalid.field("a", "is wrong")), Invalid),
            (raising(NotAllowed("CALLER_NOT_ALLOWED", "No.")), NotAllowed),
            (raising(ZeroDivisionError()), Unavailable),
            (asyncio.Event().wait, Unavailable),
        ]
        for answer, kind in cases:
            running.scene.answer = answer
            with pytest.raises(kind):
                await peer.call(stub.GetPolicy, request, seconds=0.3)

    token.write_text("nonsense")
    async with Peer("policy", running.address, TokenFile(token)) as peer:
        with pytest.raises(Unavailable, match="does not accept our credentials"):
            await peer.call(policy_pb2_grpc.PolicyServiceStub(peer.channel).GetPolicy, request)
    for path, address in ((tmp_path / "none", running.address), (token, "127.0.0.1:1")):
        async with Peer("policy", address, TokenFile(path)) as peer:
            with pytest.raises(Unavailable):
                await peer.call(
                    policy_pb2_grpc.PolicyServiceStub(peer.channel).GetPolicy, request, seconds=1
                )
