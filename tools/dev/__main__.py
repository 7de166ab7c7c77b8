"""The development house.

    python -m tools.dev demo        the guide's five steps, told, in a house of its own
    python -m tools.dev run         the house, until Ctrl-C
    python -m tools.dev up | down   the house, in the background
    python -m tools.dev issuer      keys and tokens of a local issuer, and audit keys, in a folder

`LATCHKEY_DATABASE_URL` puts the house on a PostgreSQL instead of SQLite files.
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from tools.dev import detached, welcome
from tools.dev.demo import demo
from tools.dev.house import House, HouseError
from tools.dev.issuer import SERVICES, Issuer


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.dev",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["demo", "run", "up", "down", "issuer"])
    parser.add_argument(
        "--folder", type=Path, default=detached.FOLDER, help="where run, up and down keep the house"
    )
    parser.add_argument("--out", type=Path, help="where issuer writes")
    arguments = parser.parse_args()
    match arguments.what:
        case "demo":
            _demo()
        case "run":
            asyncio.run(_run(arguments.folder))
        case "up":
            _up(arguments.folder)
        case "down":
            was_up = detached.down(arguments.folder)
            print("The house is down." if was_up else "No house is up.")
        case "issuer":
            if arguments.out is None:
                parser.error("issuer needs --out")
            _issuer(arguments.out)


def _database_url() -> str | None:
    return os.environ.get("LATCHKEY_DATABASE_URL") or None


def _demo() -> None:
    try:
        asyncio.run(demo(_database_url()))
    except HouseError as error:
        raise SystemExit(str(error)) from error


async def _run(folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    house = House(
        folder,
        lines=lambda name, line: print(f"{name:16}| {line}", flush=True),
        database_url=_database_url(),
    )
    try:
        async with house:
            house.keep_alive()
            detached.Running.of(house).write(house.folder)
            await stop.wait()
    except HouseError as error:
        raise SystemExit(str(error)) from error


def _up(folder: Path) -> None:
    folder = folder.resolve()
    found = detached.up(folder)
    issuer = Issuer(folder / "issuer")
    tokens = welcome.write_tokens(folder, issuer)
    asyncio.run(welcome.connect_tenant(found, issuer))
    print(welcome.welcome(found, folder, tokens))


def _issuer(folder: Path) -> None:
    issuer = Issuer(folder)
    for service in SERVICES:
        print(issuer.service_token_file(service))
        print(issuer.audit_key_file(service))


if __name__ == "__main__":
    main()
