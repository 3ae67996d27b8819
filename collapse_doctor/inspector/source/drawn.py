"""Whether what is written into a tensor is drawn at random, read in the source: a corruption.

``x[torch.rand_like(x) < 0.4] = 0`` hides cells from a network; ``x[torch.isnan(x)] = 0`` mends what
is missing. Only what is seen to be drawn counts.
"""

from __future__ import annotations

import ast
import re

from collapse_doctor.inspector.comparing.names import MOST_LEVELS, outwards
from collapse_doctor.inspector.source.callsite import Still, scope_of, tree_of
from collapse_doctor.inspector.source.reading import reading

__all__ = ["is_drawn"]

_DRAWING = re.compile(
    r"\b(rand|rand_like|randn|randn_like|randint|randint_like|randperm|bernoulli_?|multinomial"
    r"|dropout\w*|uniform_?|normal_?|random|random_|choice|sample|permutation|shuffle)\("
)
MOST_NAMES = 32
"""Names that are followed back from one line."""


@reading(bool)
def is_drawn(frame: Still, target: str = "") -> bool:
    """Tell whether the line that a frame is at uses something that was drawn at random.

    Parameters
    ----------
    frame
        Where a tensor is written into, and the frames that called it.
    target
        How the tensor is written there, if that is known: what it holds itself may be drawn.
    """
    scope = scope_of(frame)
    statement = _statement(scope, frame.f_lineno) if scope is not None else None
    if statement is None:
        return False
    written = _target_of(statement)
    own = (
        {node.id for node in ast.walk(written) if isinstance(node, ast.Name)}
        if written
        else {target}
    )
    parts = [part for part in _read_in(statement) if ast.unparse(part) not in own]
    return any(_leads_to_a_draw(frame, part, own, MOST_LEVELS) for part in parts)


def _leads_to_a_draw(frame: Still, part: ast.AST, own: set[str], levels: int) -> bool:
    """Follow an expression back to what its names were given, here and in the callers."""
    scope, tree = scope_of(frame), tree_of(frame)
    if scope is None or tree is None:
        return False
    waiting, seen = [part], {*own}
    while waiting and len(seen) < MOST_NAMES:
        node = waiting.pop()
        if _DRAWING.search(ast.unparse(node)) or any(_draws(tree, call) for call in _calls(node)):
            return True
        for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - seen:
            seen.add(name)
            waiting += _given_to(scope, name)
            caller, passed = outwards(frame, (name, name)) if levels else (None, None)
            if caller is not None and passed is not None and passed[0]:
                value = ast.parse(passed[0], mode="eval").body
                if _leads_to_a_draw(caller, value, set(), levels - 1):
                    return True
    return False


def _statement(scope: ast.AST, line: int) -> ast.stmt | None:
    found: ast.stmt | None = None
    for node in ast.walk(scope):
        simple = isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return)
        if simple and node.lineno <= line <= (node.end_lineno or line):  # type: ignore[attr-defined]
            found = node  # type: ignore[assignment]
    return found


def _target_of(statement: ast.stmt) -> ast.expr | None:
    """Return what a statement writes into, without the index."""
    if isinstance(statement, ast.AugAssign):
        written: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        written = statement.targets[0]
    else:  # ``x.masked_fill_(…)``, whatever its result is given to
        value = getattr(statement, "value", None)
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return None
        written = value.func.value
    while isinstance(written, ast.Subscript):
        written = written.value
    return written


def _read_in(statement: ast.stmt) -> list[ast.AST]:
    """Return the index, the value or the arguments of what a statement writes."""
    parts: list[ast.AST] = []
    if isinstance(statement, ast.AugAssign | ast.Assign):
        targets = [statement.target] if isinstance(statement, ast.AugAssign) else statement.targets
        parts += [t.slice for t in targets if isinstance(t, ast.Subscript)]
    value = getattr(statement, "value", None)
    called = isinstance(value, ast.Call) and _target_of(statement) is not None
    if isinstance(value, ast.Call) and called and not parts:  # not what it is called on
        return [*value.args, *(word.value for word in value.keywords)]
    return [*parts, *([value] if value is not None else [])]


def _given_to(scope: ast.AST, name: str) -> list[ast.AST]:
    """Return what a name is given anywhere in a function."""
    found: list[ast.AST] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            named = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if name in named and not any(isinstance(t, ast.Subscript) for t in node.targets):
                found.append(node.value)
    return found


def _calls(node: ast.AST) -> list[str]:
    calls = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return [f.attr if isinstance(f, ast.Attribute) else ast.unparse(f) for f in calls]


def _draws(tree: ast.Module, name: str) -> bool:
    """Tell whether a function or method of the file, by its name, draws something."""
    return any(
        isinstance(node, ast.FunctionDef)
        and node.name == name
        and _DRAWING.search(ast.unparse(node)) is not None
        for node in ast.walk(tree)
    )
