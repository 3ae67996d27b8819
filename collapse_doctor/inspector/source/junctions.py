"""The line at which two operands parted, read in the source: what made two of one thing.

Both are followed back, step by step (:mod:`points`), to the nearest expression that both come from.
"""

from __future__ import annotations

import functools
import itertools
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import NoneType
from typing import NamedTuple

from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.inspector.source.givings import assigned, version
from collapse_doctor.inspector.source.insides import inside
from collapse_doctor.inspector.source.passing import is_parameter
from collapse_doctor.inspector.source.points import Context, Point, Step, Way, beginning, parsed
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.inspector.source.writing import written_before
from collapse_doctor.recording.observations import CallSite, RelationKind

__all__ = ["Junction", "choice_of", "junction_of"]

MOST_POINTS = 400
"""Expressions that are looked at for one operand."""
MOST_STEPS = 14
"""Steps that an operand is followed back."""

_TELLING: dict[RelationKind, frozenset[str]] = {
    "detached": frozenset({"detach", "detach_", "data", "numpy", "tolist", "item"}),
    "equal": frozenset({"clone", "deepcopy", "copy", "detach", "data"}),
    "scalar-multiple": frozenset({"normalize", "mul", "div"}),
    "affine": frozenset({"normalize", "mul", "div", "layer_norm"}),
}
"""Operations by which an alias becomes one of that kind."""
_MAKING = frozenset({"normalize", "mul", "div", "add"})
_WEIGHT = {
    "passed": 0,
    "bound": 0,
    "made": 1,
    "given": 2,
    "put": 2,
    "chosen": 2,
    "named": 2,
    "kept": 2,
}


class Junction(NamedTuple):
    """A line that made two of one thing; ``passed`` if it is a call that passed one thing twice.

    ``instead`` is the line of a helper's that did it to what it was given: to blame is the call.
    """

    site: CallSite
    passed: bool = False
    instead: CallSite | None = None


@dataclass(frozen=True)
class _Question:
    """What is asked; equal for one place of the program, whenever it is reached."""

    place: tuple[object, ...]
    names: tuple[str, str]
    kind: RelationKind
    lone: int | None
    frame: Still = field(compare=False)


@reading(NoneType)
def junction_of(
    frame: Still, left: str, right: str, kind: RelationKind, lone: int | None = None
) -> Junction | None:
    """Return the junction of two operands as written where they met, or None.

    Parameters
    ----------
    frame
        Where they met.
    left, right, kind
        How they are written there, and how they are related.
    lone
        Which of the two is without gradient, 0 or 1, if just one is.
    """
    if not left or not right or left == right:
        return None
    bare = _bare(frame)  # what is remembered must not keep the user's variables alive
    return _junction(_Question(tuple(_place(bare)), (left, right), kind, lone, bare))


def _bare(frame: Still) -> Still:
    back = _bare(frame.f_back) if frame.f_back is not None else None
    return frame._replace(f_globals={}, f_builtins={}, f_back=back)


def _place(frame: Still | None) -> Iterator[object]:
    while frame is not None:
        yield frame.f_code, frame.f_lasti
        frame = frame.f_back


@functools.lru_cache(maxsize=256)
def _junction(asked: _Question) -> Junction | None:
    context = beginning(asked.frame)
    if context is None:
        return None
    line, apart = asked.frame.f_lineno, asked.kind != "same-object"
    sides = (1, 2) if apart else (0, 0)
    starts = (Point(context, text, line) for text in asked.names)
    one, other = (_ways(start, side) for start, side in zip(starts, sides, strict=True))
    shared = [key for key in one if key in other and _is_one_thing(one[key][0])]
    for key in sorted(shared, key=lambda key: len(one[key][1]) + len(other[key][1])):
        found = _parting(one[key][1], other[key][1], asked.kind, asked.lone)
        if found is not None:
            return found
    return None


def _ways(start: Point, side: int) -> dict[tuple[object, ...], tuple[Point, Way]]:
    """Return every expression an operand may come from, with the shortest way to it.

    ``side`` is another for each operand where two calls that are written alike give two things.
    """
    found: dict[tuple[object, ...], tuple[Point, Way]] = {_key(start): (start, ())}
    waiting = [(start, Way())]
    while waiting and len(found) < MOST_POINTS:
        point, way = waiting.pop(0)
        if len(way) >= MOST_STEPS:
            continue
        for step, source in _steps(point, side):
            key = _key(source)
            if key not in found:
                found[key] = (source, (*way, step))
                waiting.append((source, (*way, step)))
    return found


def _key(point: Point) -> tuple[object, ...]:
    """Return what is equal for one value of one expression in one call of one function."""
    return (*point.key, version(point))


def _steps(point: Point, side: int) -> Iterator[tuple[Step, Point]]:
    """Yield what an expression was made of: the nearest first."""
    node = parsed(point.text)
    if node is None:
        return
    yield from assigned(point, node)
    yield from inside(point, node, side)


def _is_one_thing(point: Point) -> bool:
    """Tell whether an expression is one thing wherever it stands: two calls give two."""
    return "(" not in point.text and not point.text.isnumeric() and point.text != "self"


def _parting(one: Way, other: Way, kind: RelationKind, lone: int | None) -> Junction | None:
    """Return the step that made two of one thing, of the ways to where both come from."""
    if kind == "same-object":  # what is multiplied is another thing: only its factor is meant
        one, other = (tuple(s for s in way if s.through not in _MAKING) for way in (one, other))
    last = (one[-1], other[-1]) if one and other else None
    if last and last[0].sort == last[1].sort == "passed" and _same_line(*last):
        return Junction(_site(last[0]), passed=True)
    choices = [_choice(way) for way in (one, other)]
    chosen = choices[0] or choices[1]
    if chosen is not None and choices.count(None) == 1 and not (chosen in one and chosen in other):
        return Junction(_site(chosen))
    for step in (*one, *other):
        if step.sort == "given":
            return Junction(_site(step))
    telling = _TELLING.get(kind, frozenset())
    for way in (other, one):
        for place, step in enumerate(way):
            if step.through in telling:
                blamed = _blamed(way, place, telling)
                instead = None if blamed is step else _site(step)
                return Junction(_site(blamed), instead=instead)
    one, other = _apart(one, other)
    ends = [step for step in (_end(one), _end(other)) if step is not None]
    ends = [step for step in ends if not (step in one and step in other)] or ends
    if not ends:
        return None
    if len(ends) > 1 and _same_line(ends[0], ends[1]) and _are_two_calls(*ends):
        ends = [_call_of(step) for step in ends]  # two calls of one function
    cut = _end((one, other)[lone]) if lone is not None and kind == "detached" else None
    if cut is not None:
        return Junction(_site(cut))
    best = max(ends, key=lambda step: (_WEIGHT[step.sort], _is_inside(step), step.line))
    return Junction(_site(best))


def _choice(way: Way) -> Step | None:
    """Return the step that took one of several things, of which the present one had been put in.

    ``past.append(z)`` and then ``past[0]``: which of them is taken is decided where it is read.
    """
    for before, step in itertools.pairwise(way):
        same = before.context.scope is step.context.scope
        if step.sort == "chosen" and same and step.line < before.line:
            return before
    return None


def _blamed(way: Way, place: int, telling: frozenset[str]) -> Step:
    """Return who is to blame for a step: the call, if a helper does it to what it is given."""
    found = way[place]
    if is_parameter(found.context.scope, "self"):
        return found  # a method may keep it, or be told when to do so
    for step in way[place + 1 :]:
        if step.sort == "bound":
            found = step
        elif step.through not in telling:
            break
    return found


@reading(NoneType)
def choice_of(frame: Still, name: str) -> CallSite | None:
    """Return the line that took an operand out of a store into which the present one was put, too.

    Parameters
    ----------
    frame, name
        Where it is compared, and how it is written there.
    """
    if not name:
        return None
    bare = _bare(frame)
    return _chosen(_Question(tuple(_place(bare)), (name, ""), "stale", None, bare))


@functools.lru_cache(maxsize=256)
def _chosen(asked: _Question) -> CallSite | None:
    context = beginning(asked.frame)
    if context is None:
        return None
    ways = _ways(Point(context, asked.names[0], asked.frame.f_lineno), 0).values()
    found = (_choice(way) for _, way in ways)
    return next((_site(step) for step in found if step is not None), None)


def _apart(one: Way, other: Way) -> tuple[Way, Way]:
    """Return two ways without the steps of one function that both end with, unless all are."""
    mine, theirs = one, other
    if not one or one[-1:] != other[-1:]:
        return one, other
    while mine and theirs and mine[-1] == theirs[-1]:
        mine, theirs = mine[:-1], theirs[:-1]
    rest = [way[-1] for way in (mine, theirs) if way]
    is_within = all(step.context.scope is one[-1].context.scope for step in rest)
    return (mine, theirs) if rest and is_within else (one, other)


def _are_two_calls(one: Step, other: Step) -> bool:
    return one.context.side != other.context.side


def _call_of(step: Step) -> Step:
    """Return the call of the function that a step is in, as far as it is only read of."""
    caller, line = step.context.caller, step.context.line
    return step if caller is None else Step("named", caller, line)


def _is_inside(step: Step) -> int:
    return len(Point(step.context, "", 0).depth)


def _end(way: Way) -> Step | None:
    """Return the last step before both were one that is more than a call."""
    return next((step for step in reversed(way) if _WEIGHT[step.sort]), None)


def _same_line(one: Step, other: Step) -> bool:
    return one.line == other.line and one.context.scope is other.context.scope


def _site(step: Step) -> CallSite:
    context: Context = step.context
    name = getattr(context.scope, "name", "<module>")
    line = written_before(context.scope, step.line)
    text = linecache.getline(context.file, line).strip()
    return CallSite(context.file, line, name, text)
