"""One output buffer under two names, each of which is compared with something else.

``left, right = teacher(x), teacher(y)``, where the teacher fills one buffer anew: both are what was
computed last. No two operands of one comparison are alike; what is, are those of two comparisons.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from collapse_doctor.inspector.comparing.births import birth_line
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, line_at, outwards
from collapse_doctor.inspector.memory.overwriting import PASS, Held, Overwriting, filled_at
from collapse_doctor.inspector.source.buffers import lent_twice_line
from collapse_doctor.inspector.source.callsite import Still, scope_of, tree_of

__all__ = ["Reused", "Twins"]

MOST_NAMES = 4


class _Name(NamedTuple):
    """How an operand is called in a function, and what was held under that name."""

    code: int
    text: str
    held: Held


class Twins(NamedTuple):
    """What overwrote an operand, and the other name of the same buffer."""

    written: Overwriting
    other: str


class Reused:
    """Remembers by which names buffers were compared in the present step."""

    def __init__(self) -> None:
        self._names: dict[int, list[_Name]] = {}
        self._strangers: dict[tuple[int, int], list[tuple[str, int]]] = {}

    def end_step(self) -> None:
        """Forget them: what is filled again in the next step is meant."""
        self._names.clear()
        self._strangers.clear()

    def find(self, held: Held, frame: Still) -> Twins | None:
        """Take note of an operand; return what wrote over it, if it has two names by now.

        Parameters
        ----------
        held
            The operand, which must be an output that was put where another one of this step lay.
        frame
            Where it is compared.
        """
        if held.known is None and held.cut:
            return self._lent_twice(held, frame)
        writer = _writer(held)
        if writer is None or not held.own:
            return None
        earlier = self._names.setdefault(held.identity, [])
        if earlier and earlier[0].held.known is not held.known:  # filled since, or another tensor
            earlier.clear()
        for name, scope in _names_of(held, frame):
            for other in earlier:
                apart = other.code == name.code and other.text != name.text
                if apart and _are_two(scope, name.text, other.text):
                    return Twins(writer, other.text)
            if len(earlier) < MOST_NAMES * MOST_LEVELS:
                earlier.append(name)
        return None

    def _lent_twice(self, held: Held, frame: Still) -> Twins | None:
        """Look for two names of memory of which nothing is known, such as a NumPy array's."""
        if not held.name.isidentifier():
            return None
        earlier = self._strangers.setdefault(held.span, [])
        code, tree, scope = id(frame.f_code), tree_of(frame), scope_of(frame)
        for name, where in earlier:
            if name == held.name or where != code or tree is None or scope is None:
                continue
            line = lent_twice_line(tree, scope, name, held.name, frame.f_lineno)
            if line is not None:
                return Twins(Overwriting(line_at(frame, line), "__setitem__"), name)
        if len(earlier) < MOST_NAMES:
            earlier.append((held.name, code))
        return None


def _writer(held: Held) -> Overwriting | None:
    """Return what put the last of several passes of this step into one place, if something did."""
    known = held.known
    if known is None:
        return None
    fills = [w for w in held.writes if w.whole and w.source is not None]
    passes = {w.source.origin.forward for w in fills if w.source and _is_now(held, w.source.origin)}
    if len(passes) > 1:
        return Overwriting(fills[-1].site, fills[-1].operation)
    if known.rewrote is not None and _is_now(held, known.rewrote):
        return Overwriting(filled_at(known), PASS)
    return None


def _is_now(held: Held, origin: object) -> bool:
    return held.known is not None and getattr(origin, "step", None) == held.known.origin.step


def _names_of(held: Held, frame: Still) -> list[tuple[_Name, ast.AST]]:
    """Return the plain names an operand has, from the comparison outwards."""
    found: list[tuple[_Name, ast.AST]] = []
    here: Still | None = frame
    text: str = held.name
    for _ in range(MOST_LEVELS):
        scope = scope_of(here) if here is not None else None
        if here is None or scope is None or not text.isidentifier():
            break
        found.append((_Name(id(here.f_code), text, held), scope))
        here, names = outwards(here, (text, text))
        text = names[0] if names is not None else ""
    return found


def _are_two(scope: ast.AST, one: str, other: str) -> bool:
    """Tell whether a function gives both names their values, and none of them the other's."""
    stored = {
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if not {one, other} <= stored:
        return False
    return birth_line(scope, one, other, "same-object", 1 << 30) is None
