"""The line that made one operand of the other, as far as it was seen or can be read."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from types import NoneType

import msgspec

from collapse_doctor.inspector.comparing.kinship import Side
from collapse_doctor.inspector.comparing.names import birth_of, line_at, named_at, outwards
from collapse_doctor.inspector.comparing.provenance import (
    COPYING,
    CUTTING,
    REPEATING,
    SCALING,
    SHIFTING,
    Known,
)
from collapse_doctor.inspector.comparing.relations import Related
from collapse_doctor.inspector.source.callees import Function, cached_at
from collapse_doctor.inspector.source.callsite import Still, call_at, scope_of
from collapse_doctor.inspector.source.junctions import choice_of, junction_of
from collapse_doctor.inspector.source.lastnames import (
    innermost,
    last_assignment,
    made_by,
    refilled,
    second_name,
)
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["births", "kept_line"]

PARTING = frozenset({"chunk", "split", "unbind", "__getitem__", "select", "narrow", "index_select"})


_PRODUCTS = frozenset({"__mul__", "__rmul__", "__truediv__"})


@reading(list)
def births(frame: Still, left: Side, right: Side, related: Related) -> list[CallSite]:
    """Return the line that made one operand of the other, as far as it can be known.

    A call that passed one thing twice is surest, then the operation that was seen to do it, then
    what can be read in the source, then whatever was done last with the side that was cut or
    copied; of two forward passes over one input the later is the line.
    """
    names, kind = (left.name, right.name), related.kind
    if kind == "scalar-multiple" and not related.by_value:
        return []  # rows of one number: where they are compared is the fault
    lone = int(left.requires_grad) if left.requires_grad != right.requires_grad else None
    parted = junction_of(frame, *names, kind, lone)
    read = birth_of(frame, *names, kind)
    if parted is not None and parted.passed:
        return [parted.site]
    if kind == "same-object":
        found = read or (parted.site if parted is not None else None)
        found = found or _renamed(frame, names) or named_at(frame, *names)
        return [found] if found is not None else []
    seen = _operation(related, _longest_first(left.known, right.known))
    if kind == "stale":
        old = names[0] if right.requires_grad else names[1]
        seen = choice_of(frame, old) or _cached(left, right) or seen
    elif seen is not None and parted is not None and parted.instead is not None:
        is_helper = (seen.file, seen.line) == (parted.instead.file, parted.instead.line)
        seen = parted.site if is_helper else seen
    last = _last(left, right, kind)
    traced = parted.site if parted is not None else None
    if read is not None and traced is not None and traced.function != read.function:
        read = None  # the call was seen that led there
    copied = _new_copy(frame, left, right)
    order = (seen, last, read) if kind == "stale" else (seen, read, copied, traced, last)
    found = next((site for site in order if site is not None), None)
    if kind == "stale":
        if found is not None and _is_here(found, frame):
            found = None  # where it is only read
        found = found or _kept_from(frame, left, right)
    found = found or _later_pass(left.known, right.known) or _given(frame, left, right)
    return [found] if found is not None else []


def _cached(left: Side, right: Side) -> CallSite | None:
    """Return the decorator that keeps what a function, which made the old side, once returned."""
    for side in (left, right):
        call = side.known.run.call if side.known is not None and side.known.run else None
        scope = scope_of(call.frame) if call is not None and not side.requires_grad else None
        line = cached_at(scope) if isinstance(scope, Function) else None
        if call is not None and line is not None:
            return line_at(call.frame, line)
    return None


def _renamed(frame: Still, names: tuple[str, str]) -> CallSite | None:
    """Return the line that gave a second name to what was passed to a function that holds it too.

    Of ``partial(similarity, query)`` the call shows one operand only.
    """
    call, scope = call_at(frame), scope_of(frame)
    if any(names) or not isinstance(call, ast.Call) or scope is None:
        return None
    passed = [one.id for one in call.args if isinstance(one, ast.Name)]
    line = second_name(scope, passed, frame.f_lineno)
    return line_at(frame, line) if line is not None else None


def _longest_first(*known: Known | None) -> list[Known]:
    found = [one for one in reversed(known) if one is not None and one.sites]
    return sorted(found, key=lambda one: len(one.sites), reverse=True)


def _last(left: Side, right: Side, kind: str) -> CallSite | None:
    """Return what was done last: with the side that takes no gradient, if that is known.

    Of what was done to both alike, nothing made them equal: then the first line after the model.
    """
    cut = [side.known for side in (right, left) if not side.requires_grad]
    sides = cut if kind == "detached" and len(cut) == 1 else [right.known, left.known]
    known = _longest_first(*sides)
    if not known:
        return None
    alike = len(known) > 1 and not any(one.sites for one in _unlike(known))
    return known[0].sites[0 if alike else -1]


def _new_copy(frame: Still, left: Side, right: Side) -> CallSite | None:
    """Return the line that copied a network, or its weights, anew for each comparison."""
    scope, here = scope_of(frame), frame.f_lineno
    if scope is None:
        return None
    for side in (right, left):
        made = None if side.requires_grad else made_by(scope, side.name, here)
        lines = (refilled(scope, made), last_assignment(scope, made, here)) if made else ()
        line = next((line for line in lines if line is not None and line != here), None)
        if line is not None and innermost(scope, line) is innermost(scope, here):
            return line_at(frame, line)
    return None


def _is_here(site: CallSite, frame: Still) -> bool:
    return (site.file, site.line) == (frame.f_code.co_filename, frame.f_lineno)


def _kept_from(frame: Still, left: Side, right: Side) -> CallSite | None:
    """Return the line that gave its name to what the old side was taken from: ``old[rows]``."""
    for side in (right, left):
        if side.requires_grad or not side.name:
            continue
        return kept_line(frame, side.name)
    return None


@reading(NoneType)
def kept_line(frame: Still, name: str) -> CallSite | None:
    """Return the line that gave its value to what an operand is read from: ``old`` of ``old[i]``.

    Parameters
    ----------
    frame, name
        Where it is compared, and how it is written there.
    """
    here: Still | None = frame
    text = _read_from(name)
    while here is not None and text:
        code = here.f_code
        if text in code.co_varnames[: code.co_argcount]:
            here, names = outwards(here, (text, text))
            text = _read_from(names[0]) if names is not None else ""
            continue
        scope = scope_of(here)
        line = last_assignment(scope, text, here.f_lineno) if scope is not None else None
        if line is not None:
            return line_at(here, line)
        if text in code.co_varnames:
            return None  # its own: a name of the caller's may mean something else
        here = here.f_back
    return None


def _read_from(text: str) -> str:
    """Return the plain name in ``name[i]``, or nothing."""
    node = ast.parse(text, mode="eval").body if text else None
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _given(frame: Still, left: Side, right: Side) -> CallSite | None:
    """Return the line that gave its name to the side that came from outside of what was seen."""
    scope = scope_of(frame)
    strange = [side.name for side in (right, left) if side.known is None and side.name]
    lines = [last_assignment(scope, name, frame.f_lineno) for name in strange] if scope else []
    line = next((line for line in lines if line is not None), None)
    return line_at(frame, line) if line is not None else None


def _operation(related: Related, known: Sequence[Known]) -> CallSite | None:
    """Return the line of the operation that made the relation what it is."""
    repeating = {one.site_of(REPEATING) for one in known if _is_part(one)}
    if related.kind in ("equal", "shared-storage") and len(known) > 1 and len(repeating) == 1:
        return repeating.pop()  # the rows of both were made by one operation, several times
    telling = {"detached": CUTTING, "stale": CUTTING, "equal": COPYING}
    telling |= {"scalar-multiple": SCALING | _PRODUCTS, "affine": SCALING | SHIFTING}
    operations = telling.get(related.kind, frozenset())
    known = _unlike(known)
    if related.by_value and all(len(known) > 1 and one.site_of(operations) for one in known):
        return None  # of what was done to both it is not this that differs
    sites = [site for one in known if (site := one.site_of(operations)) is not None]
    return sites[0] if sites else None


def _unlike(known: Sequence[Known]) -> list[Known]:
    """Return what is known of two sides without what was done to both at the end: a norm each."""
    if len(known) < 2:
        return list(known)
    paths = [one.origin.path for one in known]
    backwards = zip(*map(reversed, paths), strict=False)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], backwards)))
    return [_without_last(one, same) for one in known] if same else list(known)


def _without_last(known: Known, count: int) -> Known:
    kept = len(known.sites) - count
    origin = msgspec.structs.replace(known.origin, path=known.origin.path[:kept])
    return replace(known, origin=origin, sites=known.sites[:kept])


def _is_part(known: Known) -> bool:
    """Tell whether a part was taken of what had been repeated."""
    path = known.origin.path
    made = next((n for n, operation in enumerate(path) if operation in REPEATING), len(path))
    return not PARTING.isdisjoint(path[made:])


def _later_pass(left: Known | None, right: Known | None) -> CallSite | None:
    passes = [one for one in (left, right) if one is not None and one.made is not None]
    if len(passes) < 2 or passes[0].origin.forward == passes[1].origin.forward:
        return None
    return max(passes, key=lambda one: one.origin.forward).made
