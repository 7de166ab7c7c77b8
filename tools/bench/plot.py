"""The figures as a picture: what one house does, and how it grows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.bench.figures import exponent

Growth = Mapping[str, Sequence[tuple[int, float]]]


def draw(file: Path, houses: Sequence[Mapping[str, Any]], growth: Growth, title: str) -> None:
    """Writes a PNG: each figure's calls a second beside its floor's, and growth with exponents."""
    # Half a second to import, for one picture at the end.
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    picture, (rates, sizes) = pyplot.subplots(1, 2, figsize=(15, 7), layout="constrained")
    picture.suptitle(title)
    _rates(rates, houses)
    _growth(sizes, growth)
    picture.savefig(file, dpi=110)
    pyplot.close(picture)


def _rates(axes: Any, houses: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("calls a second, by callers (dashed: the floor)")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("callers")
    if not houses:
        return
    figures = houses[0]["figures"]
    for name in dict.fromkeys(each["name"] for each in figures if each["floor"]):
        some = [each for each in figures if each["name"] == name]
        points = [(each["callers"], each["per_second"]) for each in some]
        (line,) = axes.plot(*zip(*points, strict=True), marker="o", label=name)
        floors = [
            (each["callers"], each["per_second"])
            for each in figures
            if each["name"] == some[0]["floor"]
        ]
        if floors:
            axes.plot(*zip(*floors, strict=True), linestyle="--", alpha=0.4, color=line.get_color())
    axes.legend(fontsize=8)


def _growth(axes: Any, growth: Growth) -> None:
    axes.set_title("milliseconds (p50), by access requests and people")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("access requests, and as many people")
    for name, points in growth.items():
        x, y = zip(*points, strict=True)
        label = f"{name}: n^{exponent(x, y):.2f}" if len(points) > 1 else name
        axes.plot(x, y, marker="o", label=label)
    if growth:
        axes.legend(fontsize=8)
