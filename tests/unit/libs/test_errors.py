"""Errors on their way over the wire, both ways."""

from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
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
from libs.rpc import errors

DOMAIN = "latchkey.policy"
ERRORS = [
    Invalid([Violation("a", "is wrong"), Violation("b[0].c", "is too")]),
    Invalid.field("a", "is ünfit", reason="EXPRESSION_INVALID", rule="x"),
    NotFound("POLICY_NOT_FOUND", "There is no policy pol_1.", policy_id="pol_1"),
    AlreadyExists("POLICY_NAME_TAKEN", "Taken.", display_name="Ärger ☂"),
    WrongState("EVALUATION_FAILED", "Failed.", rule="Night", problem="divide by zero"),
    NotAllowed("CALLER_NOT_ALLOWED", "Not you.", allowed="others"),
    Conflict.stale_etag("pol_1"),
]
CODES = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    NotAllowed: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Conflict: grpc.StatusCode.ABORTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}


def _call_error(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """What a client sees of a status."""
    sent = rpc_status.to_status(status)
    return grpc.aio.AioRpcError(
        sent.code,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(*sent.trailing_metadata),
        details=sent.details,
    )


def _bare(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="x")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
def test_round_trip(error: LatchkeyError) -> None:
    """An error of another service arrives as what it was: class, reason, message, facts."""
    found = errors.from_call(_call_error(errors.to_status(error, DOMAIN)), "the policy service")
    assert type(found) is type(error)
    assert (found.reason, found.message, found.facts) == (error.reason, error.message, error.facts)
    if isinstance(error, Invalid):
        assert isinstance(found, Invalid)
        assert found.violations == error.violations


def test_every_class_has_its_code() -> None:
    """Each class of the domain's errors is one code, also for classes below them."""
    for kind in LatchkeyError.__subclasses__():
        if kind.__module__ == "libs.domain.errors":
            assert kind in CODES
    for kind, code in CODES.items():
        below = type("Below", (kind,), {"__init__": LatchkeyError.__init__})
        assert errors.code_of(below("REASON", "message")) is code


def test_status_carries_reason_domain_and_facts() -> None:
    """Each status has one `ErrorInfo`, and the details that help with its class."""
    status = errors.to_status(ERRORS[0], DOMAIN)
    assert status.message == "a: is wrong; b[0].c: is too"
    call = _call_error(status)
    info = errors.error_info(call)
    assert (info.domain, info.reason) == (DOMAIN, "FIELD_INVALID")
    assert [(v.field, v.description) for v in errors.field_violations(call)] == [
        ("a", "is wrong"),
        ("b[0].c", "is too"),
    ]
    precondition = error_details_pb2.PreconditionFailure()
    assert errors.to_status(ERRORS[4], DOMAIN).details[1].Unpack(precondition)
    assert precondition.violations[0].type == "EVALUATION_FAILED"
    retry = error_details_pb2.RetryInfo()
    assert errors.to_status(Unavailable("NATS", "gone"), DOMAIN).details[1].Unpack(retry)
    assert retry.retry_delay.nanos > 0


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name != "OK"])
def test_failures_without_a_reason_are_the_peers(code: grpc.StatusCode) -> None:
    """Whatever a peer fails with and does not explain means that it does not answer, and is never
    taken for a refusal of what our caller asked."""
    found = errors.from_call(_bare(code), "the policy service")
    assert isinstance(found, Unavailable)
    assert found.facts == {"dependency": "the policy service"}


def test_what_does_not_fit_into_a_message_can_be_told() -> None:
    """For whoever can ask for less at a time; to all others the peer does not answer."""
    found = errors.from_call(_bare(grpc.StatusCode.RESOURCE_EXHAUSTED), "the policy service")
    assert isinstance(found, errors.TooLarge)
    assert found.reason == "DEPENDENCY_UNAVAILABLE"


def test_refused_credentials_are_ours() -> None:
    """That a peer does not accept our token is no fault of who called us."""
    status = errors.to_status(Unauthenticated("the token has expired"), "latchkey.policy")
    found = errors.from_call(_call_error(status), "the policy service")
    assert isinstance(found, Unavailable)
    assert "does not accept our credentials" in found.message


def test_a_peers_fault_is_unavailable() -> None:
    """A peer's `INTERNAL` and its correlation id stay with the peer."""
    fault = errors.told(ZeroDivisionError("secret text"), "/p.S/M")
    found = errors.from_call(_call_error(errors.to_status(fault, DOMAIN)), "the policy service")
    assert isinstance(found, Unavailable)


def test_unexpected_is_told_without_its_text() -> None:
    """What was not foreseen is `INTERNAL`, with an id to find it and nothing else."""
    fault = errors.told(ZeroDivisionError("secret text"), "/p.S/M")
    status = errors.to_status(fault, DOMAIN)
    assert errors.code_of(fault) is grpc.StatusCode.INTERNAL
    assert "secret" not in str(status)
    assert len(fault.facts["correlation_id"]) == 16


def test_every_error_fits_into_trailers() -> None:
    """A client takes 8 KiB of trailers; what has more to say says less, and keeps its reason."""
    long = "☂" * 5000
    many = [Violation(f"policy.rules[{n}].condition", f"{long} {n}") for n in range(1000)]
    for error in (
        Invalid(many),
        Invalid([Violation(long, long)]),
        NotFound("POLICY_NOT_FOUND", long, policy_id=long, **{f"f{n}": long for n in range(50)}),
        WrongState("EVALUATION_FAILED", long, rule=long, problem=long),
    ):
        status = errors.to_status(error, DOMAIN)
        sent = rpc_status.to_status(status)
        size = len(quote(sent.details or "")) + sum(
            len(key) + len(value) * 4 // 3 for key, value in sent.trailing_metadata
        )
        assert size < 7000
        call = _call_error(status)
        assert errors.error_info(call).reason == error.reason
        assert errors.from_call(call, "x").reason == error.reason
        if isinstance(error, Invalid):
            assert errors.field_violations(call)
