"""The fund's history as a picture: balance by tranche, coverage, payouts, and the risk modes behind them.

Needs matplotlib, which is imported only here and only when something is drawn; no display is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lastline.fund_report import FundReport, Point
from lastline.units import WAD
from lastline.views import RISK_MODES

SUFFIXES = (".svg", ".png")
# Colours that most colour-blind people can tell apart (Okabe and Ito, Color Universal Design, 2008).
RESERVE, COMMUNITY, TARGET, COVERAGE = "#0072B2", "#E69F00", "#000000", "#009E73"
MODES = {"CAUTION": "#F0E442", "RESTRICTED": "#CC79A7", "ADL": "#D55E00", "HALTED": "#666666"}
MODE_ALPHA = 0.3
INCHES = (11, 8)
DOTS_PER_INCH = 150


def require_suffix(path: Path) -> None:
    """Raises ValueError unless the file is one that can be drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"A plot is an .svg or .png file, not {path.name}.")


def draw(report: FundReport, path: Path) -> None:
    """Draw the fund's history to an .svg or .png file. Raises ValueError for another, or if there is none."""
    require_suffix(path)
    if not report.history:
        raise ValueError("The fund has no history yet: there is nothing to draw.")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    points = extended(report.history, report.time)
    times = [date2num(datetime.fromtimestamp(point.time, UTC)) for point in points]
    figure = Figure(figsize=INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Sequence[Any] = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
    unit = 10**report.token_decimals

    def tokens(name: str) -> list[float]:
        return [getattr(point, name) / unit for point in points]

    _stack(axes[0], times, {"reserve": tokens("reserve"), "community pool": tokens("community")})
    axes[0].step(
        times,
        tokens("target"),
        where="post",
        color=TARGET,
        linestyle="--",
        linewidth=1.2,
        zorder=3,
        label="target",
    )
    axes[0].set_ylabel(f"balance ({report.symbol})")
    axes[0].set_title(f"Insurance fund, to block {report.block}")
    shares = [float("nan") if point.coverage is None else point.coverage / WAD * 100 for point in points]
    axes[1].step(times, shares, where="post", color=COVERAGE, label="reserve and pool over target")
    axes[1].axhline(100, color=TARGET, linestyle="--", linewidth=0.8)
    axes[1].set_ylabel("coverage (%)")
    paid = {"by the reserve": tokens("paid_reserve"), "by the community pool": tokens("paid_community")}
    _stack(axes[2], times, paid)
    axes[2].set_ylabel(f"paid out so far ({report.symbol})")
    axes[2].set_xlabel("time (UTC)")
    locator = AutoDateLocator(tz=UTC)
    axes[2].xaxis.set_major_locator(locator)
    axes[2].xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))
    for axis in axes:
        _shade(axis, points, times, is_named=axis is axes[0])
        axis.set_ylim(bottom=0)
        axis.margins(x=0)
        axis.grid(alpha=0.25)
        axis.yaxis.set_major_formatter(lambda worth, _: f"{worth:,.10g}")
        axis.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, fontsize="small", frameon=False
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # (an .svg without the date of its making, and with fixed ids, is the same for the same history)
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
    with rc_context({"svg.hashsalt": "lastline"}):
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata=metadata)


def extended(history: Sequence[Point], until: int) -> list[Point]:
    """The history with its last point again at `until`, or a second later, so that it is seen."""
    last = history[-1]
    return [*history, replace(last, time=max(until, last.time + 1))]


def bands(points: Sequence[Point]) -> Iterator[tuple[int, int, int]]:
    """(mode, first, last) of the stretches between points in one mode; places in `points`."""
    first = 0
    for n in range(1, len(points)):
        if points[n].mode != points[first].mode or n == len(points) - 1:
            yield points[first].mode, first, n
            first = n


def _stack(axis: Any, times: Sequence[float], parts: dict[str, list[float]]) -> None:
    colours = (RESERVE, COMMUNITY)
    below = [0.0] * len(times)
    for (name, amounts), colour in zip(parts.items(), colours, strict=True):
        top = [a + b for a, b in zip(below, amounts, strict=True)]
        axis.fill_between(times, below, top, step="post", color=colour, linewidth=0, zorder=2, label=name)
        below = top


def _shade(axis: Any, points: Sequence[Point], times: Sequence[float], is_named: bool) -> None:
    """The risk mode as a band behind everything; NORMAL is left white."""
    named: set[str] = set()
    for mode, first, last in bands(points):
        name = RISK_MODES[mode]
        if name in MODES:
            label = f"mode {name}" if is_named and name not in named else None
            axis.axvspan(
                times[first],
                times[last],
                color=MODES[name],
                alpha=MODE_ALPHA,
                linewidth=0,
                zorder=0,
                label=label,
            )
            named.add(name)
