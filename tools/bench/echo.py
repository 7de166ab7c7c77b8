"""The floor of a call: the same message answered with the same answer, on the same server stack.

`python -m tools.bench.echo < methods`: [{path, request, response, answer}], the full names of the
messages and the answer's bytes. It says its port, and serves until its standard input closes.
"""

import asyncio
import json
import sys
from typing import Any

import grpc
import uvloop
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import Default

# Their modules, imported, are what the pool knows.
from latchkey.catalog.v1 import app_catalog_pb2 as app_catalog_pb2
from latchkey.policy.v1 import evaluation_pb2 as evaluation_pb2
from latchkey.requests.v1 import access_request_pb2 as access_request_pb2


def _handler(method: dict[str, str]) -> Any:
    request, response = (
        message_factory.GetMessageClass(Default().FindMessageTypeByName(method[name]))
        for name in ("request", "response")
    )
    answer = response.FromString(bytes.fromhex(method["answer"]))

    async def echo(_: Any, __: Any) -> Any:
        return answer

    return grpc.unary_unary_rpc_method_handler(
        echo,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


async def main() -> None:
    """Serves until there is no more to read."""
    handlers: dict[str, dict[str, Any]] = {}
    for method in json.loads(sys.stdin.readline()):
        _, service, name = method["path"].split("/")
        handlers.setdefault(service, {})[name] = _handler(method)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    for service, found in handlers.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, found),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    # Who measured it may have hung up in the middle of a call.
    await server.stop(grace=1)


if __name__ == "__main__":
    uvloop.run(main())
