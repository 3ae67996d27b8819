"""What a list, a dictionary or a record is written of, element by element."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["REST", "Place", "loops", "members"]

MOST_REPEATED = 8
REST = ""
"""Where all elements come from that are not written: ``a`` of ``{**a, "key": z}``."""
_PAIRING = frozenset({"pairwise", "combinations", "permutations"})
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
            Place(f"[{key.value!r}]" if isinstance(key, ast.Constant) else REST, element)
            for key, element in keyed
            if key is None or isinstance(key, ast.Constant)
        ]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return _repeated(value)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return [*members(value.right, tree), Place(REST, value.left)]
    if isinstance(value, ast.ListComp | ast.GeneratorExp):
        return _comprehended(value)
    return _called(value, tree) if isinstance(value, ast.Call) else []


def _comprehended(value: ast.ListComp | ast.GeneratorExp) -> list[Place]:
    """Return the elements of ``[z for _ in range(2)]``: all one thing.

    So are those of ``[lambda: z for z in views]``, each of which looks its name up in the end.
    """
    element = value.elt
    own = {n.id for part in value.generators for n in ast.walk(part.target) if _is_name(n)}  # type: ignore[attr-defined]
    used = {n.id for n in ast.walk(element) if _is_name(n)}  # type: ignore[attr-defined]
    if own & used and not isinstance(element, ast.Lambda):
        return []
    return [Place(f"[{n}]", element) for n in range(MOST_REPEATED)]


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _repeated(value: ast.BinOp) -> list[Place]:
    listed, times = value.left, value.right
    if not isinstance(listed, ast.List | ast.Tuple) or len(listed.elts) != 1:
        return []
    known = isinstance(times, ast.Constant) and isinstance(times.value, int)
    count, element = MOST_REPEATED, listed.elts[0]
    if known:
        count = min(times.value, MOST_REPEATED)  # type: ignore[attr-defined]
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
        return [*(Place(f"[{key!r}]", element) for key, element in words), *_zipped(value, tree)]
    if name == "_replace" and isinstance(function, ast.Attribute):
        return _replaced(words, function.value, tree)
    if name == "replace" and len(value.args) == 1:
        return _replaced(words, value.args[0], tree)
    if name[:1].isupper() or name == "cls":  # a record: a dataclass, a named tuple
        fields = _fields(tree, name) if tree is not None else ()
        words = [*zip(fields, value.args, strict=False), *words]
        named = [Place(f".{key}", element) for key, element in words]
        numbered = [Place(f"[{n}]", place.value) for n, place in enumerate(named)]
        keyed = [Place(f"[{key!r}]", element) for key, element in words]
        return named if tree is None else named + numbered + keyed
    if name in _JOINING and value.args:
        made = "stack" if name == "stack" else "cat"
        return [place._replace(through=(made,)) for place in members(value.args[0])]
    return []


def _replaced(
    words: list[tuple[str, ast.expr]], rest: ast.expr, tree: ast.Module | None
) -> list[Place]:
    """Return the fields of ``pair._replace(target=z)``, or of ``replace(pair, target=z)``."""
    found = [Place(f".{key}", element) for key, element in words]
    kinds = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] if tree is not None else []
    for key, element in words:
        places = {f.index(key) for kind in kinds if key in (f := _fields(tree, kind.name))}
        found += [Place(f"[{n}]", element) for n in places if len(places) == 1]
    return [*found, Place(REST, rest)]


def _zipped(value: ast.Call, tree: ast.Module | None) -> list[Place]:
    """Return the elements of ``dict(a)`` and of ``dict(zip(NAMES, views))``."""
    inner = value.args[0] if value.args else None
    if not isinstance(inner, ast.Call) or ast.unparse(inner.func) != "zip":
        return [Place(REST, inner)] if inner is not None else []
    if len(inner.args) != 2:
        return []
    keys: ast.expr | None = inner.args[0]
    if isinstance(keys, ast.Name) and tree is not None:
        keys = _constant(tree, keys.id)
    if not isinstance(keys, ast.List | ast.Tuple):
        return []
    numbered = enumerate(keys.elts)
    return [
        Place(f"[{key.value!r}]", ast.Subscript(inner.args[1], ast.Constant(n)))
        for n, key in numbered
        if isinstance(key, ast.Constant)
    ]


@functools.lru_cache(maxsize=64)
def _constant(tree: ast.Module, name: str) -> ast.expr | None:
    """Return what a name of the file is given, if it is given one thing."""
    given = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
    return given[0] if len(given) == 1 else None


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
    called = ast.unparse(source.func).rpartition(".")[2] if isinstance(source, ast.Call) else ""
    if isinstance(source, ast.Call) and called == "zip":
        if isinstance(target, ast.Tuple):
            for name, one in zip(target.elts, source.args, strict=False):
                yield name, one, line
        return
    if isinstance(source, ast.Call) and called in _PAIRING and isinstance(target, ast.Tuple):
        for number, name in enumerate(target.elts):
            yield name, ast.Subscript(source.args[0], ast.Constant(number)), line
        return
    yield target, ast.Call(ast.Name("next"), [source], []), line
