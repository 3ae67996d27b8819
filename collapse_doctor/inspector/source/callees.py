"""Which function of a file a call that is written there may mean, and what comes out of it.

Nothing is run: a name is followed to the ``def`` or ``class`` of the same file, a module that is
called to its ``forward``, a loop over a loader to what its data set or generator gives.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from collapse_doctor.inspector.comparing.births import ELEMENT, Assignment, assignments

__all__ = ["Function", "bound", "classes", "functions_of", "gives", "kinds_of", "methods", "stored"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

_RUNNING = ("forward", "__call__")
_LOADERS = frozenset({"DataLoader", "iter", "list", "tuple", "tqdm", "cycle", "islice"})
MOST_NAMES = 4
"""Names between a call and the class of what is called."""


@functools.lru_cache(maxsize=64)
def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """Return the classes of a file by name."""
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


@functools.lru_cache(maxsize=64)
def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions of a file that are no methods, by name."""
    own = {id(inner) for one in classes(tree).values() for inner in one.body}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {n.name: n for n in ast.walk(tree) if isinstance(n, kinds) and id(n) not in own}


@functools.lru_cache(maxsize=256)
def methods(kind: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the methods of a class by name."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name: node for node in kind.body if isinstance(node, kinds)}


@functools.lru_cache(maxsize=256)
def _class_around(tree: ast.Module, scope: ast.AST) -> ast.ClassDef | None:
    return next((kind for kind in classes(tree).values() if scope in kind.body), None)


@functools.lru_cache(maxsize=512)
def stored(tree: ast.Module, scope: ast.AST) -> tuple[tuple[ast.AST, Assignment], ...]:
    """Return the assignments to parts of ``self`` in the class around a method, with their methods.

    A store is filled in one method and read in another.
    """
    kind = _class_around(tree, scope)
    found = [] if kind is None else [(m, a) for m in methods(kind).values() for a in assignments(m)]
    return tuple((method, a) for method, a in found if a.target.startswith("self."))


def kinds_of(tree: ast.Module, scope: ast.AST, value: ast.expr) -> list[ast.ClassDef]:
    """Return the classes of the file that a value may be of, as far as its making is written."""
    texts, found = [ast.unparse(value)], []
    around = _class_around(tree, scope)
    if texts == ["self"] and around is not None:
        return [around]
    for _ in range(MOST_NAMES):
        wanted, texts = set(texts), []
        scopes = (assignments(scope), assignments(tree))
        known = [a for one in scopes for a in one] + [a for _, a in stored(tree, scope)]
        sources = [*wanted, *(a.source for a in known if a.target in wanted and not a.through)]
        for source in sources:
            name = source.partition("(")[0]
            if "(" in source and name in classes(tree):
                found.append(classes(tree)[name])
            elif source not in wanted:
                texts.append(source)
        if found or not texts:
            break
    return list(dict.fromkeys(found))


def functions_of(tree: ast.Module, scope: ast.AST, call: ast.Call) -> list[Function]:
    """Return the functions of the file that a call may mean."""
    if ast.unparse(call.func) == ELEMENT:
        return _elements(tree, scope, call.args[0])
    function = call.func
    if isinstance(function, ast.Name) and function.id in _functions(tree):
        return [_functions(tree)[function.id]]
    found: list[Function] = []
    for kind in kinds_of(tree, scope, function):  # a module, called
        found += [methods(kind)[name] for name in _RUNNING if name in methods(kind)][:1]
    if isinstance(function, ast.Attribute) and not found:
        owners = kinds_of(tree, scope, function.value)
        found = [methods(kind)[function.attr] for kind in owners if function.attr in methods(kind)]
    return found


def _elements(tree: ast.Module, scope: ast.AST, source: ast.expr) -> list[Function]:
    """Return the functions that make what a loop over ``source`` gets."""
    made = [source]
    if not isinstance(source, ast.Call):
        text = ast.unparse(source)
        known = [*assignments(scope), *assignments(tree)]
        texts = [a.source for a in known if a.target == text and not a.through]
        made = [ast.parse(one, mode="eval").body for one in dict.fromkeys(texts)]
    found: list[Function] = []
    for call in (one for one in made if isinstance(one, ast.Call)):
        name = ast.unparse(call.func).rpartition(".")[2]
        collate = next((word.value for word in call.keywords if word.arg == "collate_fn"), None)
        if collate is not None and ast.unparse(collate) in _functions(tree):
            found.append(_functions(tree)[ast.unparse(collate)])
        elif name in _functions(tree):
            found.append(_functions(tree)[name])
        elif name in _LOADERS and call.args:
            found += _elements(tree, scope, call.args[0])
        elif name in classes(tree):
            own = methods(classes(tree)[name])
            found += [own[method] for method in ("__iter__", "__getitem__") if method in own][:1]
    return found


def gives(function: Function) -> Iterator[tuple[ast.expr, int]]:
    """Yield what a function returns or yields, with the lines."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value, node.lineno
        waiting += ast.iter_child_nodes(node)


def bound(function: Function, call: ast.Call) -> dict[str, ast.expr]:
    """Return by the name of the parameter what a call passes."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    whole = any(isinstance(argument, ast.Starred) for argument in call.args)
    given = {} if whole else dict(zip(names, call.args, strict=False))
    return given | {word.arg: word.value for word in call.keywords if word.arg}
