"""A NATS server for tests: the same child process that the development house runs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import nats

from tools.dev.nats import NatsError, NatsServer

__all__ = ["NatsError", "NatsServer", "empty"]


def empty(url: str) -> None:
    """Takes every stream out of a server, with all that hangs on it."""

    async def run() -> None:
        client = await nats.connect(url)
        try:
            jetstream = client.jetstream()
            for stream in await jetstream.streams_info():
                await jetstream.delete_stream(str(stream.config.name))
        finally:
            await client.close()

    # Beside whatever loop the test itself has.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()
