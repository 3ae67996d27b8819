"""Scores that are held against the very number they have when all rows are equal.

A cosine is at most 1, and a distance at least 0. What is held against that end has no other side:
``(cos - 1) ** 2`` draws rows together as ``1 - cos`` does, whoever calls the 1 a label.
"""

from __future__ import annotations

import math
from dataclasses import replace

from collapse_doctor.inspector.losses.meaning import Meaning, joined

__all__ = ["are_drawn", "drawn_out", "held_against"]


def are_drawn(one: Meaning, sign: int) -> bool:
    """Tell whether scores are made of paired rows only, all with one sign."""
    pulls = one.sort == "score" and bool(one.pulls) and not one.others
    return pulls and all(each == sign and not pull.crossed for each, pull in one.pulls)


def held_against(one: Meaning, least: float, greatest: float) -> Meaning | None:
    """Return scores less given numbers, if these are what the scores are for equal rows."""
    if one.value is None or not (are_drawn(one, -1) or are_drawn(one, 1)):
        return None
    if not (least == greatest and math.isclose(least, one.value, rel_tol=1e-6, abs_tol=1e-6)):
        return None
    return replace(joined("score", [one], value=0.0), positive=are_drawn(one, 1) and one.positive)


def drawn_out(one: Meaning) -> Meaning:
    """Return the size of what is 0 for equal rows and has one sign: it draws them together."""
    pulls = tuple((1, pull) for _, pull in one.pulls)
    return replace(one, pulls=pulls, value=0.0, positive=True, alike=frozenset(), room=None)
