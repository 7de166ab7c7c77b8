"""The audit chain of a service, outside of it.

    python -m tools.audit export --address HOST:PORT --token-file FILE > audit.jsonl
    python -m tools.audit anchor --nats URL --service NAME >> heads.jsonl
    python -m tools.audit verify audit.jsonl --key public.pem [--key …] [--heads heads.jsonl]

`verify` needs the export and public keys, and neither a database nor a network. It ends with
status 0 where everything holds, 1 where something does not, and says what, and 2 where the export
or a key can't be read. `--heads` are heads that somebody else has kept, as `anchor` takes them from
the event stream: with them it is found, too, that the end of the chain and its heads were cut off
together. The other two end with 2 where they are not answered.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from libs.audit.keys import public_keys
from tools.audit.anchor import heads_in_stream
from tools.audit.export import export
from tools.audit.lines import Unusable, written
from tools.audit.verify import anchors_of, verify
from tools.dev.issuer import SERVICES


def main(words: Sequence[str] | None = None) -> int:
    """Does what the words say, by default those of the command line, and returns the status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("export", help="write all records and heads of a service")
    verb.add_argument("--address", required=True, help="host:port of the service")
    verb.add_argument("--token-file", type=Path, required=True, help="an auditor's")
    verb.add_argument(
        "--ca-file", type=Path, help="who signed its certificate, as PEM; plaintext without"
    )
    verb = verbs.add_parser("anchor", help="write the heads that the event stream has")
    verb.add_argument("--nats", required=True, help="nats://host:port")
    verb.add_argument("--service", required=True, choices=SERVICES)
    verb = verbs.add_parser("verify", help="say whether an export holds")
    verb.add_argument("export", type=Path)
    verb.add_argument("--key", type=Path, action="append", required=True, help="public, as PEM")
    verb.add_argument("--heads", type=Path, help="heads that were kept elsewhere")
    verb.add_argument("--service", default="", choices=SERVICES, help="whose chain it must be")
    arguments = parser.parse_args(words)
    try:
        match arguments.verb:
            case "export":
                asyncio.run(_export(arguments.address, arguments.token_file, arguments.ca_file))
            case "anchor":
                asyncio.run(_anchor(arguments.nats, arguments.service))
            case _:
                return _verify(arguments)
    except (Unusable, OSError, ValueError, DecodeError, nats.errors.Error) as error:
        return _refused(str(error) or type(error).__name__)
    except grpc.aio.AioRpcError as error:
        return _refused(f"{error.code().name}: {error.details()}")
    return 0


async def _export(address: str, token_file: Path, ca_file: Path | None) -> None:
    token = token_file.read_text().strip()
    if ca_file is None:
        opened = grpc.aio.insecure_channel(address)
    else:
        credentials = grpc.ssl_channel_credentials(ca_file.read_bytes())
        opened = grpc.aio.secure_channel(address, credentials)
    async with opened as channel:
        async for line in export(channel, token):
            print(written(line))


async def _anchor(nats_url: str, service: str) -> None:
    async for head in heads_in_stream(nats_url, service):
        print(written(head))


def _verify(arguments: argparse.Namespace) -> int:
    keys: dict[str, Ed25519PublicKey] = {}
    for file in arguments.key:
        try:
            keys |= public_keys(file.read_bytes())
        except ValueError as error:
            raise Unusable(f"{file}: {error}") from error
    anchors = []
    if arguments.heads is not None:
        with arguments.heads.open("rb") as lines:
            anchors = anchors_of(lines, str(arguments.heads))
    with arguments.export.open("rb") as lines:
        found = verify(
            lines, keys, name=str(arguments.export), service=arguments.service, anchors=anchors
        )
    for problem in found.problems:
        print(f"{problem.kind}: {problem.words}")
    if (more := found.problem_count - len(found.problems)) > 0:
        print(f"and {more} more")
    verdict = "intact" if found.intact else "BROKEN"
    print(
        f"{verdict}: {found.record_count} records, {found.head_count} heads, signed up to record "
        f"{found.signed_sequence}"
    )
    return 0 if found.intact else 1


def _refused(problem: str) -> int:
    sys.stderr.write(f"{problem}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
