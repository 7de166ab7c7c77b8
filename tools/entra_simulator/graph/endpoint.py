"""From HTTP to a Graph call and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tools.entra_simulator.connections import Reset
from tools.entra_simulator.fault_kinds import Connection
from tools.entra_simulator.graph.exchange import Asked, Reply
from tools.entra_simulator.graph.service import GraphService

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class GraphEndpoint:
    """Microsoft Graph over HTTP, in both of its versions."""

    def __init__(self, service: GraphService) -> None:
        self._service = service

    def mounts(self) -> list[Mount]:
        routes = [Route("/{path:path}", self._endpoint(), methods=_METHODS)]
        return [Mount("/v1.0", routes=routes), Mount("/beta", routes=routes)]

    def _endpoint(self) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            reply = self._service.answer(_asked(request, await request.body()))
            if reply.connection in (Connection.RESET, Connection.HANG):
                return Reset(request, reply.seconds)
            if reply.seconds:
                await asyncio.sleep(reply.seconds)
            return _response(reply)

        return answer


def _asked(request: Request, content: bytes) -> Asked:
    version = request.scope["root_path"]
    # As it was sent: a guest's user principal name holds an encoded `#`.
    path = request.scope["raw_path"].decode("latin-1").removeprefix(version)
    return Asked(
        method=request.method,
        root=f"https://{request.headers['host']}{version}",
        path=path,
        query_string=request.scope["query_string"].decode("latin-1"),
        headers=dict(request.headers),
        content=content,
    )


def _response(reply: Reply) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers=reply.headers)
    content = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, reply.status, reply.headers)
