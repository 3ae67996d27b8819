"""All cases, the default demonstration first. A new one is a file in the folder of its family."""

from __future__ import annotations

import difflib
from pathlib import Path

from collapse_doctor.cases.case import HOME, Case, read
from collapse_doctor.errors import UsageError

__all__ = ["CASES", "FAMILIES", "find_case"]

FAMILIES = ("aliasing", "wiring", "collapse", "numerics", "inputs", "systems")
FIRST = "aliased-loop"


def _files() -> list[Path]:
    return [
        path
        for family in FAMILIES
        for path in sorted((HOME / family).glob("*.py"))
        if path.stem != "__init__"
    ]


CASES: tuple[Case, ...] = tuple(sorted(map(read, _files()), key=lambda case: case.name != FIRST))


def find_case(name: str) -> Case:
    """Return the case called ``name``.

    Raises
    ------
    UsageError
        If there is none; names the nearest ones.
    """
    cases = {case.name: case for case in CASES}
    wanted = name.strip().lower().replace("_", "-")
    if wanted in cases:
        return cases[wanted]
    near = difflib.get_close_matches(wanted, cases, n=3, cutoff=0.4)
    remedy = f"use {' or '.join(near)}" if near else "see them all: collapse-doctor demo"
    raise UsageError("the name of a case", repr(name), remedy=remedy)
