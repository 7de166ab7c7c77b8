"""Walks a chain from its first record, with the heads that were signed over it.

Records and heads come one by one, each head after the record that it names; only what is open is
kept in memory. After something broken the walk goes on, so that everything else is looked at too.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from libs.audit.gaps import Gaps
from libs.audit.heads import Head
from libs.audit.keys import PublicKeys
from libs.audit.problems import Findings, Kind, Subject, Verification
from libs.audit.records import Record, digest, place_of, time_text

# Heads are signed every minute. A service that was down signs again when it starts.
SIGNED_WITHIN = timedelta(minutes=5)
# How far away a moved record is looked for, and for how many that is done: it costs a few
# milliseconds each.
_REACH = 1000
_MOST_SEARCHES = 200


class Walk:
    """One walk along one chain."""

    def __init__(
        self, keys: PublicKeys, *, service: str = "", anchors: Iterable[Head] = ()
    ) -> None:
        """`service`: whose chain it is; the first head says so when it is not given.

        `anchors`: heads of the same chain that were kept elsewhere.
        """
        self._keys = keys
        self._service = service
        self.findings = Findings()
        self._count = self._head_count = self._searches = 0
        self._last: Record | None = None
        self._digest = ""
        self._gaps = Gaps()
        self._unsigned: Record | None = None
        self._agreed = self._heads_seen = self._head_trusted = 0
        self._rewritten = False
        self._early: dict[int, Head] = {}
        self._written: tuple[int, str, int] | None = None
        self._at_written = {""}
        self._anchors: dict[int, list[Head]] = {}
        for head in anchors:
            if self._trusted(head, "kept ") and head not in self._anchors.get(head.sequence, ()):
                self._anchors.setdefault(head.sequence, []).append(head)
        self._kept = sorted(self._anchors)

    def written(self, sequence: int, hash: str, at_most: int | None = None) -> None:
        """Where the service says that its chain ends, and with which hash; `at_most` is what it
        says when all records were read, if it goes on writing meanwhile."""
        self._written = sequence, hash, sequence if at_most is None else at_most
        if self._sequence == sequence:
            self._at_written = {self._hash, self._digest}

    def record(self, record: Record) -> None:
        """The next record."""
        self._count += 1
        sequence, last = record.sequence, self._sequence
        if sequence <= last:
            self._out_of_order(record)
            return
        found = digest(record)
        if found != record.hash and self._broken(record):
            return
        if sequence > last + 1:
            if not self._gaps.open(last + 1, sequence - 1):
                self.findings.missing(last + 1, sequence - 1)
        elif not self._follows(record) and found == record.hash:
            self._not_followed(record)
        self._last, self._digest = record, found
        if self._unsigned is None:
            self._unsigned = record
        if self._written is not None and self._written[0] == sequence:
            self._at_written = {record.hash, found}
        for kept in self._anchors.get(sequence, ()):
            self._compare(kept)
        if (early := self._early.pop(sequence, None)) is not None:
            self._head_out_of_order(early)
            self._compare(early)

    def head(self, head: Head) -> None:
        """The next head, after the record that it names."""
        self._head_count += 1
        trusted = self._trusted(head, "")
        if head.sequence <= self._heads_seen:
            if head.sequence == self._heads_seen:
                words = f"there is more than one head {head.sequence}"
                self.findings.add(Kind.ADDED, Subject.HEAD, head.sequence, words)
            else:
                self._head_out_of_order(head)
            return
        if trusted and head.previous_sequence not in (self._heads_seen, self._head_trusted):
            gone = head.previous_sequence
            self.findings.add(
                Kind.MISSING,
                Subject.HEAD,
                gone,
                f"head {gone} is missing: head {head.sequence} was signed after it",
            )
        self._missing_anchors(head.sequence)
        self._heads_seen = head.sequence
        if not trusted:
            return
        self._head_trusted = head.sequence
        if head.sequence > self._sequence:
            self._early[head.sequence] = head
        elif head.sequence == self._sequence:
            self._compare(head)
        elif head.sequence not in self._gaps:
            self._head_out_of_order(head)

    def finish(self, at: datetime) -> Verification:
        """What was found. `at`: when the records were read."""
        self._missing_anchors(None)
        for first, last in self._gaps:
            self.findings.missing(first, last)
        latest = max(self._head_trusted, *self._anchors, 0)
        if latest > self._sequence:
            self.findings.truncated(self._sequence + 1, latest, f"head {latest} was signed")
        if self._written is not None:
            self._ends_as_written(*self._written)
        late = self._unsigned
        if late is not None and late.record_time < time_text(at - SIGNED_WITHIN):
            self.findings.add(
                Kind.UNSIGNED,
                Subject.RECORD,
                late.sequence,
                f"records from {late.sequence} on are not signed, long after they were written: "
                "heads were taken away, or none are signed any more",
                self._sequence,
            )
        return self.findings.verification(self._count, self._head_count, self._agreed)

    @property
    def _sequence(self) -> int:
        return 0 if self._last is None else self._last.sequence

    @property
    def _hash(self) -> str:
        return "" if self._last is None else self._last.hash

    def _follows(self, record: Record) -> bool:
        # Where the record before was edited, one of these is what it was written with.
        return record.previous_hash in (self._hash, self._digest if self._last else "")

    def _broken(self, record: Record) -> bool:
        """The record does not have the hash that it is kept with; whether it is another one, whole,
        that was moved here."""
        place = record.sequence
        origin = None
        if self._searches < _MOST_SEARCHES:
            self._searches += 1
            origin = place_of(record, _REACH)
        if origin is None:
            self.findings.add(
                Kind.EDITED, Subject.RECORD, place, f"record {place} is not as it was written"
            )
            return False
        self._gaps.moved(origin)
        self.findings.add(
            Kind.REORDERED, Subject.RECORD, origin, f"record {origin} stands at place {place}"
        )
        return True

    def _not_followed(self, record: Record) -> None:
        """The record is as it was written, and was not written after the one before it."""
        before = record.sequence - 1
        if self._last is None:
            words = f"record {record.sequence} begins the chain, and was not written as its first"
            self.findings.add(Kind.EDITED, Subject.RECORD, record.sequence, words)
        elif self._digest == self._last.hash:
            self.findings.add(
                Kind.EDITED,
                Subject.RECORD,
                before,
                f"record {before} is not the one that record {record.sequence} was written after: "
                "it was changed, and its own hash made anew",
            )

    def _out_of_order(self, record: Record) -> None:
        sequence = record.sequence
        if digest(record) != record.hash and self._broken(record):
            return
        if self._gaps.fill(sequence):
            self.findings.add(
                Kind.REORDERED,
                Subject.RECORD,
                sequence,
                f"record {sequence} stands behind record {self._sequence}",
            )
        else:
            self.findings.add(
                Kind.ADDED, Subject.RECORD, sequence, f"there is more than one record {sequence}"
            )

    def _trusted(self, head: Head, which: str) -> bool:
        """Whether the head was signed for this chain with a key that is known."""
        number = head.sequence
        key = self._keys.get(head.key_id)
        if key is None:
            self.findings.add(
                Kind.FOREIGN,
                Subject.HEAD,
                number,
                f"{which}head {number} is signed with an unknown key, {head.key_id}",
            )
        elif not head.is_signed_by(key):
            self.findings.add(
                Kind.EDITED,
                Subject.HEAD,
                number,
                f"{which}head {number} is not as it was signed",
            )
        elif self._service and head.service != self._service:
            self.findings.add(
                Kind.FOREIGN,
                Subject.HEAD,
                number,
                f"{which}head {number} is of the chain of {head.service}, not {self._service}",
            )
        else:
            self._service = head.service
            return True
        return False

    def _compare(self, head: Head) -> None:
        """A head that can be trusted with the record that was read last."""
        self._unsigned = None
        if head.hash in (self._hash, self._digest):
            if not self._rewritten:
                self._agreed = head.sequence
            return
        if self._rewritten:
            return
        self._rewritten = True
        first = self._agreed + 1
        self.findings.add(
            Kind.RECHAINED,
            Subject.RECORD,
            first,
            f"head {head.sequence}, signed at {head.head_time}, has another hash than record "
            f"{head.sequence}: one of the records {first} to {head.sequence} was changed, and what "
            "follows it chained anew without the key",
            head.sequence,
        )

    def _head_out_of_order(self, head: Head) -> None:
        words = f"head {head.sequence} is out of its order"
        self.findings.add(Kind.REORDERED, Subject.HEAD, head.sequence, words)

    def _missing_anchors(self, before: int | None) -> None:
        """Those of the heads kept elsewhere that had to come before this one, or at all."""
        while self._kept and (before is None or self._kept[0] <= before):
            kept = self._kept.pop(0)
            if kept != before:
                self.findings.add(
                    Kind.MISSING,
                    Subject.HEAD,
                    kept,
                    f"head {kept}, kept elsewhere, is missing",
                )

    def _ends_as_written(self, sequence: int, hash: str, at_most: int) -> None:
        last = self._sequence
        if last < sequence:
            self.findings.truncated(self._sequence + 1, sequence, f"the service wrote {sequence}")
        elif last > at_most:
            self.findings.add(
                Kind.ADDED,
                Subject.RECORD,
                at_most + 1,
                f"records behind {at_most}, where the service's own chain ends, were put in",
                last,
            )
        elif hash not in self._at_written and not self._rewritten:
            words = f"record {sequence} is not the one that the service ended its chain with"
            self.findings.add(Kind.EDITED, Subject.RECORD, sequence, words)
