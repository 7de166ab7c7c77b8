"""What happens around every call: who calls, may they, until when, and how it ended.

One interceptor for all of it, outermost, because grpc.aio sends the text of an exception to the
caller unless somebody catches it first.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from libs.domain.callers import Person, Service
from libs.domain.errors import Invalid, LatchkeyError, NotAllowed, Unauthenticated
from libs.rpc import deadlines, errors, identity
from libs.rpc.access import Table
from libs.rpc.identity import Acting, Identities, caller
from libs.rpc.jwts import LEEWAY_SECONDS
from libs.rpc.limits import Limits

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Any]

__all__ = ["Calls", "caller", "person"]

_log = structlog.get_logger(__name__)


def person() -> Person:
    """The person who makes the current call.

    Raises:
        NotAllowed: a service makes it.
    """
    found = caller()
    if isinstance(found, Service):
        raise NotAllowed(
            "CALLER_NOT_ALLOWED", "Only people may do this.", allowed="people", caller=found.name
        )
    return found


class Calls(grpc.aio.ServerInterceptor):
    """The interceptor of one server."""

    def __init__(
        self, *, domain: str, table: Table, identities: Identities, limits: Limits
    ) -> None:
        self._domain = domain
        self._table = table
        self._identities = identities
        self._limits = limits

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        metadata = handler_call_details.invocation_metadata
        if handler is None:
            return self._refusing(method)
        kinds = {
            (False, False): (handler.unary_unary, grpc.unary_unary_rpc_method_handler),
            (True, False): (handler.stream_unary, grpc.stream_unary_rpc_method_handler),
            (False, True): (handler.unary_stream, grpc.unary_stream_rpc_method_handler),
            (True, True): (handler.stream_stream, grpc.stream_stream_rpc_method_handler),
        }
        inner, make = kinds[handler.request_streaming, handler.response_streaming]
        read = _reading(handler.request_deserializer)
        if not handler.request_streaming:
            # gRPC would read the request before we are asked, and tell the caller of its exception.
            inner = _after_reading(inner, read)
        wrapped = (
            self._streaming(method, metadata, inner)
            if handler.response_streaming
            else self._unary(method, metadata, inner, limited=not handler.request_streaming)
        )
        return make(
            wrapped, read if handler.request_streaming else None, handler.response_serializer
        )

    def _unary(
        self, method: str, metadata: Sequence[Any], inner: Handler, *, limited: bool
    ) -> Handler:
        async def run(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            async with self._around(method, metadata, context, self._let_in):
                allowed = deadlines.begin(context.time_remaining()) if limited else None
                async with asyncio.timeout(allowed):
                    return await inner(request, context)

        return run

    def _streaming(self, method: str, metadata: Sequence[Any], inner: Handler) -> Handler:
        async def run(
            request: Any, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[Any]:
            async with self._around(method, metadata, context, self._let_follow) as acting:
                answering = inner(request, context)
                if isinstance(answering, Awaitable):
                    await answering  # writes by itself, as the health service does
                    return
                async for response in _while_known(acting, answering):
                    yield response

        return run

    @asynccontextmanager
    async def _around(
        self,
        method: str,
        metadata: Sequence[Any],
        context: grpc.aio.ServicerContext[Any, Any],
        let_in: Callable[[Acting | None], AbstractContextManager[None]],
    ) -> AsyncIterator[Acting | None]:
        began, code, reason, who = time.perf_counter(), grpc.StatusCode.OK, "", _names(None)
        acting: Acting | None = None
        try:
            acting = await self._identify(method, metadata, context)
            who = _names(acting)
            self._table.check(method, None if acting is None else acting.caller)
            identity.begin(acting)
            with let_in(acting):
                yield acting
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except TimeoutError:
            failure: LatchkeyError = errors.DeadlineExceeded()
            code, reason = errors.code_of(failure), failure.reason
            await self._abort(context, failure)
        except grpc.aio.AbortError:
            code = context.code()
            raise  # the caller has been told, as the health service does by itself
        except Exception as error:
            failure = errors.told(error, method)
            code, reason = errors.code_of(failure), failure.reason
            await self._abort(context, failure)
        finally:
            identity.end(acting)
            if not self._table.is_open(method):
                _log.info(
                    "call",
                    method=method.lstrip("/"),
                    **who,
                    code=code.name,
                    reason=reason,
                    milliseconds=round((time.perf_counter() - began) * 1000, 2),
                )

    def _let_in(self, acting: Acting | None) -> AbstractContextManager[None]:
        # Health is answered however much else is asked.
        return nullcontext() if acting is None else self._limits.call(acting.caller)

    def _let_follow(self, acting: Acting | None) -> AbstractContextManager[None]:
        limits = self._limits
        return limits.nobodys_stream() if acting is None else limits.stream(acting.caller)

    async def _identify(
        self, method: str, metadata: Sequence[Any], context: grpc.aio.ServicerContext[Any, Any]
    ) -> Acting | None:
        if self._table.is_open(method):
            return None
        return await self._identities.of(metadata, context.auth_context())

    async def _abort(
        self, context: grpc.aio.ServicerContext[Any, Any], failure: LatchkeyError
    ) -> None:
        status = rpc_status.to_status(errors.to_status(failure, self._domain))
        await context.abort_with_status(status)

    def _refusing(self, method: str) -> Any:
        async def run(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            await self._abort(context, errors.MethodUnknown(method))
            return b""

        return grpc.unary_unary_rpc_method_handler(run)


async def _while_known(acting: Acting | None, answering: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The answers of a stream, until the token of the person behind it ends."""
    ends = None if acting is None else acting.ends
    while True:
        left = None if ends is None else ends + LEEWAY_SECONDS - time.time()
        try:
            async with asyncio.timeout(left) as limit:
                response = await anext(answering)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if limit.expired():
                raise Unauthenticated("the token has expired") from error
            raise
        yield response


def _names(acting: Acting | None) -> dict[str, str]:
    """Who calls, and for whom, as the log has it."""
    if acting is None:
        return {"caller": "nobody"}
    found = {"caller": acting.caller.key}
    if acting.person is not None and acting.person is not acting.caller:
        found["person"] = acting.person.key
    return found


def _reading(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Reads a request, and says what is wrong with bytes that are none."""

    def read(data: bytes) -> Any:
        try:
            return data if deserialize is None else deserialize(data)
        except DecodeError as error:
            raise Invalid.field("", "the bytes sent are no message of this method") from error

    return read


def _after_reading(inner: Handler, read: Callable[[bytes], Any]) -> Handler:
    return lambda data, context: inner(read(data), context)
