"""Errors on their way over the wire, both ways. The only place that knows gRPC's codes.

Out: a `LatchkeyError` becomes a `google.rpc.Status` with one `ErrorInfo`, and `BadRequest` or
`RetryInfo` where they help. Whatever else was raised is our fault: it is logged under a
correlation id, and the caller learns that id and nothing more.

In: the same status, read by one of our own clients, becomes the same class again.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import grpc
import structlog
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from libs.domain.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    LatchkeyError,
    NotAllowed,
    NotFound,
    Unauthenticated,
    Unavailable,
    Violation,
    WrongState,
)
from libs.rpc.limits import TooMuch

_CODES: dict[type[LatchkeyError], grpc.StatusCode] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    NotAllowed: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Conflict: grpc.StatusCode.ABORTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}
_CLASSES: dict[int, type[LatchkeyError]] = {
    code_pb2.NOT_FOUND: NotFound,
    code_pb2.ALREADY_EXISTS: AlreadyExists,
    code_pb2.FAILED_PRECONDITION: WrongState,
    code_pb2.PERMISSION_DENIED: NotAllowed,
    code_pb2.ABORTED: Conflict,
}
_D = TypeVar("_D", bound=Message)
# A client takes 8 KiB of trailers and drops the whole status when there is more. It holds the
# message twice, once with three bytes for each that is not ASCII, and the rest in base 64.
_MESSAGE_BYTES = 600
_FACT_BYTES = 250
_FACTS_BYTES = 1200
_PROBLEM_BYTES = 300
_VIOLATIONS_BYTES = 1500
_RETRY_AFTER = Duration(nanos=200_000_000)

_log = structlog.get_logger(__name__)


class DeadlineExceeded(LatchkeyError):
    """The time for the call ran out."""

    def __init__(self) -> None:
        super().__init__(
            "DEADLINE_EXCEEDED", "The time for the call ran out. A write may have been kept."
        )


class TooLarge(Unavailable):
    """Another service can't be asked this in one call: question or answer is too large a message,
    or it is short of something."""

    def __init__(self, dependency: str) -> None:
        super().__init__(dependency, "resource exhausted")


class _Fault(LatchkeyError):
    """A fault of ours."""

    def __init__(self, correlation_id: str) -> None:
        super().__init__(
            "INTERNAL",
            f"A fault of ours; it is in the log as {correlation_id}.",
            correlation_id=correlation_id,
        )


class MethodUnknown(LatchkeyError):
    """The server has no such method."""

    def __init__(self, method: str) -> None:
        name = method.lstrip("/")[:200]
        super().__init__("METHOD_UNKNOWN", f"There is no method {name}.", method=name)


_CODES[TooMuch] = grpc.StatusCode.RESOURCE_EXHAUSTED
_CODES[MethodUnknown] = grpc.StatusCode.UNIMPLEMENTED
_CODES[DeadlineExceeded] = grpc.StatusCode.DEADLINE_EXCEEDED
_CODES[_Fault] = grpc.StatusCode.INTERNAL


def told(error: BaseException, method: str) -> LatchkeyError:
    """What the caller is told of an error."""
    if isinstance(error, LatchkeyError):
        return error
    correlation_id = secrets.token_hex(8)
    _log.error("fault", method=method, correlation_id=correlation_id, exc_info=error)
    return _Fault(correlation_id)


def code_of(error: LatchkeyError) -> grpc.StatusCode:
    """The code that an error's class stands for."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def to_status(error: LatchkeyError, domain: str) -> status_pb2.Status:
    """The status that carries an error. `domain` is "latchkey." and the service's name."""
    message = _short(error.message, _MESSAGE_BYTES)
    details: list[Any] = [
        _packed(
            error_details_pb2.ErrorInfo(
                reason=error.reason, domain=domain, metadata=_few_facts(error.facts)
            )
        )
    ]
    if isinstance(error, Invalid):
        details.append(
            _packed(
                error_details_pb2.BadRequest(field_violations=_few_violations(error.violations))
            )
        )
    if isinstance(error, WrongState):
        details.append(
            _packed(
                error_details_pb2.PreconditionFailure(
                    violations=[
                        error_details_pb2.PreconditionFailure.Violation(
                            type=error.reason, description=message
                        )
                    ]
                )
            )
        )
    if isinstance(error, Unavailable):
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=_RETRY_AFTER)))
    if isinstance(error, TooMuch):
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=error.retry_after))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=code_of(error).value[0], message=message, details=details)


def from_call(error: grpc.aio.AioRpcError, dependency: str) -> LatchkeyError:
    """What a call of ours to another service failed with."""
    status = rpc_status.from_call(error)
    reason, facts, violations = "", {}, []
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason, facts = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations = [Violation(v.field, v.description) for v in bad.field_violations]
    message = error.details() or error.code().name
    code = error.code().value[0]
    if reason and code == code_pb2.INVALID_ARGUMENT:
        return Invalid(violations, reason=reason, message=message, **facts)
    if reason and code in _CLASSES:
        return _CLASSES[code](reason, message, **facts)
    if error.code() is grpc.StatusCode.UNAUTHENTICATED and facts.get("whose") == "person":
        # The caller's own token, which we have passed on, is good no more.
        return Unauthenticated(facts.get("problem", ""))
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        # Our own credentials were refused; that is no fault of who called us.
        return Unavailable(dependency, "it does not accept our credentials")
    if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
        return Unavailable(dependency, "it has a fault")
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and not reason:
        return TooLarge(dependency)
    return Unavailable(dependency, error.code().name.lower().replace("_", " "))


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The `ErrorInfo` of a failed call; an empty one when there is none."""
    return _detail(error, error_details_pb2.ErrorInfo())


def field_violations(
    error: grpc.aio.AioRpcError,
) -> Sequence[error_details_pb2.BadRequest.FieldViolation]:
    """The fields that a failed call was refused for."""
    violations: Sequence[error_details_pb2.BadRequest.FieldViolation]
    violations = _detail(error, error_details_pb2.BadRequest()).field_violations
    return violations


def _detail(error: grpc.aio.AioRpcError, into: _D) -> _D:
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        if detail.Unpack(into):
            break
    return into


def _short(text: str, most: int) -> str:
    """The text, or as much of its beginning as `most` bytes hold."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= most:
        return text
    return encoded[: most - 3].decode(errors="ignore") + "…"


def _few_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """As many facts as fit, the first ones first."""
    few, left = {}, _FACTS_BYTES
    for name, value in facts.items():
        few[name] = _short(value, _FACT_BYTES)
        left -= len(name) + len(few[name].encode())
        if left < _FACT_BYTES:
            break
    return few


def _few_violations(
    violations: Sequence[Violation],
) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """As many violations as fit, the first ones first; who corrects them hears of the others."""
    few, left = [], _VIOLATIONS_BYTES
    for violation in violations:
        field = _short(violation.field, _FACT_BYTES)
        problem = _short(violation.problem, _PROBLEM_BYTES)
        few.append(error_details_pb2.BadRequest.FieldViolation(field=field, description=problem))
        left -= len(field.encode()) + len(problem.encode()) + 6
        if left < _PROBLEM_BYTES:
            break
    return few


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
