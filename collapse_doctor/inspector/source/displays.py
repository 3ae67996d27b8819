"""What a list, a dictionary or a record is written of, element by element."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Place", "loops", "members"]

MOST_REPEATED = 8
_JOINING = frozenset({"stack", "cat", "concat", "vstack", "hstack"})


class Place(NamedTuple):
    """One element: the code that reaches it from its container, and what it is.

    ``same_as`` names the element it is one object with; ``through`` what made an element of it.
    """

    how: str
    value: ast.expr
    same_as: str = ""
    through: tuple[str, ...] = ()


def members(value: ast.expr, tree: ast.Module | None = None) -> list[Place]:
    """Return the elements of a display: ``[a, b]``, ``{"x": a}``, ``Pair(left=a)``, ``[a] * 2``.

    Given the syntax tree of the file, the fields of its records are known in their order.
    """
    if isinstance(value, ast.Tuple | ast.List):
        return [Place(f"[{n}]", element) for n, element in enumerate(value.elts)]
    if isinstance(value, ast.Dict):
        keyed = zip(value.keys, value.values, strict=True)
        return [
            Place(f"[{key.value!r}]", element)
            for key, element in keyed
            if isinstance(key, ast.Constant)
        ]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return _repeated(value)
    return _called(value, tree) if isinstance(value, ast.Call) else []


def _repeated(value: ast.BinOp) -> list[Place]:
    listed, times = value.left, value.right
    if not isinstance(listed, ast.List | ast.Tuple) or len(listed.elts) != 1:
        return []
    if not isinstance(times, ast.Constant) or not isinstance(times.value, int):
        return []
    count, element = min(times.value, MOST_REPEATED), listed.elts[0]
    return [Place(f"[{n}]", element, same_as="[0]" if n else "") for n in range(count)]


def _called(value: ast.Call, tree: ast.Module | None) -> list[Place]:
    function = value.func
    name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
    words = [(word.arg, word.value) for word in value.keywords if word.arg]
    if name == "fromkeys" and len(value.args) == 2:  # one object under all keys
        keys = value.args[0].elts if isinstance(value.args[0], ast.List | ast.Tuple) else []
        plain = [f"[{key.value!r}]" for key in keys if isinstance(key, ast.Constant)]
        same = ["", *plain[:1] * len(plain)]
        return [Place(how, value.args[1], one) for how, one in zip(plain, same, strict=False)]
    if name == "dict":
        return [Place(f"[{key!r}]", element) for key, element in words]
    if name[:1].isupper():  # a record: a dataclass, a named tuple
        fields = _fields(tree, name) if tree is not None else ()
        words = [*zip(fields, value.args, strict=False), *words]
        named = [Place(f".{key}", element) for key, element in words]
        numbered = [Place(f"[{n}]", place.value) for n, place in enumerate(named)]
        return named if tree is None else named + numbered
    if name in _JOINING and value.args:
        made = "stack" if name == "stack" else "cat"
        return [place._replace(through=(made,)) for place in members(value.args[0])]
    return []


@functools.lru_cache(maxsize=64)
def _fields(tree: ast.Module, name: str) -> tuple[str, ...]:
    """Return the fields of a data class or named tuple of a file, in order."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name]
    lines = [line for kind in found for line in kind.body if isinstance(line, ast.AnnAssign)]
    return tuple(ast.unparse(line.target) for line in lines)


def loops(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, int]]:
    """Yield what ``for a, b in zip(left, right)`` gives to each name: elements of one of them.

    Of any other source they are elements of what ``next`` would give of it.
    """
    if not isinstance(node, ast.For | ast.comprehension):
        return
    target, source, line = node.target, node.iter, node.iter.lineno
    if isinstance(source, ast.Call) and ast.unparse(source.func) == "enumerate" and source.args:
        if not isinstance(target, ast.Tuple) or len(target.elts) != 2:
            return
        target, source = target.elts[1], source.args[0]
    if isinstance(source, ast.Call) and ast.unparse(source.func) == "zip":
        if isinstance(target, ast.Tuple):
            for name, one in zip(target.elts, source.args, strict=False):
                yield name, one, line
        return
    yield target, ast.Call(ast.Name("next"), [source], []), line
