"""Where reading goes on: a value, and its text, which the catalog keeps with each page.

A round is one reading of a stream from its beginning; its number is higher than that of every one
before it, of any stream. The text is opaque to the catalog. One that can't be understood, or that
was made by reading otherwise (other properties, another tenant, another application), is of no
use: everything is read anew.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.connector.domain.directory import DirectoryKind, Phase

# Changes with what is read, and with how it is understood.
_VERSION = 1
_DELTA_PHASES = (Phase.USERS, Phase.GROUPS, Phase.SERVICE_PRINCIPALS)


def fingerprint(*parts: str) -> str:
    """What all that a checkpoint depends on comes to."""
    text = "\x1f".join((str(_VERSION), *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class StreamMark:
    """Where one delta stream is.

    `round` is that in which it last began anew, 0 before the first. `link` is where it goes on,
    empty at the beginning; `midway` when that is within a chain of pages. It is `tracking` once the
    whole round was read. A chain is `aged` when another sync began it: its pages were read before
    this one began.
    """

    round: int = 0
    link: str = ""
    midway: bool = False
    tracking: bool = False
    aged: bool = False


@dataclass(frozen=True, slots=True)
class OpenList:
    """An app's list of which some was sent: where it goes on, and the digest so far.

    The digest is empty when it would not tell what the catalog has.
    """

    link: str
    digest: str


@dataclass(frozen=True, slots=True)
class AssignmentsMark:
    """Where the lists of the apps are; `round` 0 when this sync has not come to them.

    Every app up to the id `after` is finished.
    """

    round: int = 0
    after: str = ""
    open: Mapping[str, OpenList] = field(default_factory=dict)

    def in_doubt(self) -> "AssignmentsMark":
        """The same, when the catalog has some of what is behind the links."""
        return replace(
            self, open={app_id: OpenList(found.link, "") for app_id, found in self.open.items()}
        )


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading is.

    `round` is the highest that any message had. The owners of every app up to the id
    `owners_after` were read by this sync. `sweeps` are the kinds of which a whole round was
    read since the last completed sync. It is `finished` when nothing is left but to complete.
    """

    fingerprint: str
    round: int = 0
    streams: Mapping[Phase, StreamMark] = field(default_factory=dict)
    assignments: AssignmentsMark = AssignmentsMark()
    sweeps: Mapping[DirectoryKind, int] = field(default_factory=dict)
    finished: bool = False
    owners_after: str = ""

    def stream(self, phase: Phase) -> StreamMark:
        """Where a delta stream is."""
        return self.streams.get(phase, StreamMark())

    def moved(self, phase: Phase, mark: StreamMark) -> "Position":
        """A delta stream has come further."""
        return replace(self, streams={**self.streams, phase: mark})

    def begun(self, phase: Phase) -> "Position":
        """A delta stream begins, or begins anew, in a round of its own."""
        mark = StreamMark(round=self.round + 1)
        return replace(self.moved(phase, mark), round=mark.round)

    def swept(self, kinds: tuple[DirectoryKind, ...], round: int) -> "Position":
        """A whole round of these kinds was read."""
        return replace(self, sweeps={**self.sweeps, **dict.fromkeys(kinds, round)})

    def come_to_assignments(self) -> "Position":
        """Reading comes to the lists of the apps, or comes back to them.

        At a list's end what was seen in an earlier round goes. So each is read within one round:
        where a stream began a round after the lists did, those that are open begin anew in it.
        """
        mark = self.assignments
        if not mark.round:
            round = self.round + 1
            return replace(self, round=round, assignments=AssignmentsMark(round))
        if mark.round < self.round:
            return self.at_assignments(AssignmentsMark(self.round, mark.after))
        return self

    def at_assignments(self, mark: AssignmentsMark) -> "Position":
        """The lists of the apps have come further."""
        return replace(self, assignments=mark)

    def of_another_sync(self) -> "Position":
        """As the next sync takes it over: every app is looked at again."""
        streams = {phase: replace(mark, aged=mark.midway) for phase, mark in self.streams.items()}
        return replace(
            self, streams=streams, assignments=AssignmentsMark(), owners_after="", finished=False
        )

    def completed(self) -> "Position":
        """As it is kept when the catalog has completed the sync."""
        return replace(
            self, assignments=AssignmentsMark(), owners_after="", sweeps={}, finished=False
        )

    def text(self) -> str:
        """For the catalog to keep."""
        return json.dumps(
            {
                "fingerprint": self.fingerprint,
                "round": self.round,
                "streams": {
                    phase.value: {
                        "round": mark.round,
                        "link": mark.link,
                        "midway": mark.midway,
                        "state": "tracking" if mark.tracking else "initial",
                        "aged": mark.aged,
                    }
                    for phase, mark in self.streams.items()
                },
                "assignments": {
                    "round": self.assignments.round,
                    "after": self.assignments.after,
                    "open": {
                        app_id: [found.link, found.digest]
                        for app_id, found in self.assignments.open.items()
                    },
                },
                "owners_after": self.owners_after,
                "sweeps": {kind.name: round for kind, round in self.sweeps.items()},
                "finished": self.finished,
            },
            separators=(",", ":"),
        )


def position_of(text: str, expected_fingerprint: str) -> Position | None:
    """The position of a text; none when it is of no use."""
    try:
        found = _position(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found.fingerprint == expected_fingerprint else None


def _position(fields: Any) -> Position:
    assignments = fields["assignments"]
    return Position(
        fingerprint=_text(fields["fingerprint"]),
        round=_number(fields["round"]),
        streams={Phase(name): _mark(Phase(name), mark) for name, mark in fields["streams"].items()},
        assignments=AssignmentsMark(
            _number(assignments["round"]),
            _text(assignments["after"]),
            {
                _text(app_id): OpenList(_text(link), _text(digest))
                for app_id, (link, digest) in assignments["open"].items()
            },
        ),
        owners_after=_text(fields.get("owners_after", "")),
        sweeps={DirectoryKind[name]: _number(round) for name, round in fields["sweeps"].items()},
        finished=fields["finished"] is True,
    )


def _mark(phase: Phase, fields: Any) -> StreamMark:
    link, tracking = _text(fields["link"]), {"tracking": True, "initial": False}[fields["state"]]
    if phase not in _DELTA_PHASES or (tracking and not link):
        raise ValueError("no delta stream is there")
    return StreamMark(
        _number(fields["round"]), link, fields["midway"] is True, tracking, fields["aged"] is True
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("not a number")
    return value
