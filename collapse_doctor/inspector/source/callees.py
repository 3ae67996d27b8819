"""Which function of a file a call that is written there may mean, and what comes out of it.

Nothing is run: a name is followed to the ``def`` or ``class`` of the same file, a module that is
called to its ``forward``, a loop over a loader to what its data set or generator gives.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from collapse_doctor.inspector.comparing.births import ELEMENT, Assignment, assignments

__all__ = [
    "Function",
    "cached_at",
    "classes",
    "functions_of",
    "gives",
    "is_element",
    "is_generator",
    "kinds_of",
    "methods",
    "stored",
]

Function = ast.FunctionDef | ast.AsyncFunctionDef

_RUNNING = ("forward", "__call__")
_CACHING = frozenset({"lru_cache", "cache", "cached", "cached_property", "memoize"})
_ENTERED = frozenset({"contextmanager", "asynccontextmanager"})
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
    texts, found = [ast.unparse(value)], list[ast.ClassDef]()
    around = _class_around(tree, scope)
    if texts in (["self"], ["cls"]) and around is not None:
        return [around]
    if texts[0] in classes(tree):
        return [classes(tree)[texts[0]]]
    if isinstance(value, ast.Call):
        return _kinds_made(tree, scope, value)
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


def _kinds_made(tree: ast.Module, scope: ast.AST, call: ast.Call) -> list[ast.ClassDef]:
    """Return the classes of what a call returns: it makes one, or is told to by its annotation."""
    text = ast.unparse(call.func)
    if text in classes(tree):
        return [classes(tree)[text]]
    found = []
    for function in functions_of(tree, scope, call):
        told = function.returns
        name = told.value if isinstance(told, ast.Constant) else told and ast.unparse(told)
        if isinstance(name, str) and name in classes(tree):
            found.append(classes(tree)[name])
            continue
        made = [value for value, _ in gives(function) if isinstance(value, ast.Call)]
        names = [ast.unparse(one.func) for one in made]
        own = _class_around(tree, function)
        found += [classes(tree)[one] for one in names if one in classes(tree)]
        found += [own] if own is not None and "cls" in names else []
    return list(dict.fromkeys(found))


def functions_of(tree: ast.Module, scope: ast.AST, call: ast.Call) -> list[Function]:
    """Return the functions of the file that a call may mean, or what decorators made of them."""
    return [wrapped(tree, function) for function in _called(tree, scope, call)]


def wrapped(tree: ast.Module, function: Function) -> Function:
    """Return the function that a decorator of the file puts in a function's place, or itself."""
    for decorator in function.decorator_list:
        maker = _functions(tree).get(ast.unparse(decorator))
        if maker is None:
            continue
        names = {value.id for value, _ in gives(maker) if isinstance(value, ast.Name)}
        inner = [n for n in maker.body if isinstance(n, Function) and n.name in names]
        if len(inner) == 1:
            return inner[0]
    return function


def cached_at(function: Function) -> int | None:
    """Return the line of a decorator that makes equal calls return one thing, or None."""
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] in _CACHING:
            return decorator.lineno
    return None


def is_element(call: ast.Call) -> bool:
    """Tell whether a call stands for what a loop takes from its source."""
    return ast.unparse(call.func) == ELEMENT


def is_generator(function: Function) -> bool:
    """Tell whether calling a function gives several things, one after the other."""
    names = [ast.unparse(decorator) for decorator in function.decorator_list]
    if any(name.rpartition(".")[2] in _ENTERED for name in names):
        return False  # it yields what a block is given
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))


def _called(tree: ast.Module, scope: ast.AST, call: ast.Call) -> list[Function]:
    if is_element(call):
        return _elements(tree, scope, call.args[0])
    function = call.func
    if isinstance(function, ast.Name) and function.id in _functions(tree):
        return [_functions(tree)[function.id]]
    found: list[Function] = []
    is_class = isinstance(function, ast.Name) and function.id in classes(tree)
    for kind in () if is_class else kinds_of(tree, scope, function):  # a module, called
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
        elif isinstance(node, ast.YieldFrom):
            yield ast.Call(ast.Name(ELEMENT), [node.value], []), node.lineno
        waiting += ast.iter_child_nodes(node)
