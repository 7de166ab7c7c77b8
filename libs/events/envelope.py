"""CloudEvents 1.0 over NATS, in binary mode: attributes in headers, the message as payload.

A message's full name is its `ce-type` and its NATS subject, so `latchkey.>` is everything and no
table of subjects exists. Source: cloudevents/spec, bindings/nats-protocol-binding.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote


@dataclass(frozen=True, slots=True)
class Event:
    """A fact on its way: `type` is the full name of the message that `payload` serializes."""

    event_id: str
    type: str
    resource_id: str
    resource_version: int
    event_time: datetime
    actor: str
    payload: bytes

    @property
    def subject(self) -> str:
        """Where it is published."""
        return self.type

    def headers(self) -> dict[str, str]:
        """The headers it travels under."""
        service = self.type.split(".")[1]
        return {
            "Nats-Msg-Id": self.event_id,
            "ce-specversion": "1.0",
            "ce-id": self.event_id,
            "ce-source": f"/latchkey/{service}",
            "ce-type": self.type,
            "ce-subject": self.resource_id,
            "ce-time": self.event_time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce-datacontenttype": "application/protobuf",
            "ce-sequence": str(self.resource_version),
            # The binding wants printable ASCII; a person's name need not be.
            "ce-actor": quote(self.actor, safe='{}":,@ -_.'),
        }


class NotAnEvent(ValueError):
    """A message that is no CloudEvent of ours."""


def parse(subject: str, headers: Mapping[str, str] | None, payload: bytes) -> Event:
    """The event that a message carries.

    Raises:
        NotAnEvent: a header is missing or says something impossible.
    """
    headers = headers or {}
    try:
        event = Event(
            event_id=headers["ce-id"],
            type=headers["ce-type"],
            resource_id=headers["ce-subject"],
            resource_version=int(headers["ce-sequence"]),
            event_time=datetime.fromisoformat(headers["ce-time"]),
            actor=unquote(headers.get("ce-actor", "")),
            payload=payload,
        )
    except KeyError as error:
        raise NotAnEvent(f"the header {error.args[0]} is missing") from error
    except ValueError as error:
        raise NotAnEvent(str(error)) from error
    if headers.get("ce-specversion") != "1.0":
        raise NotAnEvent("it is not CloudEvents 1.0")
    if event.type != subject:
        raise NotAnEvent(f"it says it is {event.type} and came on {subject}")
    if event.event_time.tzinfo is None:
        raise NotAnEvent("its time is without a zone")
    if not event.event_id or len(event.event_id) > 200 or not event.event_id.isprintable():
        raise NotAnEvent("its id is empty, too long or unprintable")
    return event
