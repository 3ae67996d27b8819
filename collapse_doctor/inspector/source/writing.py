"""A function that writes into what it was given and returns it: the line that writes is the fault.

``return batch`` alone is harmless; ``batch += noise`` above it makes the caller's tensor, and so
both of two views, the one that was changed last.
"""

from __future__ import annotations

import ast

__all__ = ["written_before"]


def written_before(scope: ast.AST, line: int) -> int:
    """Return the line that last wrote into what is returned at ``line``, else ``line`` itself.

    Parameters
    ----------
    scope
        The function; only one of its own parameters is looked at, that has no other value.
    line
        The line of a statement in it.
    """
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return line
    nodes = list(ast.walk(scope))
    returns = [n for n in nodes if isinstance(n, ast.Return) and n.lineno == line]
    name = ast.unparse(returns[0].value) if returns and returns[0].value is not None else ""
    arguments = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
    if name not in {one.arg for one in arguments} or any(_binds(n, name) for n in nodes):
        return line
    return max((n.lineno for n in nodes if _writes(n, name) and n.lineno < line), default=line)  # type: ignore[attr-defined]


def _binds(node: ast.AST, name: str) -> bool:
    """Tell whether a statement gives a name another value, in place of what was passed."""
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    bound = [inner for target in targets for inner in ast.walk(target)]
    stored = [one for one in bound if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    return any(one.id == name for one in stored)


def _writes(node: ast.AST, name: str) -> bool:
    """Tell whether a node is ``x += …``, ``x[…] = …`` or ``x.add_(…)`` of that name."""
    if isinstance(node, ast.AugAssign):
        return _root(node.target) == name
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Subscript) and _root(t) == name for t in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method = node.func.attr
        in_place = method.endswith("_") and not method.endswith("__")
        return in_place and method != "requires_grad_" and _root(node.func.value) == name
    return False


def _root(node: ast.expr) -> str:
    """Return the name that an expression is a part of: ``x`` of ``x[mask]``, "" of others."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
