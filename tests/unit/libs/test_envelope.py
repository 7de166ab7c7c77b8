"""Events as CloudEvents over NATS."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from libs.events.envelope import Event, NotAnEvent, parse

EVENT = Event(
    event_id="evt_01k9",
    type="latchkey.policy.v1.PolicyCreated",
    resource_id="pol_01k9",
    resource_version=7,
    event_time=datetime(2025, 11, 23, 9, 0, 0, 123456, tzinfo=UTC),
    actor='{"display_name":"Zoë \\"Z\\" %41\\n☂"}',
    payload=b"\x00\xff",
)


def test_round_trip() -> None:
    """What is published is what arrives."""
    assert parse(EVENT.subject, EVENT.headers(), EVENT.payload) == EVENT


def test_headers_are_those_of_cloudevents() -> None:
    """The attributes are headers that anybody can read, in printable ASCII."""
    headers = EVENT.headers()
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == EVENT.subject == "latchkey.policy.v1.PolicyCreated"
    assert headers["ce-source"] == "/latchkey/policy"
    assert headers["ce-id"] == headers["Nats-Msg-Id"] == "evt_01k9"
    assert headers["ce-subject"] == "pol_01k9"
    assert headers["ce-time"] == "2025-11-23T09:00:00.123456Z"
    assert headers["ce-sequence"] == "7"
    assert all(value.isascii() and value.isprintable() for value in headers.values())


def test_time_travels_in_utc() -> None:
    """A time of another zone is the same moment at the other end."""
    elsewhere = EVENT.event_time.astimezone(timezone(timedelta(hours=-8)))
    event = replace(EVENT, event_time=elsewhere)
    assert parse(event.subject, event.headers(), b"").event_time == elsewhere


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ce-id": None}, "the header ce-id is missing"),
        ({"ce-type": None}, "the header ce-type is missing"),
        ({"ce-subject": None}, "the header ce-subject is missing"),
        ({"ce-sequence": None}, "the header ce-sequence is missing"),
        ({"ce-time": None}, "the header ce-time is missing"),
        ({"ce-specversion": None}, "it is not CloudEvents 1.0"),
        ({"ce-specversion": "0.3"}, "it is not CloudEvents 1.0"),
        ({"ce-sequence": "seven"}, "invalid literal"),
        ({"ce-sequence": "9" * 5000}, ""),
        ({"ce-time": "yesterday"}, "Invalid isoformat"),
        ({"ce-time": "2025-11-23T09:00:00"}, "its time is without a zone"),
        ({"ce-type": "latchkey.policy.v1.Other"}, "and came on"),
        ({"ce-id": ""}, "its id is empty, too long or unprintable"),
        ({"ce-id": "x" * 201}, "its id is empty, too long or unprintable"),
        ({"ce-id": "a\0b"}, "its id is empty, too long or unprintable"),
    ],
)
def test_what_is_no_event_is_refused(change: dict[str, str | None], problem: str) -> None:
    """A message that lacks something, or says something impossible, is no event of ours."""
    headers = {
        key: value for key, value in ({**EVENT.headers()} | change).items() if value is not None
    }
    with pytest.raises(NotAnEvent) as raised:
        parse(EVENT.subject, headers, b"")
    assert problem in str(raised.value)


def test_message_without_headers_is_no_event() -> None:
    """Anybody can publish bytes; they are no event."""
    none: list[dict[str, str] | None] = [None, {}]
    for headers in none:
        with pytest.raises(NotAnEvent):
            parse("latchkey.policy.v1.PolicyCreated", headers, b"garbage")
