"""The form in which records are hashed."""

from dataclasses import asdict, replace

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.audit.records import Record, canonical, digest, place_of
from tests.support import chain

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(st.integers(1, 2**53 - 1), st.lists(_TEXT, min_size=8, max_size=8))
def test_records_are_hashed_in_canonical_json(sequence: int, texts: list[str]) -> None:
    """Byte for byte what the library of RFC 8785 makes of the record without its hash."""
    record = Record(sequence, *texts)
    fields = asdict(record)
    del fields["hash"]
    assert canonical(record) == rfc8785.dumps(fields)


def test_what_no_record_can_hold_has_no_hash() -> None:
    """Half a character, a number out of range: nothing that is kept is equal to it."""
    (record,) = chain.records(1)
    for wrong in (replace(record, reason="\ud800"), replace(record, sequence=2**53)):
        assert digest(wrong) == ""
        assert place_of(wrong, 10) is None


def test_a_moved_record_says_where_it_was() -> None:
    """Its hash is that of its own place, as far as one looks; an edited one's is of none."""
    record = chain.records(50)[-1]
    assert place_of(replace(record, sequence=7), 100) == 50
    assert place_of(replace(record, sequence=7), 10) is None
    assert place_of(replace(record, sequence=7, reason="x"), 100) is None
