"""Requests that nobody means: bytes that are no message, and messages full of odd values.

Everything comes of a seeded `Random`, so that what was found once is found again.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
}
_MOST_BYTES = 1024 * 1024
_TEXTS = (
    "",
    " ",
    "\t\n \u00a0",
    "\u200b\u2060",
    "\x00",
    "blank\x00inside",
    "line\nbreak",
    "x",
    "x" * 201,
    "x" * 100_000,
    "ж" * 2001,
    "\U0001d546" * 1999,
    "\ufffd\ufffe\uffff\U0010ffff",
    "e\u0301\u0301\u0301 \u202egnirts",
    "😀👩‍👩‍👧‍👦",
    "\\ud800",
    "%_\\'\"--;",
    "null",
    "-1",
    "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "app_00000000000000000000000000",
    "ent_00000000000000000000000000",
    "req_00000000000000000000000000",
    "app_" + "z" * 64,
    "app_ж",
    "true && ",
    "size('a') > 9223372036854775807",
    "eyJhIjoxfQ",
    "A" * 1999,
    "====",
)


def bytes_of_no_message(random: Random) -> bytes:
    """Bytes that are mostly no message of any type, and by chance one of some."""
    return random.choice(
        (
            lambda: random.randbytes(random.randrange(1, 64)),
            lambda: random.randbytes(4096),
            lambda: b"\x0a\x02\xc3\x28",  # field 1 is text that is not UTF-8
            lambda: b"\x0a\x03\xed\xa0\x80",  # nor is a surrogate
            lambda: b"\x0a\xff\xff\xff\xff\x07x",  # and this one ends before it does
            lambda: b"\x08" + b"\xff" * 12,  # a number of too many bytes
            lambda: b"\x0b" * 200,  # groups in groups
            lambda: b"\x0a\x7e" * 120,  # messages in messages
            lambda: b"\xf8\xff\xff\xff\x0f\x01",  # a field that there is not
        )
    )()


class Garbage:
    """Makes messages of any type. Some are odd all over, and some nearly as they should be, to get
    further."""

    def __init__(self, random: Random, known: Mapping[str, Sequence[str]]) -> None:
        """`known` has real values by the name of the field that they stood in."""
        self._random = random
        self._known = known
        self._oddness = 0.0

    def request(self, kind: Descriptor) -> bytes:
        """A message of a type, of a size that a server reads."""
        self._oddness = self._random.choice((0.02, 0.1, 0.3, 0.9))
        while len(made := self._message(kind, 0).SerializeToString()) > _MOST_BYTES:
            continue
        return made

    def _is_odd(self) -> bool:
        return self._random.random() < self._oddness

    def _message(self, kind: Descriptor, depth: int) -> Message:
        made: Message = GetMessageClass(kind)()
        # Only one of a oneof can be set; the last one set stays.
        for field in self._random.sample([*kind.fields], len(kind.fields)):
            if depth > 4 or self._is_odd():
                continue
            if field.is_repeated:
                count = self._random.choice((0, 3, 120)) if self._is_odd() else 1
                getattr(made, field.name).extend(self._value(field, depth) for _ in range(count))
            elif field.message_type is not None:
                getattr(made, field.name).CopyFrom(self._value(field, depth))
            else:
                setattr(made, field.name, self._value(field, depth))
        return made

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        random, odd = self._random, self._is_odd()
        if field.message_type is not None:
            return self._message(field.message_type, depth + 1)
        if field.enum_type is not None:
            return random.choice(
                (-1, 99, 2**31 - 1) if odd else [*field.enum_type.values_by_number]
            )
        if field.cpp_type in _INTEGERS:
            least, most = _INTEGERS[field.cpp_type]
            drawn = random.randint(least, most)
            return random.choice((-1, 0, 501, least, most, drawn) if odd else (1, 2, 60))
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        if field.type == FieldDescriptor.TYPE_BYTES:
            return bytes_of_no_message(random)
        assert field.cpp_type == FieldDescriptor.CPPTYPE_STRING, field.full_name
        return random.choice(_TEXTS) if odd else self._text(field.name)

    def _text(self, name: str) -> str:
        if name == "idempotency_key":
            return str(self._random.randrange(10))
        for end in (name, name.removesuffix("s"), name.partition("_")[2]):
            if known := self._known.get(end):
                return self._random.choice(known)
        return f"A quite normal text {self._random.random()}"
