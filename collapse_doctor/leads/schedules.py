"""Numbers that follow a schedule, and have come to where they make two things one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site, definitions
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked

__all__ = ["followed"]

_COUNTER = re.compile(r"^(global_)?(step|epoch|iter|iteration|it|progress|round)s?(_idx|_no)?$")
_COUNTING = frozenset({"range", "trange", "enumerate", "count", "tqdm"})
_ARITHMETIC = frozenset(
    {"min", "max", "abs", "float", "int", "round", "pow", "cos", "sin", "exp", "sqrt", "log"}
)


def followed(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where a number in some expressions is computed from the step or the epoch."""
    for reached in walked(program, starts, 7):
        if reached.steps and _is_schedule(program, reached.site):
            line = reached.site.node.lineno
            yield Lead(line, "a schedule: this is what it has come to by then", is_cause=True)


def _is_schedule(program: Program, site: Site) -> bool:
    """Tell whether an expression is plain arithmetic with a counter in it."""
    nodes = list(ast.walk(site.node))
    if not any(isinstance(node, ast.BinOp | ast.IfExp) for node in nodes):
        return False
    if any(isinstance(node, ast.Subscript | ast.Lambda | ast.MatMult) for node in nodes):
        return False
    called = [name_of(node.func) for node in nodes if isinstance(node, ast.Call)]
    if not _ARITHMETIC.issuperset(called):
        return False
    names = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute)]
    return any(_is_counter(program, site._replace(node=name)) for name in names)


def _is_counter(program: Program, site: Site) -> bool:
    """Tell whether a name is counted up, here or by who passed it."""
    if _counts(program, site.node):
        return True
    if not isinstance(site.node, ast.Name):
        return False
    return any(_counts(program, one.node) for one in definitions(program, site))


def _counts(program: Program, node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return _COUNTER.match(node.attr) is not None
    if not isinstance(node, ast.Name):
        return False
    loops = (above for above in program.around(node) if isinstance(above, ast.For))
    return any(_counted(loop) == node.id for loop in loops)


def _counted(loop: ast.For) -> str:
    """Return the name that a loop counts up: ``i`` of ``for i, x in enumerate(data)``."""
    node = loop.iter
    if not isinstance(node, ast.Call) or name_of(node.func) not in _COUNTING:
        return ""
    target = loop.target
    if name_of(node.func) == "enumerate" and isinstance(target, ast.Tuple | ast.List):
        target = target.elts[0]
    return name_of(target)
