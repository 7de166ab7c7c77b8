"""What went wrong between us and Microsoft, as a value."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MOST_TEXT = 500
# What JSON can spell and no database keeps.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
# What the login endpoint appends to every message: noise for people, new each time.
_TRACE = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """A call that did not succeed.

    `status` is the HTTP status; 0 when no answer came. `sent` is whether Microsoft may have worked
    on the call: false when it is certain that it never got there. `signing_in` is whether it was
    the sign-in that failed. `request_id` is Microsoft's, by which it finds the call, and
    `client_request_id` ours. `location` is where the answer sends the caller.
    """

    status: int
    code: str
    message: str
    retry_after: timedelta | None = None
    sent: bool = True
    signing_in: bool = False
    request_id: str = ""
    client_request_id: str = ""
    location: str = ""

    @property
    def is_passing(self) -> bool:
        """Whether the same call may well succeed a little later."""
        # 408: the service has waited for the rest of the request for too long.
        return self.status in (0, 408, 429) or self.status >= 500

    @property
    def throttles(self) -> bool:
        """Whether Microsoft asks for the tenant to be left alone for a while."""
        return self.status == 429 or (self.status == 503 and self.retry_after is not None)

    def __str__(self) -> str:
        where = "signing in: " if self.signing_in else ""
        status = f"{self.status} " if self.status else ""
        return f"{where}{status}{self.code}: {self.message}"


def tidy(text: str, *secrets: str) -> str:
    """A text of Microsoft's, fit for people: short, on one line, without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "…")
    text = _UNKEEPABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return " ".join(_TRACE.sub("", text).split())[:_MOST_TEXT]


def retry_after(header: str | None) -> timedelta | None:
    """The pause that a `Retry-After` asks for: seconds, or a date."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    # A header that asks for days is not obeyed to the letter.
    return timedelta(seconds=min(max(seconds, 0.0), 600.0)) if seconds == seconds else None
