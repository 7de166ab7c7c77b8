"""What the connector asks of requests and the catalog, for many leases at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import grpc
import pytest

from latchkey.catalog.v1 import directory_pb2, resolution_pb2
from latchkey.requests.v1 import lease_pb2
from libs.domain.errors import Invalid, NotFound
from libs.rpc.peers import Peer
from services.connector.clients import CatalogClient, RequestsClient
from tests.unit.connector.provisioning_house import GROUP, ROLE


class FakePeer:
    """Answers as the test says, and keeps what was asked; an id of `wrong` is refused."""

    def __init__(self, channel: grpc.aio.Channel, answer: Callable[[Any], Any]) -> None:
        self.channel = channel
        self.answer = answer
        self.asked: list[Any] = []

    async def call(self, method: object, request: Any, *, seconds: float = 5) -> Any:
        self.asked.append(request)
        await asyncio.sleep(0)
        if "wrong" in str(request):
            raise Invalid.field("id", "is none")
        return self.answer(request)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to nobody."""
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        yield channel


async def test_leases_are_asked_for_together(channel: grpc.aio.Channel) -> None:
    """One goes at once, and all that come meanwhile in one call; what is no lease id at all is no
    lease, and keeps nobody else from an answer."""

    def answer(request: lease_pb2.BatchGetLeasesRequest) -> lease_pb2.BatchGetLeasesResponse:
        known = [each for each in request.lease_ids if each != "lea_unknown"]
        return lease_pb2.BatchGetLeasesResponse(
            leases=[lease_pb2.Lease(lease_id=each) for each in known]
        )

    peer = FakePeer(channel, answer)
    client = RequestsClient(cast(Peer, peer))
    ids = [f"lea_{number}" for number in range(9)]
    found = await asyncio.gather(*map(client.lease, ids))
    assert [lease.lease_id for lease in found] == ids
    assert sum(len(request.lease_ids) for request in peer.asked) == 9 and len(peer.asked) <= 2

    some = await asyncio.gather(
        *map(client.lease, [*ids, "lea_unknown", "wrong"]), return_exceptions=True
    )
    assert [isinstance(each, NotFound) for each in some] == [False] * 9 + [True] * 2


async def test_targets_are_confirmed_together(channel: grpc.aio.Channel) -> None:
    """Each question gets its own answer, in whatever company it was asked; more targets than one
    takes are asked about in several."""

    def answer(
        request: resolution_pb2.BatchConfirmTargetsRequest,
    ) -> resolution_pb2.BatchConfirmTargetsResponse:
        response = resolution_pb2.BatchConfirmTargetsResponse()
        for question in request.questions:
            if question.entitlement_id == "ent_none":
                response.answers.add().not_found.reason = "ENTITLEMENT_NOT_FOUND"
                continue
            confirmed = response.answers.add().confirmed
            confirmed.subject.CopyFrom(directory_pb2.User(user_id=question.subject_user_id))
            for id in question.directory_entitlement_ids:
                confirmed.targets.add(problem=id)
        return response

    peer = FakePeer(channel, answer)
    client = CatalogClient(cast(Peer, peer))
    found = await asyncio.gather(
        *(client.confirm("ent_1", f"usr_{number}", [GROUP, ROLE]) for number in range(5)),
        client.confirm("ent_none", "usr_1", [GROUP]),
        client.confirm("ent_wrong", "usr_1", [GROUP]),
        client.confirm("ent_1", "usr_1", [GROUP] * 150),
        return_exceptions=True,
    )
    *five, none, wrong, many = found
    for number, each in enumerate(five):
        assert not isinstance(each, BaseException)
        assert each.subject.user_id == f"usr_{number}"
        assert [target.problem for target in each.targets] == ["den_group", "den_role"]
    assert isinstance(none, NotFound) and none.reason == "ENTITLEMENT_NOT_FOUND"
    assert isinstance(wrong, Invalid)
    assert not isinstance(many, BaseException) and len(many.targets) == 150
