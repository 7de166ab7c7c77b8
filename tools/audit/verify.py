"""Verifies an export with nothing but the export and public keys."""

from collections.abc import Iterable
from datetime import UTC, datetime

from libs.audit.heads import Head
from libs.audit.keys import PublicKeys
from libs.audit.problems import Kind, Subject, Verification
from libs.audit.records import Record
from libs.audit.walk import Walk
from tools.audit.lines import End, Unusable, read


def verify(
    lines: Iterable[bytes],
    keys: PublicKeys,
    *,
    name: str = "export",
    service: str = "",
    anchors: Iterable[Head] = (),
) -> Verification:
    """Walks an export, in memory that does not grow with it.

    `service`: whose chain it must be. `anchors`: heads that were kept elsewhere.

    Raises:
        Unusable: it is no export.
    """
    walk = Walk(keys, service=service, anchors=anchors)
    end: End | None = None
    count = last = 0
    for line in read(lines, name):
        count += 1
        if isinstance(line, Record):
            walk.record(line)
            last = max(last, line.sequence)
        elif isinstance(line, Head):
            walk.head(line)
        else:
            end = line
            walk.written(end.sequence, end.hash)
    if count == 0:
        raise Unusable(f"{name}: there is nothing in it")
    at = datetime.now(UTC)
    if end is None:
        words = f"the export has no end: it was cut off behind record {last}"
        walk.findings.add(Kind.TRUNCATED, Subject.RECORD, last + 1, words)
    else:
        try:
            at = datetime.fromisoformat(end.export_time).astimezone(UTC)
        except ValueError as error:
            raise Unusable(f"{name}: its end has no time") from error
    return walk.finish(at)


def anchors_of(lines: Iterable[bytes], name: str) -> list[Head]:
    """The heads in a file of heads that were kept elsewhere; other lines are passed over.

    Raises:
        Unusable: it is no such file.
    """
    return [line for line in read(lines, name) if isinstance(line, Head)]
