"""Whether who writes into a detached alias takes it for a thing of its own, read in the source.

``z.data.clamp_(-1, 1)`` is meant for ``z``: nothing else could be changed by it. In ``drawn =
z.detach()``, ``drawn -= drawn.mean(0)``, ``draw(drawn)`` it is meant for what is drawn.
"""

from __future__ import annotations

import ast

from collapse_doctor.inspector.source.callsite import tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["is_thought_apart"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@reading(bool)
def is_thought_apart(site: CallSite) -> bool:
    """Tell whether a line writes into something that has a name, and is used by it afterwards.

    False where the alias is nameless and its value not used, where all that is ever done with its
    name is to write, in functions that say by their name that they work in place, and where the
    source cannot be had.
    """
    tree = tree_of_file(site.file)
    statement = _statement_at(tree, site.line) if tree is not None else None
    if tree is None or statement is None:
        return False
    scope = _scope_around(tree, site.line)
    if isinstance(scope, _FUNCTIONS) and scope.name.endswith("_"):
        return False
    targets = _targets(statement)
    if targets is None:  # the result is a value that goes on
        return True
    return any(not _is_cut(one) and _lasts(scope, one, statement) for one in targets)


def _targets(statement: ast.stmt) -> list[ast.expr] | None:
    """Return what a statement writes into, or None if the result of the writing is used."""
    if isinstance(statement, ast.AugAssign):
        return [statement.target]
    within = [node for node in ast.walk(statement) if isinstance(node, ast.Lambda)]
    for call in (node.body for node in within):
        if isinstance(call, ast.Call) and _is_in_place(call):
            return _written(call)
    if isinstance(statement, ast.Assign):
        written: list[ast.expr] = [t for t in statement.targets if isinstance(t, ast.Subscript)]
        named = [one for one in statement.targets if not _is_nothing(one)]
        return written if written or not named else None
    if not isinstance(statement, ast.Expr):
        return None
    call = statement.value
    if not isinstance(call, ast.Call):
        return []
    if _is_in_place(call) or _is_told(call):
        return _written(call)
    return None  # ``kept.append(z.detach().sub_(m))``


def _written(call: ast.Call) -> list[ast.expr]:
    """Return what a call of an in-place operation writes into."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    library = isinstance(owner, ast.Name) and owner.id in ("torch", "F")
    if owner is None or library or _is_told(call):
        return call.args[:1]
    return [owner]


def _is_told(call: ast.Call) -> bool:
    return any(word.arg == "inplace" for word in call.keywords)


def _is_in_place(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    return name.endswith("_") or name == "__setitem__"


def _is_nothing(target: ast.expr) -> bool:
    """Tell whether an assignment keeps nothing: ``_ = …``, ``z.data = …``."""
    if isinstance(target, ast.Name):
        return target.id == "_"
    return isinstance(target, ast.Attribute) and target.attr == "data"


def _is_cut(target: ast.AST) -> bool:
    """Tell whether an alias is made in the very expression: it can be meant for nothing else."""
    for node in ast.walk(target):
        if isinstance(node, ast.Attribute) and node.attr in ("data", "detach"):
            return True
    return False


def _lasts(scope: ast.AST, target: ast.expr, statement: ast.stmt) -> bool:
    """Tell whether what is written into is of use by its own name after the statement."""
    node: ast.expr = target
    while isinstance(node, ast.Subscript | ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            return True  # others may ask for it
        if isinstance(node, ast.Subscript) and _is_key(node.slice):
            return True  # one thing out of a store of several
        node = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(node, ast.Name):
        return False
    for other in ast.walk(scope):
        if (
            isinstance(other, ast.For)
            and node.id in _names(other.target)
            and not _is_cut(other.iter)
        ):
            return True  # it is kept in what is gone through
    after = statement.end_lineno or statement.lineno
    written = {id(part) for other in ast.walk(scope) for part in _mere_target(other)}
    return any(
        isinstance(other, ast.Name)
        and other.id == node.id
        and isinstance(other.ctx, ast.Load)
        and other.lineno > after
        and id(other) not in written
        for other in ast.walk(scope)
    )


def _is_key(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def _mere_target(node: ast.AST) -> list[ast.AST]:
    """Return the names in a statement that only writes: of further writes nobody has any use."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_in_place(node.value):
        return list(ast.walk(node))
    if isinstance(node, ast.AugAssign):
        return list(ast.walk(node))
    return []


def _names(target: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _statement_at(tree: ast.AST, line: int) -> ast.stmt | None:
    """Return the innermost statement that a line belongs to."""
    found: ast.stmt | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            found = node  # inner statements come after those around them
    return found


def _scope_around(tree: ast.AST, line: int) -> ast.AST:
    found: ast.AST = tree
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.lineno <= line <= (node.end_lineno or 0):
            found = node
    return found
