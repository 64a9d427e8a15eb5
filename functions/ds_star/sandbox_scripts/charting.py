"""Charts as SVG: identical from run to run, labelled with units, readable in print and without colour."""

from __future__ import annotations

import numpy as np
import pandas as pd
from figures import Report, slug

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's palette, told apart by people who see colours differently."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1)), (0, (1, 1)), "-")
MARKERS = "os^Dv<>P"
MAX_BARS = 25
MAX_POINTS = 300
MAX_LINES = 8


def axis_label(label: str, unit: str | None) -> str:
    """``temperature (°C)``."""
    return f"{label} ({unit})" if unit else label


def _figure(height: float = 4.0):
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {
            "svg.hashsalt": "kimera",
            "svg.fonttype": "none",
            "font.family": ["DejaVu Sans", "sans-serif"],
            "font.size": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.unicode_minus": True,
            "axes.formatter.useoffset": False,
            "text.parse_math": False,
            "figure.dpi": 100,
        }
    )
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: object, axes: object, report: Report, name: str, caption: str) -> None:
    import textwrap

    axes.set_title(textwrap.fill(caption, 72))
    file = f"{slug(name)}.svg"
    figure.savefig(f"outputs/{file}", format="svg", metadata={"Date": None, "Creator": None})
    report.charts.append({"file": file, "caption": caption})


def _short(text: object, limit: int = 28) -> str:
    text = str(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _thousands(axis: object) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.10g}".replace("-", "−")))


def bars(
    report: Report,
    name: str,
    caption: str,
    labels: list[object],
    values: list[float],
    label: str,
    errors: list[tuple[float, float]] | None = None,
) -> None:
    """Horizontal bars, the first on top; at most ``MAX_BARS``, and the title says so."""
    left_out = len(labels) - MAX_BARS
    if left_out > 0:
        labels, values, errors = labels[:MAX_BARS], values[:MAX_BARS], errors[:MAX_BARS] if errors else None
        caption = f"{caption} (the first {MAX_BARS} of {MAX_BARS + left_out})"
    figure, axes = _figure(max(2.2, 1.3 + 0.33 * len(labels)))
    places = np.arange(len(labels))
    axes.barh(places, values, color=COLOURS[0], height=0.7)
    if errors:
        spans = np.array([[v - low, high - v] for v, (low, high) in zip(values, errors, strict=True)]).T
        axes.errorbar(values, places, xerr=np.clip(spans, 0, None), fmt="none", ecolor="black", capsize=3, linewidth=1)
    axes.set_yticks(places, [_short(t) for t in labels])
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    _thousands(axes.xaxis)
    _save(figure, axes, report, name, caption)


def boxes(report: Report, name: str, caption: str, groups: dict[str, np.ndarray], label: str) -> None:
    """A box for each group with its points, of which at most ``MAX_POINTS`` are drawn."""
    shown = dict(list(groups.items())[:MAX_BARS])
    figure, axes = _figure(max(2.4, 1.4 + 0.55 * len(shown)))
    rng = np.random.default_rng(1)
    axes.boxplot(
        list(shown.values()),
        orientation="horizontal",
        widths=0.55,
        showfliers=False,
        medianprops={"color": "black", "linewidth": 1.8},
        showmeans=True,
    )
    for place, values in enumerate(shown.values(), start=1):
        points = np.sort(values)[:: max(1, -(-len(values) // MAX_POINTS))]
        axes.plot(
            points, place + rng.uniform(-0.18, 0.18, len(points)), "o", color=COLOURS[0], alpha=0.4, markersize=3.5, markeredgewidth=0
        )
    axes.set_yticks(range(1, len(shown) + 1), [f"{_short(k)} (n={len(v)})" for k, v in shown.items()])
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    _thousands(axes.xaxis)
    _save(figure, axes, report, name, caption)


def lines(report: Report, name: str, caption: str, series: dict[str, tuple[pd.Series, np.ndarray, np.ndarray | None]], label: str) -> None:
    """A line for each series of (periods, values, fitted line or ``None``), told apart by colour, dash and marker."""
    figure, axes = _figure(4.2)
    for number, (key, (periods, values, fitted)) in enumerate(list(series.items())[:MAX_LINES]):
        colour = COLOURS[number % len(COLOURS)]
        marker = MARKERS[number % len(MARKERS)] if len(values) <= 60 else None
        dates = periods.to_numpy(dtype="datetime64[D]").astype(object)
        axes.plot(
            dates,
            values,
            color=colour,
            linestyle=DASHES[number % len(DASHES)],
            marker=marker,
            markersize=4,
            linewidth=1.3,
            label=_short(key) or None,
        )
        if fitted is not None:
            axes.plot(
                dates,
                fitted,
                color="black" if len(series) == 1 else colour,
                linewidth=2.2,
                alpha=0.8,
                label="trend" if len(series) == 1 else None,
            )
    if len(series) > 1 or any(s[2] is not None for s in series.values()):
        axes.legend(frameon=False, fontsize=10)
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    _thousands(axes.yaxis)
    _save(figure, axes, report, name, caption)


def scatter(report: Report, name: str, caption: str, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> None:
    """Points of two measures; at most ten times ``MAX_POINTS``."""
    step = max(1, -(-len(x) // (10 * MAX_POINTS)))
    figure, axes = _figure(4.6)
    axes.plot(x[::step], y[::step], "o", color=COLOURS[0], alpha=0.5, markersize=4, markeredgewidth=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    _thousands(axes.xaxis)
    _thousands(axes.yaxis)
    _save(figure, axes, report, name, caption)


def histogram(report: Report, name: str, caption: str, values: np.ndarray, label: str) -> None:
    """How often values occur, in bins of Freedman and Diaconis' width, at most 40."""
    edges = np.histogram_bin_edges(values, bins="fd") if np.ptp(values) > 0 else np.array([values[0] - 0.5, values[0] + 0.5])
    if len(edges) > 41 or len(edges) < 3:
        edges = np.linspace(values.min(), values.max() if np.ptp(values) > 0 else values.min() + 1, 31)
    figure, axes = _figure(3.8)
    axes.hist(values, bins=edges, color=COLOURS[0], edgecolor="white", linewidth=0.5)
    axes.axvline(float(np.median(values)), color="black", linestyle="--", linewidth=1.5, label="median")
    axes.legend(frameon=False)
    axes.set_xlabel(label)
    axes.set_ylabel("rows")
    axes.grid(axis="y", alpha=0.3)
    _thousands(axes.xaxis)
    _thousands(axes.yaxis)
    _save(figure, axes, report, name, caption)
