"""Every door of a house, and odd things to send there.

Each method of each service, as the contracts list them; everybody who might call; bytes that are no
message, and messages full of odd values among real ones.
"""

import asyncio
import importlib
import pkgutil
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from latchkey.requests.v1 import campaign_pb2, campaign_pb2_grpc
from libs.domain.ids import user_id
from libs.rpc.well_known import timestamp
from tests.e2e.conftest import Ready
from tests.support.canaries import found_in
from tests.support.garbage import Garbage, bytes_of_no_message
from tools.dev.cast import COLLEAGUE, OPERATOR, REQUESTER, TENANT_ID
from tools.dev.house import House
from tools.dev.issuer import SERVICES

OK = grpc.StatusCode.OK
EXPECTED = {
    OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.ABORTED,
}
INSIDES = re.compile(r"Traceback|Exception|Error\(|<class|object at 0x|(?i:sqlalchemy|asyncpg)")
# What our own side says when a call ended while it was still sending: the write that failed hides
# what the server answered (grpc/grpc#36066). It is asked again then.
_UNHEARD = "Internal error from Core"
_ASKED_AGAIN = 20
AT_ONCE = 8
_MADE_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Method:
    """One method of one of the four servers."""

    service: str
    descriptor: MethodDescriptor

    @property
    def path(self) -> str:
        """As it stands in a request."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    async def call(
        self, channel: grpc.aio.Channel, requests: list[bytes], token: str | None
    ) -> Message:
        """Sends the bytes of a request, or of several where a stream is taken. Returns the answer,
        the first one of a stream.

        Raises:
            grpc.aio.AioRpcError: what came instead.
        """
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        return await self.call_with(channel, requests, metadata)

    async def call_with(
        self, channel: grpc.aio.Channel, requests: list[bytes], metadata: Sequence[Any]
    ) -> Message:
        """The same, with any metadata."""
        for _ in range(_ASKED_AGAIN):
            try:
                return await self._call_once(channel, requests, metadata)
            except grpc.aio.AioRpcError as error:
                if not self.descriptor.client_streaming or error.details() != _UNHEARD:
                    raise
        raise AssertionError(f"{self.path}: its answer was lost {_ASKED_AGAIN} times")

    async def _call_once(
        self, channel: grpc.aio.Channel, requests: list[bytes], metadata: Sequence[Any]
    ) -> Message:
        into, out = self.descriptor.client_streaming, self.descriptor.server_streaming
        make: Any = {
            (False, False): channel.unary_unary,
            (True, False): channel.stream_unary,
            (False, True): channel.unary_stream,
        }[into, out]
        call = make(
            self.path, response_deserializer=GetMessageClass(self.descriptor.output_type).FromString
        )(
            _one_by_one(requests) if into else requests[0],
            metadata=metadata,
            timeout=10,
        )
        if not out:
            answer: Message = await call
            return answer
        try:
            first: Message = await anext(aiter(call))
            return first
        finally:
            call.cancel()


async def _one_by_one(requests: list[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


def methods(service: str) -> Iterator[Method]:
    """Every method that a server answers, as the contracts list them."""
    for package in (service, "ledger"):
        folder = importlib.import_module(f"latchkey.{package}.v1")
        for found in pkgutil.iter_modules(folder.__path__):
            if found.name.endswith("_pb2"):
                file = importlib.import_module(f"{folder.__name__}.{found.name}").DESCRIPTOR
                for descriptor in file.services_by_name.values():
                    yield from (Method(service, method) for method in descriptor.methods)


def _reasons(service: str) -> set[str]:
    errors = importlib.import_module(f"latchkey.{service}.v1.errors_pb2")
    names = errors.ErrorReason.DESCRIPTOR.values_by_name
    return {name.removeprefix("ERROR_REASON_") for name in names}


def _tokens(house: House) -> dict[str, str | None]:
    """Everybody who might call."""
    return {
        "admin": OPERATOR.token(house.issuer),
        "person": REQUESTER.token(house.issuer),
        "stranger": house.issuer.person(TENANT_ID, "99999999-0000-4000-8000-000000000000", "Eve"),
        "connector": house.issuer.service("connector"),
        "policy": house.issuer.service("policy"),
        "requests": house.issuer.service("requests"),
        "nobody": None,
    }


async def _campaign(ready: Ready) -> str:
    """An access review of the app."""
    stub = campaign_pb2_grpc.CampaignServiceStub(ready.operator.channel("requests"))
    due = datetime.now(UTC) + timedelta(days=1)
    answer = await ready.operator.call(
        stub.StartCampaign,
        campaign_pb2.StartCampaignRequest(
            campaign=campaign_pb2.Campaign(
                display_name="Everybody",
                app_id=ready.app_id,
                reviewers=campaign_pb2.CAMPAIGN_REVIEWERS_APP_OWNERS,
                due_time=timestamp(due),
                due_action=campaign_pb2.CAMPAIGN_DUE_ACTION_KEEP,
            ),
        ),
    )
    return str(answer.campaign.campaign_id)


async def known_of(ready: Ready) -> dict[str, list[str]]:
    """Real values of the house, by the name of the field that they stand in."""
    for member, entitlement_id in (
        (REQUESTER, ready.access_entitlement_id),
        (COLLEAGUE, ready.role_entitlement_id),
    ):
        key = f"known-{member.label}"
        await ready.guide(member).ask(entitlement_id, "There shall be something.", key)
    campaign_id = await _campaign(ready)
    known: dict[str, set[str]] = defaultdict(set)
    admin = OPERATOR.token(ready.house.issuer)
    for service in SERVICES:
        for method in methods(service):
            if not method.descriptor.name.startswith(("List", "Search")):
                continue
            if method.descriptor.containing_service.name == "IngestService":
                continue  # it tells people nothing
            request = GetMessageClass(method.descriptor.input_type)()
            names = {field.name for field in method.descriptor.input_type.fields}
            asked: dict[str, object] = {
                "app_id": ready.app_id,
                "page_size": 3,
                "access_profile_id": "apr_everyone",
                "policy_id": "pol_auto_approve",
                "campaign_id": campaign_id,
            }
            if method.descriptor.name in {"ListManagers", "ListGrants"}:
                asked["user_id"] = user_id(TENANT_ID, REQUESTER.entra_object_id)
            for name, value in asked.items():
                if name in names:
                    setattr(request, name, value)
            try:
                channel = ready.operator.channel(service)
                answer = await method.call(channel, [request.SerializeToString()], admin)
            except grpc.aio.AioRpcError as error:
                raise AssertionError(f"{method.path} as a plain list") from error
            _gather(MessageToDict(answer, preserving_proto_field_name=True), known)
    known["page_token"] = known.pop("next_page_token")
    known["resource_kind"] = {"CREDENTIAL", "ROLE"}
    return {name: sorted(values) for name, values in known.items()}


def _gather(found: dict[str, Any], into: dict[str, set[str]]) -> None:
    for name, value in found.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                _gather(each, into)
            elif isinstance(each, str):
                into[name.removesuffix("s")].add(each)


def _problems(service: str, error: grpc.aio.AioRpcError) -> Iterator[str]:
    """What is wrong with an error, by what the contracts promise of errors."""
    if error.code() not in EXPECTED:
        yield f"the code {error.code().name}"
    if INSIDES.search(error.details() or ""):
        yield "the text of an exception"
    if any(found_in(f"{error.details()} {error.trailing_metadata()}".encode())):
        yield "a secret"
    status = rpc_status.from_call(error)
    if status is None:
        yield "no status"
        return
    infos = [d for d in status.details if d.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    if len(infos) != 1:
        yield f"{len(infos)} ErrorInfo"
        return
    info = error_details_pb2.ErrorInfo()
    infos[0].Unpack(info)
    if info.domain != f"latchkey.{service}":
        yield f"the domain {info.domain!r}"
    if info.reason not in _reasons(service):
        yield f"the reason {info.reason!r}"
    bad = [d for d in status.details if d.Is(error_details_pb2.BadRequest.DESCRIPTOR)]
    if len(bad) != (error.code() is grpc.StatusCode.INVALID_ARGUMENT):
        yield f"{len(bad)} BadRequest"


@dataclass
class Outcome:
    """What came of all that was sent to one service: how often each code, by who called, and what
    was not as the contracts say."""

    codes: dict[str, Counter[grpc.StatusCode]]
    problems: list[str]
    faults: list[str]


async def try_every_method(
    ready: Ready,
    service: str,
    known: Mapping[str, Sequence[str]],
    *,
    of_bytes: int,
    of_messages: int,
    seed: str,
) -> Outcome:
    """Sends so many odd things to every method of a service, as everybody who might call; a third
    of them as those who rarely may. `known` is of the house as it was before anybody did."""
    seen = len(ready.log)
    random = Random(seed)
    garbage = Garbage(random, known)
    tokens = _tokens(ready.house)
    codes: dict[str, Counter[grpc.StatusCode]] = defaultdict(Counter)
    problems: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(method: Method, who: str, requests: list[bytes]) -> None:
        async with gate:
            try:
                await method.call(ready.operator.channel(service), requests, tokens[who])
                codes[who][OK] += 1
            except grpc.aio.AioRpcError as error:
                codes[who][error.code()] += 1
                for problem in _problems(service, error):
                    sent = ", ".join(request[:200].hex() for request in requests)
                    problems.append(
                        f"{method.path} to {who}: {problem}; {error.details()} ← {sent}"
                    )

    def odd(method: Method, number: int) -> list[bytes]:
        count = random.randrange(5) if method.descriptor.client_streaming else 1
        if number < of_bytes:
            return [bytes_of_no_message(random) for _ in range(count)]
        return [garbage.request(method.descriptor.input_type) for _ in range(count)]

    for method in methods(service):
        turn = [
            (who, number)
            for who in tokens
            for number in range(of_bytes + of_messages)
            if who in ("admin", "person", "nobody") or number % 3 == 0
        ]
        for start in range(0, len(turn), _MADE_AT_ONCE):
            await asyncio.gather(
                *(
                    send(method, who, odd(method, number))
                    for who, number in turn[start : start + _MADE_AT_ONCE]
                )
            )
    faults = [line for line in ready.log[seen:] if '"fault"' in line or "Traceback" in line]
    return Outcome(codes, problems, faults)


def check(outcome: Outcome) -> None:
    """No fault of ours, no code but those that mean the caller's, one reason of the package; and
    nothing without a token."""
    assert not outcome.problems, "\n".join(outcome.problems[:20])
    codes = outcome.codes
    assert codes["nobody"].keys() == {grpc.StatusCode.UNAUTHENTICATED}
    assert codes["admin"].keys() >= {OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert codes["person"][grpc.StatusCode.PERMISSION_DENIED]
    assert not outcome.faults, "\n".join(outcome.faults[:5])
