"""Draw one matplotlib chart as a piece of SVG that can stand inside a page, light or dark.

The bytes depend on the input alone: the settings start from matplotlib's defaults, not from the
user's, ids come from a fixed salt, and no date is written.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = ["DASHES", "MARKERS", "OTHER", "SERIES", "Chart", "Key", "draw", "log_axis"]

# Stand-ins that `_inline` turns into the page's own colours, so that text follows dark mode.
INK, RULE = "#010203", "#040506"

# At least 3:1 against both papers of style.css (WCAG 2.2, 1.4.11), checked by a test.
# The first three are those of Okabe & Ito (2008) that pass on both.
SERIES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#c2528b",
    "#8268d0",
    "#a6761d",
    "#5a8296",
    "#6b8e23",
    "#d1454f",
)
OTHER = "#808890"
MARKERS = (("o", "●"), ("^", "▲"), ("s", "■"), ("D", "◆"), ("v", "▼"), ("P", "✚"), ("X", "✖"))
DASHES = (("-", "━━"), ("--", "╍╍"), (":", "┅┅"), ("-.", "━┅"))

_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "collapse-doctor",
    "text.parse_math": False,  # a label may hold a dollar sign
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.unicode_minus": True,
    "savefig.dpi": 160,
}


@dataclass(frozen=True)
class Key:
    """One entry of a legend: colour never stands alone, a symbol always stands beside it."""

    symbol: str
    colour: str
    text: str


@dataclass(frozen=True)
class Chart:
    """A picture, the sentence it proves, and its numbers.

    Parameters
    ----------
    name
        Short and unique on a page: the picture's ids begin with it.
    title
        What is shown, as a noun phrase.
    caption
        The conclusion, as a sentence.
    svg
        The picture, or ``""`` where an honest one cannot be drawn; the caption then says why.
    columns, rows
        The numbers behind the picture, as text.
    legend
        What the colours and symbols mean.
    """

    name: str
    title: str
    caption: str
    svg: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    legend: tuple[Key, ...] = ()


def draw(
    name: str,
    label: str,
    paint: Callable[[Axes], object],
    *,
    size: tuple[float, float] = (5.6, 3.3),
) -> str:
    """Return the SVG that ``paint`` leaves on fresh axes.

    Parameters
    ----------
    name
        Prefix of every id, so that several pictures can share a page.
    label
        What a screen reader says instead of the picture.
    paint
        Draws on the axes it is given; it must not use pyplot.
    size
        Width and height in inches. At the default, text stays readable on a phone.
    """
    with matplotlib.style.context(["default", _SETTINGS]):
        figure = Figure(figsize=size, layout="constrained")
        canvas = FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        canvas.print_svg(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
    return _inline(buffer.getvalue().decode(), name, label)


def log_axis(axes: Axes, which: str) -> None:
    """Make one axis logarithmic, with plain ``10⁻³`` for ticks."""
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    axis = axes.yaxis if which == "y" else axes.xaxis
    low, high = axis.get_view_interval()
    narrow = low > 0 and high / low < 100  # else a chart may be left with no tick at all
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=6))
    axis.set_major_formatter(FuncFormatter(_power))
    axis.set_minor_formatter(NullFormatter())


def _power(value: float, _position: int | None) -> str:
    """``0.001`` → ``10⁻³``; ordinary sizes stay ordinary numbers."""
    if value <= 0 or 0.01 <= value <= 1000:
        return f"{value:g}"
    exponent = f"{value:e}".split("e")[1]
    return "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _inline(svg: str, name: str, label: str) -> str:
    """Cut the file down to its ``<svg>`` element and give it the page's fonts, colours and ids."""
    body = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="[^"]*"', body)
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'href="#', f'href="#{name}-', body)
    body = body.replace("url(#", f"url(#{name}-")
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"<[^>]*>", _shortened, body)
    body = body.replace(INK, "currentColor").replace(RULE, "var(--rule, #8885)")
    opening = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" '
        f'{box.group() if box else ""} role="img" aria-label="{html.escape(label)}">'
    )
    return opening + body.strip()


def _shortened(tag: re.Match[str]) -> str:
    """Round coordinates in a tag, never numbers in a text: a hundredth of a point is plenty."""
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", tag.group())
