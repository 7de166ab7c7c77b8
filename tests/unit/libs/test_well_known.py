"""Times and lengths of time, both ways."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from libs.domain.errors import Invalid
from libs.domain.fields import MAX_DURATION, Fields
from libs.rpc.well_known import (
    duration,
    duration_field,
    length_of,
    time_field,
    time_of,
    timestamp,
)

TIME = datetime(2026, 3, 2, 9, 30, 1, 123456, tzinfo=UTC)


def test_times_come_back_as_they_were() -> None:
    """To the microsecond, in UTC, wherever they were from."""
    assert time_of(timestamp(TIME)) == TIME
    elsewhere = TIME.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert time_of(timestamp(elsewhere)) == TIME
    assert time_of(timestamp(elsewhere)).utcoffset() == timedelta(0)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=-1, microseconds=1), MAX_DURATION])
def test_lengths_come_back_as_they_were(length: timedelta) -> None:
    """To the microsecond, negative ones too."""
    assert length_of(duration(length)) == length


def test_none_is_none() -> None:
    """What there is none of is left out."""
    assert timestamp(None) is None
    assert duration(None) is None


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody knows what it means."""
    with pytest.raises(ValueError, match="without a zone"):
        timestamp(TIME.replace(tzinfo=None))


_NO_LENGTHS = [
    pytest.param(Duration(seconds=2**62), id="too long"),
    pytest.param(Duration(seconds=-(2**62)), id="too short"),
    pytest.param(Duration(seconds=60, nanos=2_000_000_000), id="too many nanoseconds"),
    pytest.param(Duration(seconds=60, nanos=-1), id="two signs"),
]


@pytest.mark.parametrize("message", _NO_LENGTHS)
def test_what_is_no_length_is_noted_with_its_field(message: Duration) -> None:
    """The caller hears which field it is; nothing else is raised, whatever was sent."""
    with pytest.raises(Invalid) as raised, Fields("rules.") as fields:
        assert duration_field(fields, "max_duration", message) is None
    (violation,) = raised.value.violations
    assert violation.field == "rules.max_duration"
    with pytest.raises(ValueError):
        length_of(message)


def test_a_length_out_of_bounds_is_noted() -> None:
    """The bounds are those of `Fields.duration`."""
    fields = Fields()
    with pytest.raises(Invalid), fields:
        duration_field(fields, "a", Duration(seconds=59))
    with Fields() as fields:
        least = timedelta(seconds=1)
        assert duration_field(fields, "a", Duration(seconds=59), least=least) == 59 * least


_NO_TIMES = [
    pytest.param(Timestamp(seconds=2**62), id="too late"),
    pytest.param(Timestamp(seconds=-(2**62)), id="too early"),
    pytest.param(Timestamp(seconds=1, nanos=2_000_000_000), id="too many nanoseconds"),
]


@pytest.mark.parametrize("message", _NO_TIMES)
def test_what_is_no_time_is_noted_with_its_field(message: Timestamp) -> None:
    """The caller hears which field it is; nothing else is raised, whatever was sent."""
    with pytest.raises(Invalid) as raised, Fields() as fields:
        time_field(fields, "facts.now", message)
    assert [violation.field for violation in raised.value.violations] == ["facts.now"]
