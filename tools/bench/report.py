"""The figures as a table, for people who read a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_OURS = ("requests", "connector", "catalog", "policy")
_COLUMNS = ("figure", "callers", "by", "per s", "of floor", "p50 / p99 ms", "CPU µs a call")


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Each figure in a line, with its share of its floor's rate."""
    rates = {(each["name"], each["callers"]): each["per_second"] for each in figures}
    rows = [_COLUMNS]
    for each in figures:
        floor = rates.get((each["floor"], each["callers"]))
        rows.append(
            (
                each["name"],
                str(each["callers"]),
                each["by"],
                f"{each['per_second']:,.1f}",
                f"{100 * each['per_second'] / floor:.0f} % of {each['floor']}" if floor else "",
                ", ".join(
                    f"{what} {some['p50']:,.1f} / {some['p99']:,.1f}"
                    for what, some in each["milliseconds"].items()
                ),
                _cpu(each["cpu_microseconds"]),
            )
        )
    return aligned(rows)


def _cpu(spent: Mapping[str, int]) -> str:
    """Ours first, then what they work with and what measures them."""
    names = [*_OURS, *sorted(spent.keys() - {*_OURS})]
    return ", ".join(f"{name} {spent[name]:,}" for name in names if spent.get(name))


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Rows under each other."""
    found = [*rows]
    widths = [max(len(row[column]) for row in found) for column in range(len(found[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in found
    )


def totals(house: Mapping[str, Any]) -> str:
    """What there is to say of the house as a whole."""
    lines = [
        f"cold start {house['cold_start_seconds']} s, "
        f"first sync {house['first_sync_seconds']} s, "
        f"{house['delivered']} people have in the directory what they were given"
    ]
    for when in ("idle", "loaded"):
        by_process = house[f"{when}_megabytes"]
        ours = [by_process[name] for name in (*_OURS, "nats-server")]
        resident, own = (sum(each[kind] for each in ours) for kind in ("resident", "proportional"))
        parts = ", ".join(f"{name} {by_process[name]['resident']:.0f}" for name in _OURS)
        lines.append(
            f"memory {when}: {resident:.0f} MB resident ({parts}), "
            f"{own:.0f} MB with shared pages counted once"
        )
    return "\n".join(lines)
