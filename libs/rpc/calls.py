"""What happens around every call: who calls, may they, until when, and how it ended.

One interceptor for all of it, outermost, because grpc.aio sends the text of an exception to the
caller unless somebody catches it first.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from libs.domain.callers import Caller, Person, Service
from libs.domain.errors import Invalid, LatchkeyError, NotAllowed, Unauthenticated
from libs.rpc import deadlines, errors
from libs.rpc.access import Table
from libs.rpc.limits import Limits
from libs.rpc.tokens import TokenVerifier

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Any]

_log = structlog.get_logger(__name__)
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def caller() -> Caller:
    """Who makes the current call.

    Raises:
        Unauthenticated: nobody, which only methods without a token see.
    """
    if (found := _caller.get()) is None:
        raise Unauthenticated("there is no token")
    return found


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
        self, *, domain: str, table: Table, verifier: TokenVerifier, limits: Limits
    ) -> None:
        self._domain = domain
        self._table = table
        self._verifier = verifier
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
            async with self._around(method, metadata, context, self._limits.call):
                allowed = deadlines.begin(context.time_remaining()) if limited else None
                async with asyncio.timeout(allowed):
                    return await inner(request, context)

        return run

    def _streaming(self, method: str, metadata: Sequence[Any], inner: Handler) -> Handler:
        async def run(
            request: Any, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[Any]:
            async with self._around(method, metadata, context, self._limits.stream):
                answering = inner(request, context)
                if isinstance(answering, Awaitable):
                    await answering  # writes by itself, as the health service does
                    return
                async for response in answering:
                    yield response

        return run

    @asynccontextmanager
    async def _around(
        self,
        method: str,
        metadata: Sequence[Any],
        context: grpc.aio.ServicerContext[Any, Any],
        let_in: Callable[[Caller], AbstractContextManager[None]],
    ) -> AsyncIterator[None]:
        began, code, reason, who = time.perf_counter(), grpc.StatusCode.OK, "", "nobody"
        try:
            found = self._identify(method, metadata)
            who = found.key if found is not None else who
            self._table.check(method, found)
            _caller.set(found)
            # Health is answered however much else is asked.
            with nullcontext() if found is None else let_in(found):
                yield
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
            if not self._table.is_open(method):
                _log.info(
                    "call",
                    method=method.lstrip("/"),
                    caller=who,
                    code=code.name,
                    reason=reason,
                    milliseconds=round((time.perf_counter() - began) * 1000, 2),
                )

    def _identify(self, method: str, metadata: Sequence[Any]) -> Caller | None:
        if self._table.is_open(method):
            return None
        headers = [value for key, value in metadata or () if key == "authorization"]
        if len(headers) != 1:
            raise Unauthenticated(
                "there is more than one token" if headers else "there is no token"
            )
        header = headers[0]
        if not isinstance(header, str) or not header.lower().startswith("bearer "):
            raise Unauthenticated("the authorization is not a bearer token")
        return self._verifier.verify(header[7:].strip())

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
