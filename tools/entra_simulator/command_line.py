"""The words of `python -m tools.entra_simulator`, and what each of them takes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from tools.entra_simulator.fault_kinds import KINDS

_ABOUT = """\
A stand-in for Microsoft's login endpoint and Microsoft Graph, for one Entra tenant, on loopback.

It answers the directory part of Graph v1.0 over real HTTPS, with Microsoft's paging, delta
queries, $batch, error texts, permissions and throttling; it keeps its tenant across restarts,
journals every call, and makes calls fail when told to. Point a connector at it, watch the journal,
switch faults on, and see whether the connector still ends up with the truth.
"""

_EXAMPLES = """\
examples:
  python -m tools.entra_simulator serve --port 8443 --state build/entra
      serves the built-in tenant (26 people) at https://localhost:8443, and prints
      {"url": "https://localhost:8443", "ca": "build/entra/ca.pem"} when it is ready
  python -m tools.entra_simulator generate --users 10000 --groups 2000 > tenant.json
  python -m tools.entra_simulator serve --port 8443 --state build/big --tenant tenant.json

  export ENTRA_SIMULATOR_STATE=build/entra     # which simulator the words below talk to
  python -m tools.entra_simulator fault add throttle --path '/users/**' --times 3 --retry-after 2
  python -m tools.entra_simulator fault add timeout-done --method POST --chance 0.1
  python -m tools.entra_simulator behaviour set 'replicaLags=[0,3]' deltaShuffled=true
  python -m tools.entra_simulator quota set writes=300
  python -m tools.entra_simulator journal --last 20 --status 4xx
  python -m tools.entra_simulator journal --counts
  python -m tools.entra_simulator change add-member GROUP_ID USER_ID

Sign in to tenant eb13cdbd-e36e-49ae-b981-ad982fc931a1 as client
884ce7a5-f8fe-4ca4-a993-90fb9518c3ea with the secret simulator-connector-secret.
What is simulated, what is not, and how the tenant is kept: docs/entra-simulator.md.
"""

_STREAMS = ("users", "groups", "servicePrincipals", "directoryObjects")
_PLURALS = ("users", "groups", "servicePrincipals")


def parse(words: list[str]) -> argparse.Namespace:
    """What was asked for. Options without a word before them are those of `serve`."""
    if words and words[0].startswith("-") and words[0] not in ("-h", "--help"):
        words = ["serve", *words]
    return _parser().parse_args(words)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tools.entra_simulator",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = top.add_subparsers(dest="command", metavar="WORD", required=True)
    _add_serve(words.add_parser("serve", help="run a simulator until it is told to stop"))
    _add_generate(words.add_parser("generate", help="write a tenant of any size to standard out"))
    target = _target()
    for word, summary, add in (
        ("fault", "make calls fail", _add_fault),
        ("behaviour", "replica lag, delta pages, token lifetime and other habits", _add_behaviour),
        ("quota", "throttling limits, what was used, who came back too early", _add_quota),
        ("journal", "the calls so far, or how many there were of each kind", _add_journal),
        ("state", "what the tenant holds", _add_state),
        ("change", "change the tenant by hand, as somebody in the portal would", _add_change),
        ("delta", "end delta tokens before their time", _add_delta),
        ("tokens", "end access tokens before their time, issue some for people", _add_tokens),
    ):
        add(words.add_parser(word, help=summary, parents=[target]))
    return top


class _Action(argparse.ArgumentParser):
    """The second word. Which simulator is meant may be said before it or after it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _add_target(self, argparse.SUPPRESS)


def _target() -> argparse.ArgumentParser:
    target = argparse.ArgumentParser(add_help=False)
    set_before = os.environ.get("ENTRA_SIMULATOR_STATE")
    _add_target(target, None, Path(set_before) if set_before else None)
    return target


def _add_target(
    parser: argparse.ArgumentParser, default: Any, default_state: Path | None = None
) -> None:
    group = parser.add_argument_group("which simulator")
    group.add_argument(
        "--state",
        type=Path,
        default=default_state or default,
        help="its state directory (default: $ENTRA_SIMULATOR_STATE)",
    )
    group.add_argument("--url", default=default, help="its address in place of --state; with --ca")
    group.add_argument(
        "--ca", type=Path, default=default, help="the certificate that it is trusted by"
    )


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--port", type=int, required=True, help="0 takes a free port")
    serve.add_argument("--state", type=Path, required=True, help="directory that survives restarts")
    serve.add_argument(
        "--tenant",
        type=Path,
        help="tenant file that seeds an empty state directory; default: Marlowe Instruments",
    )
    serve.add_argument(
        "--managed-identity-port",
        type=int,
        help="also answer as a machine's metadata service, over plain http; 0 takes a free port",
    )
    serve.add_argument(
        "--journal-kept",
        type=int,
        help="entries of the journal held in memory; older ones are read from the file again",
    )
    serve.add_argument("--no-quotas", action="store_true", help="start without throttling")


def _add_generate(generate: argparse.ArgumentParser) -> None:
    for name, default, of in (
        ("users", 1_000, ""),
        ("groups", 200, ""),
        ("memberships", 10_000, "direct ones, "),
        ("apps", 40, "enterprise applications, "),
        ("assignments", 2_000, "to those apps, "),
    ):
        generate.add_argument(f"--{name}", type=int, default=default, help=f"{of}default {default}")
    generate.add_argument(
        "--other-apps", type=int, help="service principals beside; default: half as many as apps"
    )
    generate.add_argument("--seed", type=int, default=1, help="the same seed, the same tenant")


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text}: not of the form NAME=TEXT")
    return name, value


def _add_fault(fault: argparse.ArgumentParser) -> None:
    words = fault.add_subparsers(dest="action", metavar="WORD", required=True, parser_class=_Action)
    add = words.add_parser("add", help="put a rule in force")
    add.add_argument("kind", choices=sorted(KINDS), metavar="KIND", help="see `fault kinds`")
    add.add_argument("--service", choices=("graph", "login"))
    add.add_argument("--method")
    add.add_argument("--path", help="below the version: * within a segment, ** for anything")
    add.add_argument("--batch-items", choices=("too", "only", "never"))
    add.add_argument("--chance", type=float, help="from 0 to 1")
    add.add_argument("--times", type=int, help="end after so many strikes")
    add.add_argument("--skip", type=int, help="let so many matching calls pass first")
    add.add_argument("--retry-after", type=int, help="seconds")
    add.add_argument("--seconds", type=float, help="how long to hang, or to be late")
    add.add_argument("--status", type=int, help="of kind error")
    add.add_argument("--code", help="of kind error")
    add.add_argument("--message", help="of kind error")
    add.add_argument(
        "--header", action="append", type=_header, metavar="NAME=TEXT", help="of kind error"
    )
    add.add_argument("--done", action="store_true", default=None, help="of kind error")
    words.add_parser("list", help="the rules, and how often each struck")
    remove = words.add_parser("remove", help="end one rule")
    remove.add_argument("id", type=int)
    words.add_parser("clear", help="end all rules")
    words.add_parser("kinds", help="what there is to choose from")


def _add_behaviour(behaviour: argparse.ArgumentParser) -> None:
    words = behaviour.add_subparsers(
        dest="action", metavar="WORD", required=True, parser_class=_Action
    )
    words.add_parser("show", help="every switch")
    change = words.add_parser("set", help="change some switches")
    change.add_argument("switches", nargs="+", metavar="NAME=VALUE", help="value as JSON")
    words.add_parser("reset", help="back to a tenant on a good day")


def _add_quota(quota: argparse.ArgumentParser) -> None:
    words = quota.add_subparsers(dest="action", metavar="WORD", required=True, parser_class=_Action)
    words.add_parser("show", help="limits, use, refusals and early calls")
    change = words.add_parser("set", help="change some limits; enabled=false for none")
    change.add_argument("limits", nargs="+", metavar="NAME=VALUE", help="value as JSON")
    words.add_parser("reset", help="full buckets, counters at nothing")


def _add_journal(journal: argparse.ArgumentParser) -> None:
    journal.add_argument("--since", type=int, help="leave out this many entries")
    journal.add_argument("--limit", type=int, help="at most so many, the oldest")
    journal.add_argument("--last", type=int, help="at most so many, the newest")
    journal.add_argument("--source", choices=("graph", "login", "hand", "entra"))
    journal.add_argument("--method")
    journal.add_argument("--path", help="below the version: * within a segment, ** for anything")
    journal.add_argument("--status", help="429, or 4xx")
    journal.add_argument("--app", help="the client that called, by its application id")
    journal.add_argument("--fault", help="a kind, or any")
    journal.add_argument("--counts", action="store_true", help="how many of each, not each")
    journal.add_argument("--json", action="store_true", help="whole entries, one a line")


def _add_state(state: argparse.ArgumentParser) -> None:
    state.add_argument("--only", help="users,groups,servicePrincipals,appRoleAssignments")
    state.add_argument("--counts", action="store_true", help="how many of each, not each")


def _add_change(change: argparse.ArgumentParser) -> None:
    words = change.add_subparsers(
        dest="action", metavar="WORD", required=True, parser_class=_Action
    )
    for word, summary in (("add-member", "into a group"), ("remove-member", "out of a group")):
        member = words.add_parser(word, help=summary)
        member.add_argument("group", metavar="GROUP_ID")
        member.add_argument("member", metavar="MEMBER_ID")
    assign = words.add_parser("assign", help="give an app to a user or group")
    assign.add_argument("principal", metavar="PRINCIPAL_ID")
    assign.add_argument("resource", metavar="APP_ID", help="object id of the service principal")
    assign.add_argument("role", metavar="ROLE_ID", nargs="?", help="default: without a role")
    unassign = words.add_parser("unassign", help="take an app away again")
    unassign.add_argument("assignment", metavar="ASSIGNMENT_ID")
    add = words.add_parser("add", help="a user, group or service principal")
    add.add_argument("type", choices=_PLURALS)
    add.add_argument("properties", nargs="+", metavar="NAME=VALUE", help="text, or JSON")
    update = words.add_parser("update", help="properties of an object")
    update.add_argument("type", choices=_PLURALS)
    update.add_argument("id")
    update.add_argument("properties", nargs="+", metavar="NAME=VALUE", help="text, or JSON")
    delete = words.add_parser("delete", help="an object, with all that it held or was")
    delete.add_argument("type", choices=_PLURALS)
    delete.add_argument("id")
    for word, summary in (("restore", "bring a deleted object back"), ("purge", "for good")):
        words.add_parser(word, help=summary).add_argument("id")


def _add_delta(delta: argparse.ArgumentParser) -> None:
    words = delta.add_subparsers(dest="action", metavar="WORD", required=True, parser_class=_Action)
    for word, summary in (
        ("reset", "answer 410 to every delta link given out so far"),
        ("expire", "answer syncStateNotFound to every delta link given out so far"),
    ):
        end = words.add_parser(word, help=summary)
        end.add_argument("stream", nargs="?", choices=_STREAMS, help="default: all of them")


def _add_tokens(tokens: argparse.ArgumentParser) -> None:
    words = tokens.add_subparsers(
        dest="action", metavar="WORD", required=True, parser_class=_Action
    )
    revoke = words.add_parser("revoke", help="end the access tokens issued so far")
    revoke.add_argument("app", nargs="?", help="of this application id; default: of all")
    issue = words.add_parser("issue", help="print an access token of a person for an API")
    issue.add_argument("user", metavar="USER_PRINCIPAL_NAME")
    issue.add_argument("--client", required=True, help="the application they sign in through")
    issue.add_argument("--audience", required=True, help="the id of the API")
    issue.add_argument("--role", action="append", default=[], help="an app role of theirs")
    rotate = words.add_parser("rotate", help="sign with a new key from now on")
    rotate.add_argument("--withdraw", action="store_true", help="those of before no longer count")
