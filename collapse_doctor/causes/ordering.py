"""The order of findings: the root cause, what follows from it, then what has other causes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from collapse_doctor.causes.linking import below
from collapse_doctor.findings import Confidence, Finding, Link, Severity

__all__ = ["arranged", "roots"]

STAGES = ("CD5", "CD1", "CD2", "CD4", "CD3")
"""From what enters a training to what comes of it: data, comparison, gradient, numbers, shape."""

Rank = tuple[float, ...]


def arranged(
    findings: Sequence[Finding], links: Collection[Link]
) -> tuple[tuple[Finding, ...], tuple[Link, ...]]:
    """Return the findings with each root before what follows from it, and links that fit them.

    A root comes before another if what follows from it, or it itself, is worse; if it is worse
    itself; if it began earlier; if it is surer; if it is nearer to the data; if more follows from
    it. Its consequences come after it in the same way, none before a cause of its own.

    Parameters
    ----------
    findings, links
        What was found, and what of it follows from what, by its place.
    """
    order: list[int] = []
    sources = roots(findings, links)
    for root in sorted(sources, key=lambda place: _rank(place, findings, links)):
        if root not in order:
            order += _group(root, findings, links, {*order, *sources} - {root})
    place = {old: new for new, old in enumerate(order)}
    moved = [Link(place[link.cause], place[link.effect], link.reason) for link in links]
    moved.sort(key=lambda link: (link.cause, link.effect))
    return tuple(findings[old] for old in order), tuple(moved)


def roots(findings: Sequence[Finding], links: Collection[Link]) -> list[int]:
    """Return the places of what follows from nothing else that is as sure.

    A guess (`Confidence.LOW`) that is the milder of the two explains, but it does not stand above
    what is known: it is named as a possible cause.
    """
    caused = {link.effect for link in links if _outranks(findings[link.cause], findings, link)}
    return [place for place in range(len(findings)) if place not in caused]


def _outranks(cause: Finding, findings: Sequence[Finding], link: Link) -> bool:
    effect = findings[link.effect]
    guess = cause.confidence is Confidence.LOW and effect.confidence is not Confidence.LOW
    return not (guess and cause.severity.rank < effect.severity.rank)


def _group(
    root: int, findings: Sequence[Finding], links: Collection[Link], placed: Collection[int]
) -> list[int]:
    """Return a root and what follows from it alone of all that is not placed, causes first."""
    inside = below(links, {root}) - set(placed)
    waiting = sorted(inside - {root}, key=lambda place: _rank(place, findings, links))
    group = [root]
    while waiting:
        ready = next((one for one in waiting if not _waits(one, waiting, links)), waiting[0])
        waiting.remove(ready)
        group.append(ready)
    return group


def _waits(place: int, waiting: Collection[int], links: Collection[Link]) -> bool:
    return any(link.effect == place and link.cause in waiting for link in links)


def _rank(place: int, findings: Sequence[Finding], links: Collection[Link]) -> Rank:
    """Return what findings are sorted by; the code comes last, as they are found in that order."""
    finding, follow = findings[place], below(links, {place})
    step = finding.where.step
    worst = max(findings[one].severity.rank for one in follow)
    alarms = sum(findings[one].severity is not Severity.INFO for one in follow)
    stage = next((n for n, s in enumerate(STAGES) if finding.code.startswith(s)), len(STAGES))
    return (
        -worst,
        -finding.severity.rank,
        float("inf") if step is None else step,
        -finding.confidence.rank,
        stage,
        -alarms,
        place,
    )
