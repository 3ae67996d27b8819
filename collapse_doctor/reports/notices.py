"""What a reader must know about how it was looked at, before believing what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collapse_doctor.findings import Diagnosis
from collapse_doctor.measurements import Measurements
from collapse_doctor.reports.text import plain

__all__ = ["cautions", "complete", "notices"]

INSPECTOR = "inspector"  # what it says of itself limits everything else
MAX_NAMES = 3


def notices(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Return notes on single layers and inputs as ``(about, text)``, without the cautions.

    Each text comes once: what holds of twelve layers names three of them and counts the rest.
    """
    about: dict[str, list[str]] = {}
    for name, text in _all(diagnosis):
        names = about.setdefault(plain(text), [])
        if name and name not in names:
            names.append(name)
    return [(_some(names), text) for text, names in about.items()]


def cautions(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return what the Inspector says of itself: that it switched itself off, or saw nothing.

    Where there is one, finding nothing does not mean healthy.
    """
    measurements = diagnosis.measurements
    if not isinstance(measurements, Measurements):
        return ()
    told = [notice for notice in measurements.notices if notice.about == INSPECTOR]
    when = (f", step {notice.step:,}" if notice.step else "" for notice in told)
    lines = [f"Inspector{step}: {plain(n.text, 400)}" for step, n in zip(when, told, strict=True)]
    return tuple(dict.fromkeys(lines))


def complete(diagnosis: Diagnosis) -> bool:
    """Tell whether the Inspector watched to the end; always true of a file."""
    return not cautions(diagnosis)


def _all(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    yield from (("", note) for note in diagnosis.subject.notes)
    measurements = diagnosis.measurements
    if not isinstance(measurements, Measurements):
        return
    told: Iterable[tuple[str, str]] = (
        *((notice.about, notice.text) for notice in measurements.notices),
        *measurements.unseen.items(),
    )
    yield from ((plain(name, 120), text) for name, text in told if name != INSPECTOR)


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more:,} more" if more > 0 else "")
