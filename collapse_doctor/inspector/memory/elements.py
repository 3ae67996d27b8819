"""Outputs changed in place under a name that was to gather them, and used again by their own.

``total = targets[0]``, ``for t in targets[1:]: total += t``: the sum is written into the first of
them. What is compared afterwards is what was made of that one since (``F.normalize(t)``), or itself
as an element of what it was taken from.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from collapse_doctor.inspector.comparing.births import ELEMENT, known_assignments, made_of
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, outwards
from collapse_doctor.inspector.memory.writes import Write
from collapse_doctor.inspector.source.buffers import written_at
from collapse_doctor.inspector.source.callsite import Still, scope_of
from collapse_doctor.inspector.source.lastnames import is_result_of
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

if TYPE_CHECKING:
    from collapse_doctor.inspector.comparing.provenance import Known, Provenance

__all__ = ["changed_under_other_name", "written_since"]

_COMPREHENSION = re.compile(r"((\.<locals>\.|^)<(listcomp|genexpr|setcomp|dictcomp)>)+$")


def written_since(
    provenance: Provenance, tensor: Tensor, known: Known, site: CallSite
) -> Write | None:
    """Return what last changed a tensor in place since it was made, or what it was made of.

    Parameters
    ----------
    provenance, tensor, known
        What is known of the tensor of which something is made.
    site
        The line that makes it. Within a function that was lent the tensor it is of what was meant.
    """
    if provenance.knows(tensor):
        for write in reversed(provenance.writes.into(tensor)):
            if write.target != id(tensor) or write.serial < known.serial or write.even:
                continue
            within = (write.site.file, write.site.function) == (site.file, site.function)
            return None if write.lent and within else write
    return known.rewritten


def changed_under_other_name(writes: list[Write], name: str, frame: Still) -> Write | None:
    """Return the write that its author meant for something else than the operand, or None.

    Parameters
    ----------
    writes
        What changed the operand, or what it was made of.
    name, frame
        How the operand is written where it is compared, and that place.
    """
    levels = list(_levels(frame, name))
    inside = {(here.f_code.co_filename, here.f_code.co_qualname) for here, _, _ in levels}
    for write in reversed(writes):
        place = (write.site.file, write.site.function)
        if write.lent and place not in inside:
            roots = [(scope, root, here) for here, scope, text in levels for root in _roots(text)]
            if not any(
                is_result_of(scope, root, write.site.function, here.f_lineno)
                for scope, root, here in roots
            ):
                return write
        for here, scope, text in levels:
            mine = place == (here.f_code.co_filename, _function(here))
            if mine and _is_gathered(scope, text, write.site.line, here.f_lineno):
                return write
    return None


def _levels(frame: Still, name: str) -> Iterator[tuple[Still, ast.AST, str]]:
    """Yield where an operand is, from the comparison outwards, and how it is written there."""
    here: Still | None = frame
    text = name
    for _ in range(MOST_LEVELS):
        scope = scope_of(here) if here is not None else None
        if here is None or scope is None or not text:
            return
        yield here, scope, text
        for root in reversed(_roots(text)):  # ``t`` of ``F.normalize(t)``
            caller, names = outwards(here, (root, root))
            if names is not None:
                break
        else:
            return
        here, text = caller, names[0]


def _function(frame: Still) -> str:
    """Return the function a frame is written in, of a comprehension that around it."""
    return _COMPREHENSION.sub("", frame.f_code.co_qualname) or "<module>"


@reading(list)
def _roots(text: str) -> list[str]:
    return made_of(text)


@reading(bool)
def _is_gathered(scope: ast.AST, text: str, written: int, before: int) -> bool:
    """Tell whether a line wrote into an element by a name of its own, and the operand is another.

    Parameters
    ----------
    scope, text, before
        The function, how the operand is written there, and in which line it is compared.
    written
        The line of the in-place operation.
    """
    known, others = known_assignments(scope), {*written_at(scope, written)}
    roots = {*made_of(text)}
    sources = {a.source for a in known if a.target in roots and a.line <= before}
    roots |= {source.removeprefix(f"{ELEMENT}(").removesuffix(")") for source in sources}
    whole = {root.partition("[")[0] for root in roots}
    if others & {part.partition("[")[0].partition(".")[0] for part in (text, *roots)}:
        return False
    if any(a.target.partition("[")[0] in whole and a.source in others for a in known):
        return False  # it was put back where it was taken from
    return written < before and any(
        a.target in others
        and not a.through
        and a.line <= written
        and "[" in a.source
        and a.source.partition("[")[0] in whole
        for a in known
    )
