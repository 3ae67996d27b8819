"""The page of a rule with its place in the graph of causes: what `explain` prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from collapse_doctor.causes.edges import Edge, edges_from, edges_to
from collapse_doctor.rules.catalogue import RULES
from collapse_doctor.rules.rule import Rule

__all__ = ["page"]

WIDTH = 100


def page(rule: Rule) -> str:
    """Return the rule's page, and below it what follows from it and what it may follow from.

    Codes that no rule finds yet are left out.
    """
    names = {other.code: other.name for other in RULES}
    parts = [rule.page.rstrip()]
    ways = (("What follows from it", edges_from), ("What it may follow from", edges_to))
    for heading, edges in ways:
        lines = list(_lines(edges(rule.code), names))
        if lines:
            parts.append("\n".join((f"{heading}\n{'-' * len(heading)}", *lines)))
    return "\n\n".join(parts)


def _lines(edges: Mapping[str, Edge], names: Mapping[str, str]) -> Iterator[str]:
    """Yield one entry for each reason, with the codes it holds for."""
    by_reason: dict[str, list[str]] = {}
    for code, edge in edges.items():
        if code in names:
            by_reason.setdefault(edge.reason, []).append(f"{code} {names[code]}")
    for reason, codes in by_reason.items():
        yield _wrapped((f"- {', '.join(codes)}:", reason + "."))


def _wrapped(words: Iterable[str]) -> str:
    return textwrap.fill(" ".join(words), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
