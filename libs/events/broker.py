"""The connection to NATS, and the one stream that all events live in.

A service starts, answers and commits without NATS; what has to go out waits in the outbox. So
connecting is a task that never gives up, and everything else waits for it to have succeeded.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

STREAM = "LATCHKEY"
SUBJECTS = "latchkey.>"
_MAX_AGE_SECONDS = 14 * 24 * 3600
_DUPLICATE_WINDOW_SECONDS = 15 * 60
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamState:
    """What tells one stream from another of the same name, and how far it reaches."""

    created: str
    last_sequence: int


def stream_config() -> StreamConfig:
    """The stream as it must be.

    It refuses new events rather than drop old ones; the outbox keeps what is refused.
    """
    return StreamConfig(
        name=STREAM,
        subjects=[SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=_MAX_AGE_SECONDS,
        max_bytes=4 * 1024**3,
        max_msg_size=1024 * 1024,
        duplicate_window=_DUPLICATE_WINDOW_SECONDS,
        num_replicas=1,
        deny_delete=True,
        deny_purge=True,
    )


class Broker:
    """NATS, for one process."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        password_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """`name` is the user, where there is a password for it. `ca_file`: who may have signed the
        server's certificate, where the system does not say that."""
        self._url = url
        self._name = name
        self._password_file = password_file
        self._ca_file = ca_file
        self._client = Client()
        self._ready = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._connections = 0

    async def __aenter__(self) -> "Broker":
        self._connecting = asyncio.create_task(self._connect(), name="broker")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Sends what is in the client's buffers, then closes."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._client.is_closed:
            return
        try:
            async with asyncio.timeout(5):
                if self._client.is_connected:
                    await self._client.drain()
                else:
                    await self._client.close()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            # What was lost with the connection is still in the outbox.
            _log.warning("broker_left", problem=type(error).__name__)

    @property
    def connected(self) -> bool:
        """Whether NATS can be reached at this moment."""
        return self._ready.is_set() and self._client.is_connected

    @property
    def connections(self) -> int:
        """How often a connection was made: a new number means that the server may be another."""
        return self._connections

    @property
    def client(self) -> Client:
        """The client, for what JetStream's own does not do; once it was `ready`."""
        return self._client

    async def ready(self) -> JetStreamContext:
        """JetStream, once it was reached and the stream is there."""
        await self._ready.wait()
        return self._client.jetstream(timeout=5)

    async def stream_state(self) -> StreamState:
        """The stream as it is now; it is declared anew if it is gone.

        Raises:
            nats.errors.Error: NATS does not answer.
        """
        jetstream = await self.ready()
        try:
            info = await jetstream.stream_info(STREAM)
        except NotFoundError:
            _log.error("stream_lost", stream=STREAM)
            info = await jetstream.add_stream(stream_config())
        return StreamState(created=str(info.created), last_sequence=info.state.last_seq)

    async def _connect(self) -> None:
        wait = 0.05
        while True:
            try:
                # nats-py would wait for a first connection without an end, and give up a lost one
                # after 60 tries; we want the opposite of both.
                async with asyncio.timeout(3):
                    await self._client.connect(
                        self._url,
                        name=f"latchkey-{self._name}",
                        # Nobody else may hear what is meant for this one.
                        inbox_prefix=f"_INBOX_{self._name}".encode(),
                        **self._identity(),
                        connect_timeout=2,
                        allow_reconnect=True,
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds, fractions too
                        ping_interval=20,
                        max_outstanding_pings=2,
                        disconnected_cb=self._on_disconnected,
                        reconnected_cb=self._on_reconnected,
                        error_cb=self._on_error,
                    )
                await self._declare()
            except Exception as error:
                # Whatever it is, nothing would go out or come in until somebody looks.
                expected = isinstance(error, OSError | nats.errors.Error | TimeoutError)
                _log.warning(
                    "broker_unreachable",
                    problem=type(error).__name__,
                    exc_info=None if expected else error,
                )
                # One that was not let in has a socket open all the same.
                await self._client.close()
                self._client = Client()
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
                continue
            self._connections += 1
            self._ready.set()
            _log.info("broker_connected", server=str(self._client.connected_server_version))
            return

    def _identity(self) -> dict[str, Any]:
        """Who connects, and to whom; read anew for each connection that is made.

        Raises:
            OSError: there is no such file, or nothing that is a certificate in it.
        """
        identity: dict[str, Any] = {}
        if self._password_file is not None:
            identity["user"] = self._name
            identity["password"] = self._password_file.read_text().strip()
        if self._ca_file is not None:
            identity["tls"] = ssl.create_default_context(cafile=str(self._ca_file))
        return identity

    async def _declare(self) -> None:
        jetstream = self._client.jetstream(timeout=5)
        wanted = stream_config()
        try:
            found = (await jetstream.stream_info(STREAM)).config
        except NotFoundError:
            try:
                await jetstream.add_stream(wanted)
            except APIError:  # another service was a moment earlier
                await jetstream.stream_info(STREAM)
            return
        # Replicas, age and bytes are the operator's; what the promises rest on is ours.
        drift = {
            field: (getattr(found, field), getattr(wanted, field))
            for field in ("subjects", "retention", "storage", "discard")
            if getattr(found, field) != getattr(wanted, field)
        }
        if drift:
            _log.error("stream_differs", stream=STREAM, drift=str(drift))

    async def _on_disconnected(self) -> None:
        _log.warning("broker_disconnected")

    async def _on_reconnected(self) -> None:
        self._connections += 1
        _log.info("broker_reconnected")

    async def _on_error(self, error: Exception) -> None:
        _log.warning("broker_error", problem=type(error).__name__)
