"""The given numbers on the ways from a loss to the outputs of models: factors, and what is added.

A factor that is changed from step to step, as a temperature or the weight of a term, changes the
gradient with it. What is added and takes no gradient is nothing that this loss can train.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from torch import Tensor

from collapse_doctor.inspector.losses.graph import Expression
from collapse_doctor.inspector.source.moving import moved_at
from collapse_doctor.recording.observations import CallSite, Factor

__all__ = ["Factors", "added_to"]

MOST = 8
"""Factors of one loss that are told, and lines of which the first value is remembered."""
CHANGED = 10.0
"""A change from which on the source is asked where a number is changed: the rules ask for more."""

Number = Callable[[Tensor], list[float]]


class Factors:
    """Reads the factors of one loss after the other, and remembers what they were at first."""

    def __init__(self) -> None:
        self._first: dict[CallSite, float] = {}

    def of(self, expression: Expression, number: Number) -> tuple[Factor, ...]:
        """Return the factors on the ways to outputs, one for each line; zeros are none."""
        found: dict[CallSite, Factor] = {}
        reaching: dict[int, bool] = {}
        for one in _walk(expression):
            factor = _factor(one, number, reaching)
            if factor is not None and factor.site is not None and len(found) < MOST:
                known = found.get(factor.site)
                if known is None or known.value < factor.value:
                    found[factor.site] = factor
        return tuple(map(self._told, found.values()))

    def _told(self, factor: Factor) -> Factor:
        if factor.site is None or (len(self._first) >= MOST and factor.site not in self._first):
            return factor
        first = self._first.setdefault(factor.site, factor.value)
        ratio = factor.value / first
        if 1 / CHANGED < ratio < CHANGED:
            return factor
        return msgspec.structs.replace(factor, moved=moved_at(factor.site))


def added_to(expression: Expression, number: Number) -> float | None:
    """Return the sum of the tensors that were added to a loss and take no gradient, if any."""
    found = []
    for one in _walk(expression, depth=("add", "mean", "sum", "same", "mul", "div", "neg")):
        if one.operation == "add":
            given = [below.info for below in one.inputs if below.operation == "number"]
            found += [number(value)[0] for value in given if isinstance(value, Tensor)]
    return sum(found) if found else None


def _walk(expression: Expression, depth: tuple[str, ...] | None = None) -> Iterator[Expression]:
    waiting, seen = [expression], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if depth is None or one.operation in depth:
            waiting.extend(one.inputs)


def _factor(one: Expression, number: Number, reaching: dict[int, bool]) -> Factor | None:
    """Return the factor of a product or quotient with a given number, of which outputs are part."""
    if one.operation not in ("mul", "div") or len(one.inputs) != 2:
        return None
    inner, given = one.inputs
    if given.operation != "number" or not _has_rows(inner, reaching):
        return None
    value = abs(number(given.info)[0] if isinstance(given.info, Tensor) else float(given.info))
    if not value:
        return None
    return Factor(1 / value if one.operation == "div" else value, given.site)


def _has_rows(expression: Expression, reaching: dict[int, bool]) -> bool:
    """Tell whether a part of a loss leads to an output; ``reaching`` remembers, part by part."""
    known = reaching.get(id(expression))
    if known is None:
        known = expression.operation == "rows" or any(
            _has_rows(below, reaching) for below in expression.inputs
        )
        reaching[id(expression)] = known
    return known
