"""`python -m tools.bench` measures the house from outside, over gRPC, beside its floors.

    python -m tools.bench             everything, about a quarter of an hour
    python -m tools.bench --smoke     little of it, in half a minute
    python -m tools.bench --profile   profiles of the services under load, and nothing else

It prints tables and writes `bench.json` and `bench.png` into the folder. What was granted is looked
for in the simulated directory at the end. The machine should have nothing else to do: how busy it
was stands in the first line and in the file.
"""

import argparse
import asyncio
import json
import os
import platform
from pathlib import Path
from typing import Any

from tools.bench import programme
from tools.bench.figures import BenchError
from tools.bench.plot import draw
from tools.bench.programme import POSTGRESQL, SQLITE
from tools.bench.report import table, totals

_OUT = Path("build/bench")
_DELAY = 0.1


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=_OUT, help=f"the folder, else {_OUT}")
    parser.add_argument("--smoke", action="store_true", help="half a minute on SQLite")
    parser.add_argument("--profile", action="store_true", help="profiles of the services")
    parser.add_argument(
        "--database", choices=(POSTGRESQL, SQLITE), action="append", help="else both"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=[1_000, 10_000, 100_000],
        help="how many access requests and people growth is measured with; nothing: it is not",
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_run(arguments))
    except BenchError as error:
        raise SystemExit(str(error)) from error


async def _run(arguments: argparse.Namespace) -> None:
    machine = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()))
    out: Path = arguments.out
    if arguments.profile:
        database = (arguments.database or [POSTGRESQL])[0]
        _tell(await programme.house(database, 0, programme.PROFILED, profiles=out))
        print(f"\nprofiles are in {out}")
        return
    houses, growth = [], {}
    if arguments.smoke:
        houses.append(await programme.house(SQLITE, 0, programme.SMOKE))
        _tell(houses[-1])
    else:
        databases = arguments.database or [POSTGRESQL, SQLITE]
        for database in databases:
            for delay, extent in ((0.0, programme.WHOLE), (_DELAY, programme.SLOW)):
                houses.append(await programme.house(database, delay, extent))
                _tell(houses[-1])
        if arguments.sizes:
            growth = await programme.growth(databases[0], arguments.sizes, print)
    machine["load_after"] = round(os.getloadavg()[0], 2)
    document = {"machine": machine, "houses": houses, "growth": growth}
    (out / "bench.json").write_text(json.dumps(document, indent=2))
    draw(out / "bench.png", houses, growth, ", ".join(f"{k} {v}" for k, v in machine.items()))
    print(f"\n{out / 'bench.json'} and {out / 'bench.png'} are written")


def _tell(house: dict[str, Any]) -> None:
    print(f"\n{house['database']}, a directory that is {house['directory_milliseconds']} ms late")
    print(table(house["figures"]))
    print(totals(house))


if __name__ == "__main__":
    main()
