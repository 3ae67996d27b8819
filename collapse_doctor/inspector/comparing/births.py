"""Where an alias was born: the assignment that gave one thing two names.

A plain assignment leaves no trace at run time, so the source of the running function is read.
Only assignments between the two operands, or to both from a third name, are considered.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from collapse_doctor.inspector.source.displays import REST, Place, loops, members
from collapse_doctor.recording.observations import RelationKind

__all__ = [
    "DESCENDING",
    "ELEMENT",
    "Assignment",
    "assignments",
    "birth_line",
    "descend",
    "given_by",
    "known_assignments",
    "made_of",
    "unwrapped",
]

ELEMENT = "next"
"""How what a loop takes from its source is written: ``next(loader)``."""
_AS_IT_IS = ((), ("stack",), ("cat",))
_GIVING_SEVERAL = (
    *(ast.Name, ast.Attribute, ast.Call, ast.Subscript),
    *(ast.ListComp, ast.GeneratorExp),
)
"""What may be taken apart into several names without its elements being written out."""
# Calls through which a value stays the same thing: x.detach().clone(), F.normalize(x), x[:4] …
_DETACHING = frozenset({"detach", "detach_", "data", "numpy", "clone", "item"})
_VIEWING = frozenset({"view", "view_as", "reshape", "flatten", "squeeze", "unsqueeze", "expand"})
_COPYING = frozenset({"clone", "deepcopy", "copy"})
_SCALING = frozenset({"normalize", "mul", "div"})
DESCENDING = frozenset({"data", "T", "mT", "values", "grad"})
"""Attributes of a tensor; all others may be parts of a record."""


class Assignment(NamedTuple):
    """``target = …source…`` at ``line``; ``through`` names what stands between, outermost first.

    ``is_put`` tells that the source became one element of the target, which has others;
    ``is_within`` that it is part of an expression, whose line may read the target, too.
    """

    target: str
    source: str
    through: tuple[str, ...]
    line: int
    is_put: bool = False
    is_within: bool = False


def birth_line(
    scope: ast.AST, left: str, right: str, kind: RelationKind, before: int
) -> int | None:
    """Return the line where ``left`` and ``right`` became related, or None if it does not show.

    Parameters
    ----------
    scope
        Syntax tree of the function or module in which they were compared.
    left, right
        The two operands as written.
    kind
        How they turned out to be related; decides between several assignments.
    before
        Line of the comparison. Of equal candidates the nearest above it is meant, else (in a
        loop) the last below it.
    """
    if not left or not right or left == right:
        return None
    known = known_assignments(scope)
    found = [a for a in known if _joins(a, left, right)] or _through_a_third(known, left, right)
    fitting = [a for a in found if _fits(a, kind)]
    above = [a.line for a in fitting if a.line < before]
    below = [a.line for a in fitting if a.line > before]
    return max(above) if above else max(below, default=None)


def _joins(assignment: Assignment, left: str, right: str) -> bool:
    return {assignment.target, assignment.source} == {left, right}


def _through_a_third(found: Sequence[Assignment], left: str, right: str) -> list[Assignment]:
    """Both names were given the value of one other name: the later of the two is the birth.

    Only as it is: two calls that read alike give two results, not one thing.
    """
    plain = [a for a in found if a.through in _AS_IT_IS and "(" not in a.source]
    ones = [a for a in plain if a.target == left]
    others = [a for a in plain if a.target == right and a.source in {one.source for one in ones}]
    shared = {other.source for other in others}
    return sorted((a for a in ones + others if a.source in shared), key=lambda a: a.line)[1:]


def _fits(assignment: Assignment, kind: RelationKind) -> bool:
    through = set(assignment.through)
    if through and through <= {"stack", "cat"}:
        return kind in ("equal", "shared-storage")
    if kind == "same-object":
        return not through & (_DETACHING | _COPYING | _VIEWING | _SCALING)
    if kind == "detached":
        return bool(through & _DETACHING)
    if kind == "equal":
        return bool(through & _COPYING)
    if kind == "scalar-multiple":
        return bool(through)
    return True


@functools.lru_cache(maxsize=64)
def known_assignments(scope: ast.AST) -> tuple[Assignment, ...]:
    """Return them all; a tree is not changed once it was read, so they are found only once."""
    return tuple(assignments(scope))


def assignments(scope: ast.AST) -> Iterator[Assignment]:
    """Yield every ``name = chain(name)`` of a scope, tuple assignments taken apart."""
    for node in _statements(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value, node.lineno)
            yield from _chained(node)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _pairs(node.target, node.value, node.lineno)
        elif isinstance(node, ast.NamedExpr):
            for found in _pairs(node.target, node.value, node.lineno):
                yield found._replace(is_within=True)
        elif isinstance(node, ast.Call):
            yield from _kept(node)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from _pairs(node.optional_vars, node.context_expr, node.context_expr.lineno)
        else:
            for target, value, line in loops(node):
                for found in _pairs(target, value, line):
                    yield found._replace(is_within=isinstance(node, ast.comprehension))


def _statements(scope: ast.AST) -> Iterator[ast.AST]:
    """Walk a scope without the functions and classes inside it: their names are their own."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
            yield from _statements(child)


def _chained(node: ast.Assign) -> Iterator[Assignment]:
    """Yield what ``a = b = model(x)`` says: b is one thing with a."""
    names = [ast.unparse(target) for target in node.targets]
    for name in names[1:]:
        yield Assignment(name, names[0], (), node.lineno)


def unwrapped(left: str, right: str) -> tuple[str, str] | None:
    """Return what two operands were before the same was done to both, or None.

    ``F.normalize(a, dim=1)`` and ``F.normalize(b, dim=1)`` are equal because ``a`` and ``b`` are.
    """
    one, other = (ast.parse(text, mode="eval").body for text in (left, right))
    inner = [list(descend(node))[:1] for node in (one, other)]
    if type(one) is not type(other) or not all(inner):
        return None
    (first, how), (second, why) = inner[0][0], inner[1][0]
    found = ast.unparse(first), ast.unparse(second)
    return found if how == why and found[0] != found[1] else None


def made_of(text: str) -> list[str]:
    """Return an operand as written, and what it was taken from: ``past`` of ``past[-1].to(d)``."""
    return [source for source, _ in _roots(ast.parse(text, mode="eval").body)]


def _kept(node: ast.Call) -> Iterator[Assignment]:
    """Yield what ``past.append(z)`` says: some element of the list is ``z``."""
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in ("append", "appendleft"):
        for argument in node.args[:1]:
            for found in _pairs(function.value, argument, node.lineno):
                yield found._replace(is_put=True)


def given_by(targets: Iterable[ast.expr], value: ast.expr, line: int) -> dict[str, str]:
    """Return by name what ``targets = value`` gives to each as it is."""
    found = [a for target in targets for a in _pairs(target, value, line)]
    return {a.target: a.source for a in found if not a.through}


def _pairs(target: ast.expr, value: ast.expr, line: int) -> Iterator[Assignment]:
    inside = [place for place in members(value) if place.how != REST]
    if isinstance(target, ast.Tuple | ast.List):
        yield from _unpacked(target, value, inside, line)
        return
    if isinstance(value, ast.Constant):  # two names for None are no alias
        return
    name = ast.unparse(target)
    for source, through in _roots(value):
        yield Assignment(name, source, through, line)
    for place in inside:
        if place.same_as:  # [model(x)] * 2
            yield Assignment(name + place.how, name + place.same_as, (), line)
        for source, through in _roots(place.value, place.through):
            yield Assignment(name + place.how, source, through, line)


def _unpacked(
    target: ast.Tuple | ast.List, value: ast.expr, inside: Sequence[Place], line: int
) -> Iterator[Assignment]:
    names = target.elts
    if isinstance(value, ast.ListComp | ast.GeneratorExp):
        inside = inside[: len(names)]  # as many as there are names; which of them is all one
    if len(inside) == len(names):
        for one, place in zip(names, inside, strict=True):
            if place.same_as:
                yield Assignment(ast.unparse(one), ast.unparse(names[0]), (), line)
            else:
                yield from _pairs(one, place.value, line)
    elif isinstance(value, _GIVING_SEVERAL):
        for number, one in enumerate(names):
            element = ast.Subscript(value, ast.Constant(number))
            if isinstance(one, ast.Tuple | ast.List):
                yield from _unpacked(one, element, (), line)
            else:
                yield Assignment(ast.unparse(one), ast.unparse(element), (), line)


def _roots(value: ast.expr, through: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Follow a chain of calls, attributes, indices and scalings down to what it starts from."""
    if isinstance(value, ast.BoolOp | ast.IfExp):  # one of them, as it is
        several = value.values if isinstance(value, ast.BoolOp) else [value.body, value.orelse]
        for one in several:
            yield from _roots(one, through)
        return
    yield ast.unparse(value), through
    for inner, name in descend(value):
        yield from _roots(inner, (*through, name))


def descend(node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """Yield what an expression was made from, and by what: ``z`` by ``detach``."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if not (isinstance(owner, ast.Name) and owner.id in _NAMESPACES):
                yield owner, node.func.attr
        # The first argument: F.normalize(z), self.drop(z), copy(z).
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        yield from ((argument, name) for argument in node.args[:1])
    elif isinstance(node, ast.Attribute):
        yield node.value, node.attr
    elif isinstance(node, ast.Subscript):
        yield node.value, "view"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        sides = (node.left, node.right) if isinstance(node.op, ast.Mult) else (node.left,)
        yield from ((side, "mul") for side in sides if not isinstance(side, ast.Constant))


_NAMESPACES = frozenset({"torch", "F", "functional", "nn", "copy", "np", "numpy"})
