"""Times and lengths of time: protobuf's messages and Python's own, both ways."""

from datetime import UTC, datetime, timedelta
from typing import overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from libs.domain.fields import MAX_DURATION, Fields

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What protobuf allows a length of time to be.
_MOST_SECONDS = 315_576_000_000


@overload
def timestamp(time: datetime) -> Timestamp: ...
@overload
def timestamp(time: None) -> None: ...
@overload
def timestamp(time: datetime | None) -> Timestamp | None: ...
def timestamp(time: datetime | None) -> Timestamp | None:
    """The message of a time that is aware of its zone; none for none."""
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError("a time without a zone is no time")
    # As `FromDatetime` does, at a third of its cost: answers are full of times.
    since = time - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


@overload
def duration(length: timedelta) -> Duration: ...
@overload
def duration(length: None) -> None: ...
@overload
def duration(length: timedelta | None) -> Duration | None: ...
def duration(length: timedelta | None) -> Duration | None:
    """The message of a length of time; none for none."""
    if length is None:
        return None
    if length < timedelta():
        # Both parts are negative then, which is not how Python has it.
        message = Duration()
        message.FromTimedelta(length)
        return message
    return Duration(seconds=length.days * 86_400 + length.seconds, nanos=length.microseconds * 1000)


def time_of(message: Timestamp) -> datetime:
    """The time of a message, to the microsecond, in UTC and aware of it.

    Raises:
        ValueError: the message is outside of what both can hold.
    """
    # As `ToDatetime` does, at a fraction of its cost.
    seconds, nanos = message.seconds, message.nanos
    if not 0 <= nanos < 10**9:
        raise ValueError("nanos are not of a second")
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def length_of(message: Duration) -> timedelta:
    """The length of time of a message, to the microsecond.

    Raises:
        ValueError: the message is outside of what both can hold.
    """
    seconds, nanos = message.seconds, message.nanos
    # protobuf's own reading lets these pass: they say one length in two ways.
    if abs(nanos) >= 10**9 or seconds * nanos < 0:
        raise ValueError("seconds and nanos do not go together")
    if abs(seconds) > _MOST_SECONDS:
        raise ValueError("longer than 10 000 years")
    return timedelta(seconds=seconds, microseconds=int(nanos / 1000))


def time_field(fields: Fields, field: str, message: Timestamp) -> datetime:
    """A time that a request holds; some time or other where it is none, which is noted."""
    try:
        return time_of(message)
    except ValueError:
        fields.wrong(field, "is not a time")
        return datetime.max.replace(tzinfo=UTC)


def duration_field(
    fields: Fields,
    field: str,
    message: Duration,
    *,
    least: timedelta = timedelta(minutes=1),
    most: timedelta = MAX_DURATION,
) -> timedelta | None:
    """A length of time that a request holds, within bounds; none where it is none, which is noted.

    Whether the request holds one at all is the caller's to ask.
    """
    try:
        length = length_of(message)
    except ValueError:
        fields.wrong(field, "is not a length of time")
        return None
    return fields.duration(field, length, least=least, most=most)
