"""Numbers and foreign strings as text, the same in every report."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable

__all__ = ["between", "count", "number", "percent", "plain"]

MAX_LENGTH = 4_000
_KEPT = "\n\t\u200c\u200d"  # the joiners spell Persian, Hindi and many emoji


def number(value: float | int | str | bool | None) -> str:
    """Return a number as a reader wants it: three significant digits, thousands apart.

    >>> number(0.000031249), number(12345), number(0.98349), number(float("nan"))
    ('3.12e-5', '12,345', '0.983', 'undefined')
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    return _finite(value)


def _finite(value: float) -> str:
    """Three significant digits, one more just below 1, where collapse hides."""
    if value == 0:
        return "0"
    if 0.99 <= abs(value) < 1:
        return _close_to_one(value)
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _close_to_one(value: float) -> str:
    """0.99996 must not read 1: keep two digits of the distance to 1."""
    gap = 1 - abs(value)
    digits = min(12, 1 - math.floor(math.log10(gap)))
    text = f"{value:.{digits}f}".rstrip("0")
    return text.rstrip(".")


def between(ends: tuple[float, float] | None, show: Callable[[float], str] | None = None) -> str:
    """Return two ends of an interval, ``0.88 – 0.92``; empty where there is none.

    >>> between((0.8812, 0.9234)), between(None)
    ('0.881 – 0.923', '')
    """
    if ends is None:
        return ""
    written = show or number
    return f"{written(float(ends[0]))} – {written(float(ends[1]))}"


def percent(share: float) -> str:
    """Return a share as per cent: ``0.4567`` → ``45.7 %``; small ones keep two digits."""
    if not math.isfinite(share):
        return number(float(share))
    value = 100 * float(share)
    if value != 0 and abs(value) < 0.1:
        return f"{number(float(f'{value:.1e}'))} %"
    return f"{value:.3g} %" if abs(value) < 99.95 or value == 100 else f"{value:.4g} %"


def count(n: int, noun: str) -> str:
    """Return ``1 more reason`` or ``1,200 more reasons``; for nouns that take an s."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def plain(text: object, limit: int = MAX_LENGTH) -> str:
    r"""Return a foreign string without anything that could steer a screen.

    Control characters (escape sequences of a terminal among them), text-direction overrides and
    lone surrogates are written out as ``\x1b``; line breaks and tabs stay. What is longer than
    ``limit`` is cut and ends in ``…``.
    """
    shown = "".join(
        c if c in _KEPT or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else _escaped(c)
        for c in str(text)[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escaped(character: str) -> str:
    """Spell a character as Python would in a string."""
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
