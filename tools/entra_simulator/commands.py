"""What the words of the command line do: each a call of the control surface, told as text."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from tools.entra_simulator.control_client import ControlClient, ControlError

_RULE_FIELDS = {
    "kind": "kind",
    "service": "service",
    "method": "method",
    "path": "path",
    "batch_items": "batchItems",
    "chance": "chance",
    "times": "times",
    "skip": "skip",
    "retry_after": "retryAfter",
    "seconds": "seconds",
    "status": "status",
    "code": "code",
    "message": "message",
    "done": "done",
}
_FILTERS = ("since", "limit", "last", "source", "method", "path", "status", "fault")


def carry_out(asked: argparse.Namespace) -> str:
    """What to tell the person. Raises `ControlError`."""
    client = _client(asked)
    try:
        return _COMMANDS[asked.command](client, asked)
    finally:
        client.close()


def _client(asked: argparse.Namespace) -> ControlClient:
    if asked.url is not None:
        if asked.ca is None:
            raise ControlError("--url needs --ca, the certificate that the simulator is trusted by")
        return ControlClient(asked.url, asked.ca)
    if asked.state is None:
        raise ControlError("say which simulator: --state DIR, or ENTRA_SIMULATOR_STATE, or --url")
    return ControlClient.of_state(asked.state)


def _fault(client: ControlClient, asked: argparse.Namespace) -> str:
    match asked.action:
        case "add":
            given = {name: getattr(asked, attribute) for attribute, name in _RULE_FIELDS.items()}
            rule = {name: value for name, value in given.items() if value is not None}
            if asked.header:
                rule["headers"] = dict(asked.header)
            return f"fault {client.call('POST', '/faults', rule)['id']} is in force"
        case "remove":
            client.call("DELETE", f"/faults/{asked.id}")
            return f"fault {asked.id} has ended"
        case "clear":
            client.call("DELETE", "/faults")
            return "no fault is in force"
        case "kinds":
            kinds = client.call("GET", "/fault-kinds")["kinds"]
            return _table(("KIND", "WHAT HAPPENS"), kinds.items())
    rules = client.call("GET", "/faults")["faults"]
    return _table(
        ("ID", "KIND", "CALLS", "CHANCE", "MATCHED", "STRUCK"),
        [
            (
                rule["id"],
                rule["kind"],
                f"{rule['service']} {rule['method'] or 'any'} {rule['path'] or '**'}",
                rule["chance"],
                rule["matched"],
                f"{rule['struck']} of {rule['times'] or 'any'}",
            )
            for rule in rules
        ],
    )


def _behaviour(client: ControlClient, asked: argparse.Namespace) -> str:
    if asked.action == "reset":
        return _lines(client.call("PUT", "/behaviour", {}))
    if asked.action == "set":
        return _lines(client.call("PATCH", "/behaviour", _pairs(asked.switches)))
    return _lines(client.call("GET", "/behaviour"))


def _quota(client: ControlClient, asked: argparse.Namespace) -> str:
    if asked.action == "reset":
        client.call("POST", "/quotas/reset")
        return "every bucket is full, and nothing was counted yet"
    if asked.action == "set":
        return _lines(client.call("PATCH", "/quotas", _pairs(asked.limits))["limits"])
    return json.dumps(client.call("GET", "/quotas"), indent=2)


def _journal(client: ControlClient, asked: argparse.Namespace) -> str:
    given = {name: getattr(asked, name) for name in _FILTERS} | {"clientAppId": asked.app}
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    if asked.counts:
        counts = client.call("GET", "/journal/counts", parameters=parameters)["counts"]
        names = ("count", "source", "method", "route", "status")
        rows = [[each[name] for name in names] for each in counts]
        return _table([name.upper() for name in names], rows)
    entries = client.call("GET", "/journal", parameters=parameters)["entries"]
    if asked.json:
        return "\n".join(json.dumps(entry) for entry in entries)
    return _table(
        ("NUMBER", "TIME", "STATUS", "CALL", "REMARKS"),
        [
            (
                entry["number"],
                entry["time"][11:23],
                entry["status"] or "-",
                f"{entry['method']} {entry['path']}" if entry["method"] else "by hand",
                ", ".join(_remarks(entry)),
            )
            for entry in entries
        ],
    )


def _remarks(entry: dict[str, Any]) -> Iterable[str]:
    if entry.get("fault"):
        yield f"fault {entry['fault']}"
    if entry["errorCode"]:
        yield entry["errorCode"]
    for change in entry["changes"]:
        principal = change["principal"]
        who = f" {principal['displayName']} in" if principal else ""
        yield f"{change['action']}{who} {change['target']['displayName']}"


def _state(client: ControlClient, asked: argparse.Namespace) -> str:
    if asked.counts:
        return _lines(client.call("GET", "/state/counts"))
    parameters = {"only": asked.only} if asked.only else None
    return json.dumps(client.call("GET", "/state", parameters=parameters), indent=2)


def _change(client: ControlClient, asked: argparse.Namespace) -> str:
    match asked.action:
        case "add-member":
            client.call("POST", f"/groups/{asked.group}/members", {"memberId": asked.member})
            return "added"
        case "remove-member":
            client.call("DELETE", f"/groups/{asked.group}/members/{asked.member}")
            return "removed"
        case "assign":
            body = {"principalId": asked.principal, "resourceId": asked.resource}
            role = {"appRoleId": asked.role} if asked.role else {}
            assignment = client.call("POST", "/appRoleAssignments", body | role)
            return f"assigned; the assignment is {assignment['id']}"
        case "unassign":
            client.call("DELETE", f"/appRoleAssignments/{asked.assignment}")
            return "no longer assigned"
        case "add":
            properties = _pairs(asked.properties, texts=True)
            return f"added {client.call('POST', f'/{asked.type}', properties)['id']}"
        case "update":
            properties = _pairs(asked.properties, texts=True)
            client.call("PATCH", f"/{asked.type}/{asked.id}", properties)
            return "updated"
        case "restore":
            client.call("POST", f"/deleted/{asked.id}/restore")
            return "restored"
        case "purge":
            client.call("DELETE", f"/deleted/{asked.id}")
            return "gone for good"
    client.call("DELETE", f"/{asked.type}/{asked.id}")
    return "deleted"


def _delta(client: ControlClient, asked: argparse.Namespace) -> str:
    client.call("POST", f"/delta/{asked.action}", {"stream": asked.stream} if asked.stream else {})
    return f"the delta links of {asked.stream or 'every stream'} have ended"


def _tokens(client: ControlClient, asked: argparse.Namespace) -> str:
    if asked.action == "issue":
        body = {
            "userPrincipalName": asked.user,
            "clientId": asked.client,
            "audience": asked.audience,
            "roles": asked.role,
        }
        return str(client.call("POST", "/tokens/issue", body)["accessToken"])
    if asked.action == "rotate":
        kid = client.call("POST", "/keys/rotate", {"keep": not asked.withdraw})["kid"]
        return f"tokens are signed with {kid} from now on"
    client.call("POST", "/tokens/revoke", {"clientAppId": asked.app} if asked.app else {})
    return "revoked"


_COMMANDS = {
    "fault": _fault,
    "behaviour": _behaviour,
    "quota": _quota,
    "journal": _journal,
    "state": _state,
    "change": _change,
    "delta": _delta,
    "tokens": _tokens,
}


def _pairs(given: Iterable[str], *, texts: bool = False) -> dict[str, Any]:
    """NAME=VALUE, the value as JSON; where `texts` may stand, anything else is one."""
    pairs = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ControlError(f"{pair}: must be NAME=VALUE")
        try:
            pairs[name] = json.loads(value)
        except ValueError:
            if not texts:
                raise ControlError(f"{name}: {value} is not JSON") from None
            pairs[name] = value
    return pairs


def _lines(values: dict[str, Any]) -> str:
    return "\n".join(f"{name}={json.dumps(value)}" for name, value in values.items())


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Columns as wide as their widest cell; the last one is as long as it likes."""
    table = [[str(cell) for cell in row] for row in (tuple(head), *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
