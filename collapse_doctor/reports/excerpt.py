"""The guilty line among its neighbours, if the file still says what it said when it ran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collapse_doctor.findings import Where
from collapse_doctor.reports.text import plain

__all__ = ["Excerpt", "Line", "excerpts", "short_path"]

MAX_BYTES = 1_000_000  # of a source file; larger ones are not read
MAX_WIDTH = 160
CONTEXT = 2


@dataclass(frozen=True)
class Line:
    """One line of source. ``note`` says what happens there, on lines a finding points at."""

    number: int | None
    text: str
    marked: bool = False
    note: str = ""


@dataclass(frozen=True)
class Excerpt:
    """Some lines of one file. ``complete`` is false if only the recorded lines are known."""

    place: str
    lines: tuple[Line, ...]
    complete: bool


def excerpts(places: Sequence[Where]) -> list[Excerpt]:
    """Return the lines of ``places`` among their neighbours, those of one spot together.

    Files are read now. Only where every line still is the one that was recorded are neighbours
    shown; else the file has changed (or is another one) and the recorded lines stand alone.
    Places without a file or a line of source are left out.
    """
    spots: list[list[Where]] = []
    for place in dict.fromkeys(places):
        if place.file is None or place.source is None or not place.source.strip():
            continue
        near = next((spot for spot in spots if _near(spot, place)), None)
        spots.append([place]) if near is None else near.append(place)
    return [_excerpt(spot) for spot in spots]


def _near(spot: list[Where], place: Where) -> bool:
    """Whether the neighbours of ``place`` touch those of the spot, in the same file."""
    if place.line is None:
        return False
    gaps = [abs(other.line - place.line) for other in spot if other.line is not None]
    return spot[0].file == place.file and bool(gaps) and min(gaps) <= 2 * CONTEXT + 1


def _excerpt(spot: list[Where]) -> Excerpt:
    """Name the place by what comes first: the line to change."""
    first = spot[0]
    file = first.file or ""
    place = short_path(file) + (f":{first.line}" if first.line is not None else "")
    around = _around(Path(file), spot)
    alone = [
        Line(w.line, plain((w.source or "").strip(), MAX_WIDTH), True, plain(w.note)) for w in spot
    ]
    alone.sort(key=lambda line: line.number or 0)
    return Excerpt(plain(place), around or tuple(alone), around is not None)


def _around(path: Path, spot: list[Where]) -> tuple[Line, ...] | None:
    """Lines from the file, cut to their common indentation, or None if they cannot be trusted."""
    notes = {where.line: where.note for where in spot if where.line is not None}
    lines = _read(path)
    if lines is None or not notes or not all(_unchanged(lines, where) for where in spot):
        return None
    first = max(1, min(notes) - CONTEXT)
    part = [line.expandtabs(4).rstrip() for line in lines[first - 1 : max(notes) + CONTEXT]]
    indent = min((len(line) - len(line.lstrip()) for line in part if line), default=0)
    return tuple(
        Line(n, plain(line[indent:], MAX_WIDTH), n in notes, plain(notes.get(n, "")))
        for n, line in enumerate(part, first)
    )


def _unchanged(lines: list[str], where: Where) -> bool:
    """Whether the line is still the one that ran."""
    if where.line is None or not 1 <= where.line <= len(lines):
        return False
    return lines[where.line - 1].strip() == (where.source or "").strip()


def _read(path: Path) -> list[str] | None:
    """Return the lines; None for what is no small text file (a notebook cell, say)."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError):
        return None  # the recorded line is shown instead, and `complete` says so


def short_path(file: str) -> str:
    """Relative below the working folder, else the last two parts: no home folders in reports."""
    path = Path(file)
    if not path.is_absolute() or len(path.parts) <= 3:
        return plain(file, 120)
    if path.is_relative_to(Path.cwd()):
        return plain(path.relative_to(Path.cwd()), 120)
    return plain(os.path.join("…", *path.parts[-2:]), 120)
