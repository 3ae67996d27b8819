"""Where a column of one number for each row was made: ``(B, 1)`` where ``(B,)`` was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site
from collapse_doctor.leads.columnar import Made, made_at
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked
from collapse_doctor.leads.values import value_of

__all__ = ["columns"]

_FACTORIES = frozenset(
    {*("rand", "randn", "ones", "zeros", "randint", "full", "empty"), "view", "reshape"}
)
_LAYERS = frozenset({"Linear", "LazyLinear", "Conv1d", "Bilinear"})
_WIDENING = frozenset({"unsqueeze", "expand_dims", "atleast_2d", "unsqueeze_", "column_stack"})


def columns(program: Program, start: Site) -> Iterator[Lead]:
    """Yield where an operand became a column, and where a function gave it out.

    What was asked to be a column explains it alone. What is stored as one, or comes so from a
    layer, may be so for good reasons: there it is the line that computed the operand of it.
    """
    made = made_at(program, start)
    if made is not None:
        yield from _told(made)
        return
    given = None
    for reached in walked(program, [start]):
        node = reached.site.node
        if reached.function is not None and given is None:
            given = Lead(node.lineno, "it is given out in that shape here")
        if _is_column(program, reached.site):
            statement = program.statement(node)
            line = node.lineno if statement is None or reached.function else statement.lineno
            yield Lead(_line_of_column(program, reached.site, line), "it is a column from here on")
            if given is not None:
                yield given
            return
    if given is not None:
        yield given


def _told(made: Made) -> Iterator[Lead]:
    if made.stored and made.computed is not None:
        yield Lead(made.computed, "it is computed of a column here", is_cause=True)
    yield Lead(made.line, "it is a column from here on", is_cause=not made.stored)
    if made.given is not None:
        yield Lead(made.given, "it is given out in that shape here")


def _line_of_column(program: Program, site: Site, otherwise: int) -> int:
    found = [
        n.lineno
        for n in ast.walk(site.node)
        if isinstance(n, ast.expr) and _makes(program, site, n)
    ]
    return found[0] if found else otherwise


def _is_column(program: Program, site: Site) -> bool:
    return any(isinstance(n, ast.expr) and _makes(program, site, n) for n in ast.walk(site.node))


def _makes(program: Program, site: Site, node: ast.expr) -> bool:
    """Tell whether one operation makes a column of what it is given."""
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        listed = any(isinstance(part, ast.List) and len(part.elts) == 1 for part in parts)
        sliced = (
            len(parts) == 2 and isinstance(parts[0], ast.Slice) and isinstance(parts[1], ast.Slice)
        )
        return listed or sliced or any(_is_new(part) for part in parts)
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return isinstance(node.elt, ast.List | ast.Tuple) and len(node.elt.elts) == 1
    if not isinstance(node, ast.Call):
        return False
    name = name_of(node.func)
    keeps = any(
        word.arg in ("keepdim", "keepdims") and _is_true(word.value) for word in node.keywords
    )
    if name in _WIDENING or keeps:
        return True
    values = [value_of(program, site._replace(node=one)) for one in _sizes(node, name)]
    last = values[-1] if values else None
    return len(values) > 1 and last is not None and last.value == 1.0


def _sizes(node: ast.Call, name: str) -> list[ast.expr]:
    if name in _LAYERS:
        return [*node.args[:2], *(w.value for w in node.keywords if w.arg == "out_features")]
    if name not in _FACTORIES:
        return []
    shapes = [one for one in node.args if isinstance(one, ast.Tuple | ast.List)]
    shapes += [w.value for w in node.keywords if w.arg == "size" and isinstance(w.value, ast.Tuple)]
    return shapes[-1].elts if shapes else list(node.args)


def _is_new(node: ast.expr) -> bool:
    is_none = isinstance(node, ast.Constant) and node.value is None
    return is_none or name_of(node) == "newaxis"


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
