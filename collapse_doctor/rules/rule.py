"""What a rule is: data, a pure check, and a page of text. The engine does the rest."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements

__all__ = ["HEADINGS", "Match", "NotExamined", "Rule"]

HEADINGS = (
    "What it finds",
    "Why it matters",
    "Likely causes",
    "What to do",
    "What would refute it",
    "Bounds and their source",
    "References",
)


class NotExamined(Exception):  # noqa: N818  (nothing is wrong: it says what is missing)
    """Raised by a check that lacks what it needs; its text completes 'skipped, because …'."""


@dataclass(frozen=True)
class Match:
    """One place where a rule holds; the engine turns it into a Finding.

    ``cause`` and ``remedy`` default to the rule's own sections *Likely causes* and *What to do*;
    a check that knows more (which operand, which line) says so instead.
    """

    message: str
    where: Where
    evidence: Mapping[str, Evidence]
    confidence: Confidence = Confidence.HIGH
    severity: Severity | None = None
    related: tuple[Where, ...] = ()
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Rule:
    """One entry of the catalogue. ``check(measurements, bounds)`` is pure.

    What follows from which code, why and when, is a table of its own (``causes.edges``);
    ``explains`` adds codes to it for a rule that is in no catalogue.
    """

    code: str
    name: str
    severity: Severity
    bounds: Any
    check: Callable[[Measurements, Any], Iterable[Match]]
    explains: tuple[str, ...] = ()
    module: str = field(default="")

    def __post_init__(self) -> None:
        """Remember the module the rule was written in: its docstring is the rule's page."""
        object.__setattr__(self, "module", self.module or self.check.__module__)

    @property
    def home(self) -> ModuleType:
        """The module the rule is written in."""
        return sys.modules[self.module]

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.page.splitlines()[0]

    @cached_property
    def page(self) -> str:
        """The rule's docstring: what ``explain`` prints."""
        return inspect.cleandoc(self.home.__doc__ or "")

    @cached_property
    def sections(self) -> Mapping[str, str]:
        """The page, cut at its fixed headings (underlined with dashes)."""
        pattern = r"^(" + "|".join(map(re.escape, HEADINGS)) + r")\n-+\n"
        parts = re.split(pattern, self.page, flags=re.MULTILINE)
        return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
