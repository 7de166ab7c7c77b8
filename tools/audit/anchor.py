"""Takes the signed heads of one service out of the event stream, to be kept elsewhere."""

import asyncio
from collections.abc import AsyncIterator

import nats
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from libs.audit.heads import Head
from libs.events.broker import STREAM
from libs.ledger.chain import head_event, head_of

_BATCH = 256
_WAIT_SECONDS = 2.0
_CONNECT_SECONDS = 3.0


async def _quiet(error: Exception) -> None:
    """What goes wrong is raised; nats-py would log it too, with the password of the URL."""


async def heads_in_stream(nats_url: str, service: str) -> AsyncIterator[Head]:
    """Every head that the stream still has, oldest first.

    Raises:
        TimeoutError: NATS does not answer.
        nats.errors.Error: it refuses, or has no such stream.
        google.protobuf.message.DecodeError: somebody published something else.
    """
    kind = head_event(service)
    try:
        # nats-py would wait for a first connection without an end.
        async with asyncio.timeout(_CONNECT_SECONDS):
            client = await nats.connect(nats_url, error_cb=_quiet)
    except TimeoutError as error:
        raise TimeoutError("NATS does not answer") from error
    try:
        subscription = await client.jetstream().pull_subscribe(
            f"latchkey.{service}.v1.AuditHeadSigned",
            stream=STREAM,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True
            ),
        )
        left = (await subscription.consumer_info()).num_pending or 0
        while left > 0:
            for message in await subscription.fetch(min(left, _BATCH), timeout=_WAIT_SECONDS):
                left -= 1
                yield head_of(kind.FromString(message.data).head)
    finally:
        await client.close()
