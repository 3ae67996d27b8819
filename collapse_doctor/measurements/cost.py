"""What watching took of the training's time, in words for the head of a report."""

from __future__ import annotations

from collapse_doctor.recording.observations import Cost

__all__ = ["cost_details", "cost_notes"]

_LIMITED = (
    "the Inspector looked less often than planned, to keep to its share of the training's time: "
    "what lasted only a few steps may have been missed"
)


def cost_details(cost: Cost | None) -> dict[str, str]:
    """Return one label and value for the head of a report; nothing where no time was measured."""
    if cost is None or cost.elapsed <= 0:
        return {}
    took = f"{_percent(cost.spent / cost.elapsed)} of the training time"
    seconds = f"{_duration(cost.spent)} of {_duration(cost.elapsed)}"
    return {"watching took": f"{took} ({seconds}); stated share {_percent(cost.budget)}"}


def cost_notes(cost: Cost | None) -> tuple[str, ...]:
    """Return what a reader must know of how the stated share was kept."""
    return (_LIMITED,) if cost is not None and cost.limited else ()


def _duration(seconds: float) -> str:
    """Return a length of time in its two largest units.

    >>> _duration(0.0042), _duration(0.94), _duration(42.4), _duration(220), _duration(7_500)
    ('4.2 ms', '0.9 s', '42 s', '3 min 40 s', '2 h 5 min')
    """
    if seconds < 0.1:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60} min"
    return f"{whole // 86_400:,} d {whole % 86_400 // 3_600} h"


def _percent(share: float) -> str:
    value = 100 * share
    return f"{value:.2g} %" if value < 9.95 else f"{value:,.0f} %"
