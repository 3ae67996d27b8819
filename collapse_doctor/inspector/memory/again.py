"""One object that was given out for several things, and whether it is taken for several.

``left = teacher(x)`` and ``right = teacher(y)``, where the teacher gives out one buffer: two names,
or the rounds of a loop, are what tells that somebody means two.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from collapse_doctor.inspector.comparing.names import MOST_LEVELS, outwards
from collapse_doctor.inspector.memory.overwriting import Overwriting
from collapse_doctor.inspector.source.callsite import Still, scope_of
from collapse_doctor.inspector.source.rebound import (
    are_two_names,
    gone_through,
    is_rebound,
    repeats,
)

__all__ = ["Again"]

MOST_USES = 16


class _Use(NamedTuple):
    """Where an object was used, and how it is written there, from there outwards."""

    code: int
    instruction: int
    text: str


class Again:
    """One object that was given out for each of several fillings, and where it was used since."""

    def __init__(self, written: Overwriting) -> None:
        self.written = written
        self.uses: list[_Use] = []
        self.is_two = False
        self.is_over = False  # it was given something new since

    def used(self, frame: Still, text: str) -> None:
        """Take note of a use, and see whether it shows that this was taken for two things."""
        here: Still | None = frame
        for _ in range(MOST_LEVELS):
            scope = scope_of(here) if here is not None else None
            if here is None or scope is None or not text or self.is_two or self.is_over:
                return
            use = _Use(id(here.f_code), here.f_lasti, text)
            for other in self.uses:
                if other == use:
                    anew = is_rebound(scope, text, here.f_lineno) and not _is_repeated(here, scope)
                    self.is_two = self.is_two or anew
                elif other.code == use.code and other.text != text:
                    self.is_two = self.is_two or are_two_names(scope, other.text, text)
            if len(self.uses) < MOST_USES:
                self.uses.append(use)
            here, names = outwards(here, (text, text))
            text = names[0] if names is not None else ""


def _is_repeated(frame: Still, scope: ast.AST) -> bool:
    """Tell whether a loop goes through what holds one thing several times, here or as passed on."""
    for text in gone_through(scope, frame.f_lineno):
        if repeats(scope, text):
            return True
        caller, passed = outwards(frame, (text, text)) if text.isidentifier() else (None, None)
        around = scope_of(caller) if caller is not None else None
        if passed is not None and around is not None and repeats(around, passed[0]):
            return True
    return False
