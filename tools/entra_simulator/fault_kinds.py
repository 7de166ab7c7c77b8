"""Every way in which a call can go wrong, as a named switch.

Status and code are Microsoft's where they are documented; the comment beside a kind says where
they are not. Source: Microsoft Learn, "Microsoft Graph error responses and resource types",
"Microsoft Graph throttling guidance", "Use delta query", "Best practices"; research 3.6 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tools.entra_simulator.errors import Refusal


class Moment(StrEnum):
    """When a fault strikes."""

    INSTEAD = "instead"
    AFTER = "after"


class Connection(StrEnum):
    """What becomes of the connection. `OWN`: the call gets its own answer, late or bent."""

    ANSWER = "answer"
    OWN = "own"
    RESET = "reset"
    HANG = "hang"


class Calls(StrEnum):
    """Which calls a kind makes sense for, beside what the rule says."""

    ANY = "any"
    # Those that carry a token of delta.
    DELTA_LINKS = "delta links"
    # Those that carry a token of a page.
    PAGE_LINKS = "page links"


@dataclass(frozen=True)
class FaultKind:
    """`retry_after` and `seconds` are defaults that a rule may replace, so is `times`."""

    name: str
    summary: str
    moment: Moment = Moment.INSTEAD
    connection: Connection = Connection.ANSWER
    status: int = 503
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    seconds: float = 0.0
    times: int | None = None
    calls: Calls = Calls.ANY
    same_next_link: bool = False
    restart: bool = False

    @property
    def graph_only(self) -> bool:
        """Whether this speaks of something the login endpoint does not have."""
        told = 400 <= self.status < 500 and self.status != 429 and self.name != "error"
        return self.same_next_link or (told and self.connection is Connection.ANSWER)

    @property
    def takes_retry_after(self) -> bool:
        """Whether a rule may name the Retry-After that it answers with."""
        told = self.status in (429, 502, 503, 504) and self.connection is Connection.ANSWER
        return told and self.name not in ("throttle-silent", "error")

    @property
    def strikes_batch_items(self) -> bool:
        """A batch has one connection: what breaks or delays it strikes the batch as a whole."""
        return self.connection is Connection.ANSWER


def _like(refusal: Refusal, name: str, summary: str, **rest: object) -> FaultKind:
    status, code, message = refusal.value
    return FaultKind(name, summary, status=status, code=code, message=message, **rest)  # type: ignore[arg-type]


_THROTTLED = ("TooManyRequests", "Please retry again later.")
_UNAVAILABLE = (
    "serviceNotAvailable",
    "The service is temporarily unavailable. You may repeat the request after a delay.",
)
# What Graph's gateway says of a back end that failed: seen in published traces, not documented.
_UNKNOWN = "UnknownError"
# Microsoft documents the code and not the words.
_EXPIRED_DELTA = "The delta token is no longer valid. Start with a new initial request."
_RESYNC = "Resync required. Any provided synchronization state is no longer valid."


KINDS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "throttle",
            "429 with Retry-After; the call is not carried out",
            status=429,
            code=_THROTTLED[0],
            message=_THROTTLED[1],
            retry_after=1,
        ),
        FaultKind(
            "throttle-silent",
            "429 without Retry-After; the call is not carried out",
            status=429,
            code=_THROTTLED[0],
            message=_THROTTLED[1],
        ),
        FaultKind(
            "throttle-done",
            "429 with Retry-After, although the call was carried out",
            moment=Moment.AFTER,
            status=429,
            code=_THROTTLED[0],
            message=_THROTTLED[1],
            retry_after=1,
        ),
        FaultKind(
            "unavailable",
            "503, with Retry-After if the rule names one",
            status=503,
            code=_UNAVAILABLE[0],
            message=_UNAVAILABLE[1],
        ),
        FaultKind(
            "bad-gateway", "502, with Retry-After if the rule names one", status=502, code=_UNKNOWN
        ),
        FaultKind(
            "gateway-timeout",
            "504, with Retry-After if the rule names one; not carried out",
            status=504,
            code=_UNKNOWN,
        ),
        FaultKind(
            "gateway-timeout-done",
            "504, with Retry-After if the rule names one, although the call was carried out",
            moment=Moment.AFTER,
            status=504,
            code=_UNKNOWN,
        ),
        FaultKind(
            "internal-error",
            "500",
            status=500,
            code="Service_InternalServerError",
            message="Encountered an internal server error.",
        ),
        FaultKind("reset", "the connection is reset before anything", connection=Connection.RESET),
        FaultKind(
            "reset-done",
            "the call is carried out, then the connection is reset",
            moment=Moment.AFTER,
            connection=Connection.RESET,
        ),
        FaultKind(
            "hang",
            "no answer: the connection stays open for `seconds`, then it is reset",
            connection=Connection.HANG,
            seconds=120,
        ),
        FaultKind(
            "timeout-done",
            "the call is carried out and never answered",
            moment=Moment.AFTER,
            connection=Connection.HANG,
            seconds=120,
        ),
        FaultKind(
            "slow",
            "the call's own answer, `seconds` late",
            moment=Moment.AFTER,
            connection=Connection.OWN,
            seconds=2,
        ),
        _like(
            Refusal.TOKEN_EXPIRED,
            "token-expired",
            "401 as for an access token that has just run out; once, unless the rule says more",
            times=1,
        ),
        _like(Refusal.INSUFFICIENT_PRIVILEGES, "forbidden", "403 as for a missing permission"),
        _like(
            Refusal.RESOURCE_NOT_FOUND,
            "not-found-yet",
            "404 as for an object that this replica has not heard of",
        ),
        FaultKind(
            "delta-reset",
            "410 with a Location that starts the delta query anew; strikes delta links only",
            status=410,
            code="resyncRequired",
            message=_RESYNC,
            calls=Calls.DELTA_LINKS,
            restart=True,
        ),
        # Microsoft documents a "40X" here; 400 is what the directory answers to other tokens.
        FaultKind(
            "delta-expired",
            "400 syncStateNotFound as after a token's seven days; strikes delta links only",
            status=400,
            code="syncStateNotFound",
            message=_EXPIRED_DELTA,
            calls=Calls.DELTA_LINKS,
        ),
        _like(
            Refusal.PAGE_TOKEN_EXPIRED,
            "page-token-expired",
            "400 as for a page token that took too long to come back; strikes next links only",
            calls=Calls.PAGE_LINKS,
        ),
        FaultKind(
            "same-next-link",
            "the call's own answer, its next link (if it has one) equal to the call's address",
            moment=Moment.AFTER,
            connection=Connection.OWN,
            same_next_link=True,
        ),
        FaultKind(
            "error",
            "the rule's own `status`, `code`, `message` and `headers`; `done` carries the call out",
            status=400,
            code="UnknownError",
        ),
    )
}
