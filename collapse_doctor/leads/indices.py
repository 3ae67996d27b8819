"""Which rows were taken, and who chose them: ``z[anchor]`` and ``z[nearest]``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked

__all__ = ["apart", "chosen_rows", "indices_in"]

_CHOOSING = frozenset(
    {
        *("argmin", "argmax", "topk", "sort", "argsort", "kthvalue", "msort", "nonzero"),
        *("randint", "randperm", "arange", "multinomial", "permutation", "choice", "sample"),
        *("roll", "min", "max", "tril_indices", "triu_indices", "combinations", "randrange"),
    }
)
_DRAWING = frozenset({"randint", "randperm", "multinomial", "permutation", "choice", "sample"})
_SAME = (ast.Slice, ast.Constant)


def indices_in(node: ast.AST) -> list[ast.expr]:
    """Return what rows are taken by, in an expression: ``pos`` of ``z[pos]``."""
    found: list[ast.expr] = []
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript):
            first = one.slice.elts[0] if isinstance(one.slice, ast.Tuple) else one.slice
            if not isinstance(first, _SAME):
                found.append(first)
        elif isinstance(one, ast.Call) and name_of(one.func) in ("index_select", "gather", "take"):
            found += one.args[-1:]
    return found


def apart(nodes: list[ast.expr]) -> list[ast.expr]:
    """Return the indices by which some expressions take different rows of one thing."""
    taken: dict[str, dict[str, ast.expr]] = {}
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Subscript) and not isinstance(one.slice, (*_SAME, ast.Tuple)):
                taken.setdefault(ast.unparse(one.value), {})[ast.unparse(one.slice)] = one.slice
    return [index for found in taken.values() if len(found) > 1 for index in found.values()]


def chosen_rows(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where the rows of some indices were chosen, the nearest first."""
    for start in starts:
        nearest = None
        for reached in walked(program, [start], 6):
            if nearest is not None and reached.steps > nearest:
                break
            lead = _choice(program, reached.site)
            if lead is not None:
                nearest = reached.steps
                yield lead


def _choice(program: Program, site: Site) -> Lead | None:
    """Return the line that chose rows. A draw does not explain that it gave the same twice."""
    names = {name_of(one.func) for one in ast.walk(site.node) if isinstance(one, ast.Call)}
    statement = program.statement(site.node)
    if statement is None or names.isdisjoint(_CHOOSING):
        return None
    return Lead(statement.lineno, "the rows are chosen here", is_cause=names.isdisjoint(_DRAWING))
