"""Rules of faults: which calls are struck, and what becomes of them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from tools.entra_simulator.fault_kinds import KINDS, Calls, Connection, FaultKind, Moment
from tools.entra_simulator.fields import Fields
from tools.entra_simulator.path_patterns import path_pattern

Service = Literal["graph", "login"]
BatchItems = Literal["too", "only", "never"]

_SERVICES = ("graph", "login")
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True)
class Strike:
    """One fault about to happen to one call.

    With `ANSWER` the call is answered with `status`, `code`, `message` and `headers`; `HANG` waits
    `seconds` and then resets; `OWN` sends the call's own answer. `seconds` delays an answer too.
    A `Location` among the headers begins below the version: whoever answers puts the root before
    it. `same_next_link` replaces the own answer's next link by the call's own address.
    `kind` and `rule` are for the journal.
    """

    moment: Moment
    connection: Connection = Connection.ANSWER
    status: int = 503
    code: str = "serviceNotAvailable"
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    same_next_link: bool = False
    kind: str = ""
    rule: int = 0


@dataclass
class FaultRule:
    """Which calls are struck, and how.

    `path` is matched below the version, without query unless it holds a `?`: `*` stands for
    anything within a segment, `**` for anything at all. `skip` lets that many matching calls
    pass first; `times` ends the rule after so many strikes.
    """

    kind: FaultKind
    service: Service = "graph"
    method: str | None = None
    path: str | None = None
    batch_items: BatchItems = "too"
    chance: float = 1.0
    times: int | None = None
    skip: int = 0
    retry_after: int | None = None
    seconds: float = 0.0
    status: int = 400
    code: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    done: bool = False
    id: int = 0
    matched: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        self._path = path_pattern(self.path) if self.path else None
        self._chance = random.Random()

    def seed(self, seed: str) -> None:
        self._chance.seed(seed)

    @classmethod
    def from_json(cls, document: Any) -> FaultRule:
        """Reads a rule. Raises `FieldError`."""
        fields = Fields(document)
        kind = KINDS[fields.choice("kind", KINDS)]
        times = fields.count("times", least=1) if "times" in fields else kind.times
        retry_after = kind.retry_after
        if "retryAfter" in fields:
            if not kind.takes_retry_after:
                raise fields.error(
                    "retryAfter", f"{kind.name} has none; kinds that answer 429, 502, 503 or 504 do"
                )
            retry_after = fields.count("retryAfter")
        method = fields.choice("method", _METHODS) if "method" in fields else None
        path = fields.text("path") if "path" in fields else None
        if path is not None and not path.startswith(("/", "*")):
            raise fields.error("path", "must begin with / or *")
        service = fields.choice("service", _SERVICES, "graph")
        if service == "login" and kind.graph_only:
            raise fields.error("service", f"{kind.name} is a fault of graph only")
        items = fields.choice("batchItems", ("too", "only", "never"), "too")
        if items == "only" and not kind.strikes_batch_items:
            raise fields.error("batchItems", f"{kind.name} strikes whole connections only")
        rule = cls(
            kind=kind,
            service=cast(Service, service),
            method=method,
            path=path,
            batch_items=cast(BatchItems, items),
            chance=fields.number("chance", 1.0, most=1),
            times=times,
            skip=fields.count("skip", 0),
            retry_after=retry_after,
            seconds=fields.number("seconds", kind.seconds),
            status=kind.status,
            code=kind.code,
            message=kind.message,
        )
        if kind.name == "error":
            rule.status = fields.count("status", least=400)
            if rule.status > 599:
                raise fields.error("status", "must be from 400 to 599")
            rule.code = fields.text("code", kind.code)
            rule.message = fields.text("message") if "message" in fields else ""
            rule.headers = fields.texts("headers", {})
            rule.done = fields.flag("done", False)
        fields.close()
        return rule

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind.name,
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "batchItems": self.batch_items,
            "chance": self.chance,
            "times": self.times,
            "skip": self.skip,
            "retryAfter": self.retry_after,
            "seconds": self.seconds,
            "matched": self.matched,
            "struck": self.struck,
        }
        if self.kind.name == "error":
            document |= {"status": self.status, "code": self.code, "message": self.message}
            document |= {"headers": dict(self.headers), "done": self.done}
        return document

    @property
    def spent(self) -> bool:
        return self.times is not None and self.struck >= self.times

    def strikes(self, service: Service, method: str, path: str, in_batch: bool) -> bool:
        """Whether this call is struck; counts it either way."""
        if self.spent or not self._matches(service, method, path, in_batch):
            return False
        self.matched += 1
        if self.matched <= self.skip or self._chance.random() >= self.chance:
            return False
        self.struck += 1
        return True

    def strike(self, path: str) -> Strike:
        """What becomes of a call to `path`."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        bare = path.partition("?")[0]
        if self.kind.restart:
            headers["Location"] = f"{bare}?$deltatoken="
        message = self.message
        if self.kind.name == "not-found-yet":
            named = _GUID.findall(bare)
            message = message.format(id=named[-1] if named else bare.rpartition("/")[2])
        return Strike(
            moment=Moment.AFTER if self.done else self.kind.moment,
            connection=self.kind.connection,
            status=self.status,
            code=self.code,
            message=message,
            headers=headers,
            seconds=self.seconds,
            same_next_link=self.kind.same_next_link,
            kind=self.kind.name,
            rule=self.id,
        )

    def _matches(self, service: Service, method: str, path: str, in_batch: bool) -> bool:
        if service != self.service or (self.method is not None and method != self.method):
            return False
        if in_batch and (self.batch_items == "never" or not self.kind.strikes_batch_items):
            return False
        if not in_batch and self.batch_items == "only":
            return False
        if self.kind.calls is Calls.DELTA_LINKS and not _has_token(path, delta=True):
            return False
        if self.kind.calls is Calls.PAGE_LINKS and not _has_token(path, delta=False):
            return False
        if self._path is None:
            return True
        return self._path(path)


def _has_token(path: str, *, delta: bool) -> bool:
    bare, _, query = path.partition("?")
    is_delta = bare.rstrip("()").endswith("delta")
    names = {pair.partition("=")[0].replace("%24", "$") for pair in query.split("&")}
    if delta:
        return is_delta and bool(names & {"$deltatoken", "$skiptoken"})
    return "$skiptoken" in names
