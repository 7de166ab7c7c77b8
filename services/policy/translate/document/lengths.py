"""Lengths of time, as people write them: `8h`, `90m`, `1d12h`."""

import re
from datetime import timedelta

_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_FORM = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,8})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)s)?"
)


def length_text(length: timedelta) -> str:
    """A length in the one unit that divides it, so that 90 minutes stay 90 minutes."""
    for letter, unit in _UNITS:
        if length and not length % unit:
            return f"{length // unit}{letter}"
    seconds, rest = divmod(length // timedelta(microseconds=1), 10**6)
    return f"{seconds}.{rest:06d}".rstrip("0").removesuffix(".") + "s"


def length_of_text(text: str) -> timedelta | None:
    """The length that a text says; none where it says none."""
    found = _FORM.fullmatch(text)
    if not text or found is None:
        return None
    length = timedelta(0)
    for number, (_, unit) in zip(found.groups("0"), _UNITS, strict=True):
        whole, _, part = number.partition(".")
        length += int(whole) * unit + int(part.ljust(6, "0")) * timedelta(microseconds=1)
    return length
