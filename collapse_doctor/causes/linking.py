"""Which of the findings of one diagnosis follow from which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from collapse_doctor.causes.edges import Edge, Span, When, edge_between
from collapse_doctor.findings import Finding, Link, Severity

__all__ = ["Depths", "below", "linked"]

Depths = Mapping[tuple[str | None, str | None], int]
"""How deep the inner layers lie, by model and layer. Outputs have no depth beside each other."""

NO_DEPTHS: Depths = MappingProxyType({})

LOOKS = 0.5
"""Between two looks at an inner layer at most half of the steps so far have passed (of an output
an eighth: see `Schedule`), so that a cause may be older by that than when it was first seen."""

SAME = "the same, seen at another place"


def linked(findings: Sequence[Finding], depths: Depths = NO_DEPTHS) -> tuple[Link, ...]:
    """Return every link between two findings, by their places in ``findings``.

    There is no cycle among them. What is merely worth knowing causes no alarm.

    Parameters
    ----------
    findings
        All findings of a diagnosis. Of their ``explains`` those codes count, too, that are in no
        edge of the table.
    depths
        The depth of the inner layers, where it is known: what is lost at a layer says nothing of
        those before it.
    """
    links: list[Link] = []
    found = [
        (edge, cause, effect)
        for cause in range(len(findings))
        for effect in range(len(findings))
        if (edge := _edge(findings[cause], findings[effect], depths)) is not None
    ]
    for edge, cause, effect in sorted(found, key=partial(_looseness, findings)):
        if cause not in below(links, {effect}):
            links.append(Link(cause, effect, edge.reason))
    return (*links, *_repeated(findings, links))


def _looseness(findings: Sequence[Finding], one: tuple[Edge, int, int]) -> tuple[bool, int]:
    """Put last what may close a cycle: what a rule alone declares, and what needs an order.

    After a cause that was seen before its effect comes one that was seen after it, and may have
    been there unseen: where each of two may have caused the other, the older one has.
    """
    edge, cause, effect = one
    first, then = findings[cause].where.step, findings[effect].where.step
    unseen = edge.when is When.NOT_AFTER and first is not None and then is not None and then < first
    return not edge.reason, 2 if unseen else int(edge.when is When.BEFORE)


def below(links: Collection[Link], causes: Collection[int]) -> set[int]:
    """Return the places of ``causes`` and of all that follows from them, however far."""
    reached = set(causes)
    fresh = reached
    while fresh:
        fresh = {link.effect for link in links if link.cause in fresh} - reached
        reached = reached | fresh
    return reached


def _edge(cause: Finding, effect: Finding, depths: Depths) -> Edge | None:
    edge = edge_between(cause.code, effect.code, cause.explains)
    if edge is None or cause.code == effect.code:
        return None
    if cause.severity is Severity.INFO and effect.severity is not Severity.INFO:
        return None
    if not (_meet(cause, effect, edge) and _in_order(cause, effect, edge.when)):
        return None
    return edge if _downstream(cause, effect, depths) else None


def _repeated(findings: Sequence[Finding], links: Collection[Link]) -> list[Link]:
    """Return links from a finding to others of its code that are about the same line or model.

    Only to those that follow from nothing else: they come before what has a cause.
    """
    caused = {link.effect for link in links}
    again: list[Link] = []
    for later, finding in enumerate(findings):
        for first, other in enumerate(findings[:later]):
            if other.code == finding.code and later not in caused and _is_one(other, finding):
                again.append(Link(first, later, SAME))
                break
    return again


def _is_one(first: Finding, other: Finding) -> bool:
    """Tell whether two findings of a code are one fault: of one line, or one model without any.

    One that says no more than another cannot be its cause; nor can a milder one.
    """
    if first.severity.rank < other.severity.rank:
        return False
    lines, others = _lines(first), _lines(other)
    if lines or others:
        return bool(lines & others)
    return first.where.model is not None and first.where.model == other.where.model


def _meet(cause: Finding, effect: Finding, edge: Edge) -> bool:
    """Tell whether two findings are about one thing; a place that is unknown may be any."""
    if edge.span is Span.TRAINING:
        return True
    lines, others = _lines(cause), _lines(effect)
    if lines and others and (edge.span is Span.LINE or not edge.reason):
        return bool(lines & others)
    models = {cause.where.model, effect.where.model}
    return len(models) == 1 or None in models


def _lines(finding: Finding) -> set[tuple[str, int | None]]:
    places = (finding.where, *finding.related)
    return {(place.file, place.line) for place in places if place.file is not None}


def _in_order(cause: Finding, effect: Finding, when: When) -> bool:
    first, then = cause.where.step, effect.where.step
    if when is When.ANY or first is None or then is None:
        return True
    if when is When.BEFORE:
        return first < then
    return then >= min(first - 1, first * LOOKS)


def _downstream(cause: Finding, effect: Finding, depths: Depths) -> bool:
    """Tell whether the effect reaches as deep as the cause, which codes of gradients need not.

    A cause in the wiring or the data has no depth; nor has one that is seen at an output.
    """
    if not all(code.startswith(("CD3", "CD4")) for code in (cause.code, effect.code)):
        return True
    begins = _depths(cause, depths)
    ends = _depths(effect, depths)
    return not begins or not ends or min(begins) <= max(ends)


def _depths(finding: Finding, depths: Depths) -> list[float]:
    places = [place for place in (finding.where, *finding.related) if place.layer is not None]
    return [depths.get((place.model, place.layer), float("inf")) for place in places]
