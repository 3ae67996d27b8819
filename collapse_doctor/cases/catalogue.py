"""All cases, the default demonstration first."""

from __future__ import annotations

import difflib

from collapse_doctor.cases import aliased_loop, missing_stop_gradient, positive_pairs_only
from collapse_doctor.cases.case import Case
from collapse_doctor.errors import UsageError

__all__ = ["CASES", "find_case"]

CASES: tuple[Case, ...] = (
    aliased_loop.CASE,
    positive_pairs_only.CASE,
    missing_stop_gradient.CASE,
)


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
    near = difflib.get_close_matches(wanted, cases, n=3, cutoff=0.4) or list(cases)
    raise UsageError("the name of a case", repr(name), remedy=f"use {' or '.join(near)}")
