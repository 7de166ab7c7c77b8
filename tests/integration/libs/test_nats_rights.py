"""Who may say and hear what on NATS: `deploy/nats-users.conf`, tried out as each of its users."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import pytest
from google.protobuf.descriptor import FileDescriptor
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from latchkey.catalog.v1 import events_pb2 as catalog
from latchkey.connector.v1 import events_pb2 as connector
from latchkey.policy.v1 import events_pb2 as policy
from latchkey.requests.v1 import events_pb2 as requests
from libs.events.broker import STREAM, Broker, stream_config
from services.connector import subscriber as connector_subscriber
from services.requests.translate import facts as requests_facts
from tests.support.eventually import eventually
from tests.support.nats import NatsServer
from tools.dev.nats import USERS

_EVENTS: dict[str, FileDescriptor] = {
    "catalog": catalog.DESCRIPTOR,
    "connector": connector.DESCRIPTOR,
    "policy": policy.DESCRIPTOR,
    "requests": requests.DESCRIPTOR,
}
_FOLLOWED: dict[str, tuple[str, ...]] = {
    "catalog": (),
    "policy": (),
    "connector": tuple(each.DESCRIPTOR.full_name for each in connector_subscriber.FOLLOWED),
    "requests": tuple(
        each.DESCRIPTOR.full_name
        for name, kinds in vars(requests_facts).items()
        if name.startswith("FOLLOWED")
        for each in kinds
    ),
}


def _consumer(service: str, event_type: str) -> str:
    return f"{service}-{event_type.replace('.', '_')}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS that knows its users, with the stream."""
    with NatsServer(tmp_path_factory.mktemp("nats"), with_users=True) as server:

        async def declare() -> None:
            client = await nats.connect(server.url_of("operator"))
            await client.jetstream().add_stream(stream_config())
            await client.close()

        asyncio.run(declare())
        yield server


class _Tried:
    """One user, and what NATS refuses it."""

    def __init__(self, client: Client, refused: "asyncio.Queue[str]") -> None:
        self.client = client
        self._refused = refused
        self._asked = 0

    async def says(self, subject: str) -> bool:
        """Whether it may publish on a subject."""
        await self.client.publish(subject, b"")
        return await self._is_let()

    async def hears(self, subject: str) -> bool:
        """Whether it may subscribe to a subject."""
        await self.client.subscribe(subject)
        return await self._is_let()

    async def _is_let(self) -> bool:
        """Whether nothing was refused before what is refused to everybody."""
        self._asked += 1
        last = f"not.for.anybody.{self._asked}"
        await self.client.publish(last, b"")
        refused = 0
        while last not in await asyncio.wait_for(self._refused.get(), 10):
            refused += 1
        return not refused


@asynccontextmanager
async def _as(server: NatsServer, user: str) -> AsyncIterator[_Tried]:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        refused.put_nowait(str(error))

    client = await nats.connect(
        server.url_of(user), error_cb=note, inbox_prefix=f"_INBOX_{user}".encode()
    )
    try:
        yield _Tried(client, refused)
    finally:
        await client.close()


@pytest.mark.parametrize("user", USERS)
async def test_nobody_publishes_what_is_not_theirs(server: NatsServer, user: str) -> None:
    """A service publishes every event of its own package and none of another's; subscribers and
    operators none at all."""
    async with _as(server, user) as tried:
        for publisher, file in _EVENTS.items():
            for name in file.message_types_by_name:
                said = await tried.says(f"{file.package}.{name}")
                assert said is (publisher == user), name
        assert not await tried.says("latchkey.ledger.v1.Anything")


@pytest.mark.parametrize("user", USERS)
async def test_nobody_touches_what_is_anothers(server: NatsServer, user: str) -> None:
    """Neither another's inbox nor its consumers, and only operators the stream; who has events to
    follow has consumers of these types and can't have others."""
    async with _as(server, user) as tried:
        for other in USERS:
            assert await tried.hears(f"_INBOX_{other}.>") is (other == user)
        everything = user in ("subscriber", "operator")
        assert await tried.hears("latchkey.>") is everything
        assert await tried.hears("$JS.>") is False
        for what in ("DELETE", "PURGE", "UPDATE", "MSG.DELETE", "SNAPSHOT"):
            subject = f"$JS.API.STREAM.{what}.NO_SUCH_STREAM"
            assert await tried.says(subject) is (user == "operator")
            if user != "operator":
                assert not await tried.says(f"$JS.API.STREAM.{what}.{STREAM}")
        if user == "operator":
            return
        for service, types in _FOLLOWED.items():
            for each in types:
                name = _consumer(service, each)
                own = service == user
                assert await tried.says(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}") is own
                assert await tried.says(f"$JS.ACK.{STREAM}.{name}.1.1.1.1.0") is own
                assert not await tried.says(f"$JS.API.CONSUMER.DELETE.{STREAM}.{name}")
                wider = f"$JS.API.CONSUMER.CREATE.{STREAM}.{name}.latchkey.>"
                assert not await tried.says(wider)
                assert not await tried.says(f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.{name}")
        assert not await tried.says(f"$JS.API.CONSUMER.CREATE.{STREAM}")
        assert not await tried.says(f"$JS.API.CONSUMER.CREATE.{STREAM}.another.latchkey.>")


@pytest.mark.parametrize("service", _FOLLOWED)
async def test_a_service_has_what_it_needs(server: NatsServer, service: str) -> None:
    """Its broker connects, it publishes with an ack, and makes and uses each of its consumers."""
    password_file = server.password_file(service)
    async with Broker(server.url, service, password_file=password_file) as broker:
        jetstream = await asyncio.wait_for(broker.ready(), 10)
        assert (await broker.stream_state()).created
        name = next(iter(_EVENTS[service].message_types_by_name))
        assert (await jetstream.publish(f"latchkey.{service}.v1.{name}", b"")).stream == STREAM
        for each in _FOLLOWED[service]:
            consumer = _consumer(service, each)
            await jetstream.add_consumer(
                STREAM,
                ConsumerConfig(
                    name=consumer,
                    durable_name=consumer,
                    filter_subject=each,
                    ack_policy=AckPolicy.EXPLICIT,
                ),
            )
            subscription = await jetstream.pull_subscribe_bind(consumer, STREAM)
            async with _as(server, each.split(".")[1]) as publisher:
                await publisher.client.jetstream().publish(each, b"x")
            (*_, message) = await subscription.fetch(50, timeout=1)
            await message.ack_sync(timeout=5)
            assert message.data == b"x"


async def test_without_the_right_password_nobody_is_let_in(
    server: NatsServer, tmp_path: Path
) -> None:
    """Neither without one, nor with another's, nor under another name."""
    wrong = server.password_file("catalog").read_text()
    for url in (
        server.url,
        server.url.replace("//", f"//requests:{wrong}@"),
        server.url.replace("//", f"//root:{wrong}@"),
    ):
        client = Client()
        with pytest.raises(nats.errors.Error):
            await client.connect(url, allow_reconnect=False, connect_timeout=2)
        await client.close()
    password = tmp_path / "password"
    password.write_text(wrong)
    async with Broker(server.url, "requests", password_file=password) as broker:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await broker.ready()
        # It goes on trying, and reads the file anew: nobody has to start it again.
        password.write_text(server.password_file("requests").read_text() + "\n")

        async def let_in() -> bool:
            return broker.connected

        await eventually(let_in, 10)


async def test_a_subscriber_has_the_consumer_of_the_page(server: NatsServer) -> None:
    """It makes, uses and acknowledges with that of docs/events.md, and can't have others."""
    async with _as(server, "subscriber") as tried:
        jetstream = tried.client.jetstream()
        found = await jetstream.pull_subscribe(
            "latchkey.requests.v1.>", durable="example", stream=STREAM
        )
        async with _as(server, "requests") as publisher:
            await publisher.client.jetstream().publish("latchkey.requests.v1.LeaseGranted", b"")
        (*_, message) = await found.fetch(50, timeout=2)
        await message.ack_sync(timeout=5)
        with pytest.raises((NotFoundError, nats.errors.Error, TimeoutError)):
            await tried.client.jetstream(timeout=0.3).pull_subscribe(
                "latchkey.>", durable="requests-latchkey_connector_v1_AccessProvisioned"
            )
