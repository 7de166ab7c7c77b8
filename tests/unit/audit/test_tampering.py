"""Random tamperings with an export: each is found, and what it was done to is named."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from libs.audit.heads import Head
from libs.audit.keys import public_keys
from libs.audit.problems import Kind, Subject, Verification
from libs.audit.records import Record, digest
from tests.support import chain
from tests.support.examples import examples
from tools.audit.lines import Line
from tools.audit.verify import verify

SEED = 20261129
TAMPERINGS = examples(250)
COUNT = 150
EVERY = 25
INTACT = chain.with_heads(chain.records(COUNT), EVERY)
RECORDS = [line for line in INTACT if isinstance(line, Record)]
HEADS = [line for line in INTACT if isinstance(line, Head)]
KEYS = public_keys(chain.public_pem())
RECORD, HEAD = Subject.RECORD, Subject.HEAD


@dataclass
class Tampered:
    """An export after a tampering, and what has to be found."""

    lines: list[Line]
    kinds: set[Kind]
    subject: Subject
    sequences: Iterable[int]
    """Each of these has to be named."""
    anchors: list[Head] = field(default_factory=list)


Tampering = Callable[[random.Random], Tampered]
_TEXTS = ["record_time", "actor", "action", "resource_id", "reason", "details"]
_HASHES = ["previous_hash", "hash"]


def _at(sequence: int) -> int:
    """Where a record stands in the export."""
    return INTACT.index(RECORDS[sequence - 1])


def _replaced(*changes: tuple[Line, Line | None]) -> list[Line]:
    by = {id(old): new for old, new in changes}
    lines = [by.get(id(line), line) for line in INTACT]
    return [line for line in lines if line is not None]


def _scrambled(dice: random.Random, text: str) -> str:
    """Another text: a character more, less or changed; hashes stay hashes."""
    place = dice.randrange(len(text)) if text else 0
    other = dice.choice([c for c in "0123456789abcdef" if c != text[place : place + 1]])
    return text[:place] + other + text[place + dice.randint(0, 1) :]


def edit_a_text(dice: random.Random) -> Tampered:
    record = dice.choice(RECORDS)
    name = dice.choice(_TEXTS + _HASHES)
    change: dict[str, Any] = {name: _scrambled(dice, getattr(record, name))}
    lines = _replaced((record, replace(record, **change)))
    return Tampered(lines, {Kind.EDITED}, RECORD, [record.sequence])


def edit_the_number(dice: random.Random) -> Tampered:
    record = dice.choice(RECORDS)
    other = dice.choice([n for n in range(1, COUNT + 50) if n != record.sequence])
    lines = _replaced((record, replace(record, sequence=other)))
    return Tampered(lines, {Kind.REORDERED}, RECORD, [record.sequence])


def edit_and_hash_anew(dice: random.Random) -> Tampered:
    record = dice.choice(RECORDS[:-1])
    edited = replace(record, reason="nothing to see")
    lines = _replaced((record, replace(edited, hash=digest(edited))))
    return Tampered(lines, {Kind.EDITED}, RECORD, [record.sequence])


def swap_actors(dice: random.Random) -> Tampered:
    one = dice.choice(RECORDS)
    other = dice.choice([it for it in RECORDS if it.actor != one.actor])
    lines = _replaced(
        (one, replace(one, actor=other.actor)), (other, replace(other, actor=one.actor))
    )
    return Tampered(lines, {Kind.EDITED}, RECORD, [one.sequence, other.sequence])


def drop(dice: random.Random) -> Tampered:
    first = dice.randrange(1, COUNT)
    gone = RECORDS[first - 1 : min(first - 1 + dice.choice([1, 1, 1, 2, 30]), COUNT - 1)]
    lines = _replaced(*((record, None) for record in gone))
    return Tampered(lines, {Kind.MISSING}, RECORD, [it.sequence for it in gone])


def duplicate(dice: random.Random) -> Tampered:
    record = dice.choice(RECORDS)
    lines = [*INTACT]
    lines.insert(dice.randrange(_at(record.sequence) + 1, len(lines) + 1), record)
    return Tampered(lines, {Kind.ADDED}, RECORD, [record.sequence])


def move_a_line(dice: random.Random) -> Tampered:
    record = dice.choice(RECORDS[:-1])
    lines = [*INTACT]
    lines.remove(record)
    behind = dice.choice(RECORDS[record.sequence :])
    lines.insert(lines.index(behind) + 1, record)
    return Tampered(lines, {Kind.REORDERED}, RECORD, [record.sequence])


def swap_numbers(dice: random.Random) -> Tampered:
    one, other = dice.sample(RECORDS, 2)
    lines = _replaced(
        (one, replace(other, sequence=one.sequence)), (other, replace(one, sequence=other.sequence))
    )
    return Tampered(lines, {Kind.REORDERED}, RECORD, [one.sequence, other.sequence])


def insert_a_record(dice: random.Random) -> Tampered:
    place = dice.randrange(2, COUNT)
    (forged,) = chain.records(1, after=RECORDS[place - 2], what="forged")
    lines = [*INTACT]
    lines.insert(_at(place) + dice.randint(0, 1), forged)
    return Tampered(lines, {Kind.ADDED}, RECORD, [place])


def truncate_the_records(dice: random.Random) -> Tampered:
    left = dice.randrange(0, COUNT)
    lines = [it for it in INTACT if isinstance(it, Head) or it.sequence <= left]
    return Tampered(lines, {Kind.TRUNCATED}, RECORD, range(left + 1, COUNT + 1))


def truncate_both(dice: random.Random) -> Tampered:
    """Only who has kept heads elsewhere can know."""
    left = dice.choice(HEADS[:-1]).sequence
    lines = [it for it in INTACT if it.sequence <= left]
    found = range(left + 1, COUNT + 1)
    return Tampered(lines, {Kind.TRUNCATED}, RECORD, found, anchors=HEADS)


def roll_back_and_go_on(dice: random.Random) -> Tampered:
    """The service itself signs what it finds; the heads that were kept elsewhere say otherwise."""
    left = dice.choice(HEADS[:-1]).sequence
    again = chain.records(COUNT, after=RECORDS[left - 1], what="again")
    before = [it for it in INTACT if it.sequence <= left]
    lines = [*before, *chain.with_heads(again, EVERY, left)]
    return Tampered(lines, {Kind.RECHAINED}, RECORD, [left + 1], anchors=HEADS)


def rechain(dice: random.Random) -> Tampered:
    lines, first = _rechained(dice)
    return Tampered(lines, {Kind.RECHAINED}, RECORD, [first])


def rechain_and_drop_heads(dice: random.Random) -> Tampered:
    lines, first = _rechained(dice)
    lines = [it for it in lines if isinstance(it, Record) or it.sequence < first]
    return Tampered(lines, {Kind.UNSIGNED}, RECORD, [first])


def rechain_and_sign_with_another_key(dice: random.Random) -> Tampered:
    lines, first = _rechained(dice)
    previous, found, last = 0, [], None
    pretend = dice.random() < 0.5
    for number, line in enumerate(lines):
        if isinstance(line, Head):
            if line.sequence >= first and last is not None:
                forged = chain.head(last, previous, key=2)
                lines[number] = replace(forged, key_id=line.key_id) if pretend else forged
                found.append(line.sequence)
            previous = line.sequence
        else:
            assert isinstance(line, Record)
            last = line
    return Tampered(lines, {Kind.EDITED if pretend else Kind.FOREIGN}, HEAD, found)


def _rechained(dice: random.Random) -> tuple[list[Line], int]:
    first = dice.randrange(1, COUNT + 1)
    change: dict[str, Any] = {dice.choice(_TEXTS): "edited"}
    edited = replace(RECORDS[first - 1], **change)
    anew = chain.rechained([edited, *RECORDS[first:]])
    return _replaced(*zip(RECORDS[first - 1 :], anew, strict=True)), first


def drop_heads(dice: random.Random) -> Tampered:
    gone = dice.choice(HEADS[:-1])
    return Tampered(_replaced((gone, None)), {Kind.MISSING}, HEAD, [gone.sequence])


def drop_the_last_heads(dice: random.Random) -> Tampered:
    left = dice.randrange(0, len(HEADS))
    lines = _replaced(*((head, None) for head in HEADS[left:]))
    end = HEADS[left - 1].sequence if left else 0
    return Tampered(lines, {Kind.UNSIGNED}, RECORD, range(end + 1, COUNT + 1))


def drop_heads_kept_elsewhere(dice: random.Random) -> Tampered:
    left = dice.randrange(0, len(HEADS))
    lines = _replaced(*((head, None) for head in HEADS[left:]))
    gone = [head.sequence for head in HEADS[left:]]
    return Tampered(lines, {Kind.MISSING}, HEAD, gone, anchors=HEADS)


def edit_a_head(dice: random.Random) -> Tampered:
    head = dice.choice(HEADS)
    name = dice.choice([*Head.__dataclass_fields__])
    value: Any = getattr(head, name)
    if isinstance(value, int):
        value = dice.choice([n for n in range(COUNT + 20) if n != value])
    else:
        value = _scrambled(dice, value)
    edited = replace(head, **{name: value})
    kinds = {Kind.FOREIGN} if name == "key_id" else {Kind.EDITED}
    return Tampered(_replaced((head, edited)), kinds, HEAD, [edited.sequence])


def sign_a_head_with_another_key(dice: random.Random) -> Tampered:
    head = dice.choice(HEADS)
    previous = head.previous_sequence
    forged = chain.head(RECORDS[head.sequence - 1], previous, key=2)
    return Tampered(_replaced((head, forged)), {Kind.FOREIGN}, HEAD, [head.sequence])


def put_in_a_head_of_another_chain(dice: random.Random) -> Tampered:
    """With a key that is known, as where services share one."""
    head = dice.choice(HEADS[1:])
    record, previous = RECORDS[head.sequence - 1], head.previous_sequence
    forged = chain.head(record, previous, service="policy")
    return Tampered(_replaced((head, forged)), {Kind.FOREIGN}, HEAD, [head.sequence])


def duplicate_or_move_a_head(dice: random.Random) -> Tampered:
    head = dice.choice(HEADS[:-1])
    lines = [*INTACT]
    if moved := dice.random() < 0.5:
        lines.remove(head)
    lines.insert(dice.randrange(INTACT.index(head) + (0 if moved else 1), len(lines)) + 1, head)
    return Tampered(lines, {Kind.ADDED, Kind.REORDERED}, HEAD, [head.sequence])


ALL: list[Tampering] = [
    *[edit_a_text] * 6,
    *(edit_the_number, edit_and_hash_anew, swap_actors, drop, drop, duplicate, move_a_line),
    *(swap_numbers, insert_a_record, truncate_the_records, truncate_both, roll_back_and_go_on),
    *(rechain, rechain, rechain_and_drop_heads, rechain_and_sign_with_another_key),
    *(drop_heads, drop_the_last_heads, drop_heads_kept_elsewhere, edit_a_head, edit_a_head),
    *(sign_a_head_with_another_key, put_in_a_head_of_another_chain, duplicate_or_move_a_head),
]


def _verified(tampered: Tampered) -> Verification:
    return verify(chain.export(tampered.lines), KEYS, anchors=tampered.anchors)


def test_tamperings_are_found_and_named() -> None:
    """Edited, dropped, doubled, moved, put in, cut off, chained anew without the key, and the same
    with heads: no tampering is missed, each says of which record or head and what was done."""
    dice = random.Random(SEED)
    counted: Counter[str] = Counter()
    for number in range(TAMPERINGS):
        tampering = ALL[number % len(ALL)]
        name = tampering.__name__
        tampered = tampering(dice)
        found = _verified(tampered)
        assert not found.intact, (number, name)
        named = [it for it in found.problems if it.kind in tampered.kinds]
        for sequence in tampered.sequences:
            assert any(it.covers(tampered.subject, sequence) for it in named), (
                number,
                name,
                sequence,
                [*map(str, found.problems)],
            )
        counted[name] += 1
    assert counted.total() == TAMPERINGS
    assert set(counted) == {it.__name__ for it in ALL}


def test_what_nobody_touched_is_intact() -> None:
    """With the heads that were kept elsewhere and without; and where nothing was written yet."""
    whole = Verification(COUNT, len(HEADS), COUNT)
    assert verify(chain.export(INTACT), KEYS, service="requests") == whole
    assert verify(chain.export(INTACT), KEYS, anchors=[*HEADS[3:], *HEADS[:3]]) == whole
    assert verify(chain.export([]), KEYS).intact
