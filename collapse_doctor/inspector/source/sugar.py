"""Python's many ways to write one thing, brought to few before source is read.

``chain += [z]`` is ``chain.append(z)``, ``setattr(state, "key", z)`` is ``state.key = z``, what is
awaited is what comes of it. Every statement keeps its line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["sugared_call", "without_sugar"]

_PUTTING = {"put": 1, "put_nowait": 1, "push": 1, "insert": 2}
"""Methods that put their last argument into a store, beside ``append``, and how many they take."""


def without_sugar(tree: ast.Module) -> ast.Module:
    r"""Return a syntax tree in which what means the same is written the same; it is changed.

    Examples
    --------
    >>> ast.unparse(without_sugar(ast.parse("pairs += [z, z]")))
    'pairs.append(z)\npairs.append(z)'
    >>> ast.unparse(without_sugar(ast.parse("f(**{'a': z, 'b': z})")))
    'f(a=z, b=z)'
    """
    rewritten: ast.Module = ast.fix_missing_locations(_Rewriting().visit(tree))
    return rewritten


def sugared_call(call: ast.Call) -> ast.Call:
    """Return a call whose starred arguments are written out, where they are a display.

    Examples
    --------
    >>> ast.unparse(sugared_call(ast.parse("f(*(a, b), **{'c': d})", mode="eval").body))
    'f(a, b, c=d)'
    """
    arguments = [one for argument in call.args for one in _starred(argument)]
    words = [one for word in call.keywords for one in _doubly_starred(word)]
    if len(arguments) == len(call.args) and len(words) == len(call.keywords):
        return call
    return ast.copy_location(ast.Call(call.func, arguments, words), call)


def _starred(argument: ast.expr) -> list[ast.expr]:
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.List | ast.Tuple):
        return argument.value.elts
    return [argument]


def _doubly_starred(word: ast.keyword) -> list[ast.keyword]:
    if word.arg is not None or not isinstance(word.value, ast.Dict):
        return [word]
    pairs = list(zip(word.value.keys, word.value.values, strict=True))
    if not all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key, _ in pairs):
        return [word]
    return [ast.keyword(key.value, value) for key, value in pairs]  # type: ignore[union-attr]


class _Rewriting(ast.NodeTransformer):
    """Rewrites a tree from its leaves upwards."""

    def visit_Await(self, node: ast.Await) -> ast.expr:
        self.generic_visit(node)
        return node.value

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._plain(ast.FunctionDef, node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self._plain(ast.For, node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self._plain(ast.With, node)

    def _plain(self, kind: type[ast.stmt], node: ast.stmt) -> ast.AST:
        self.generic_visit(node)
        fields = {name: getattr(node, name) for name in node._fields}
        return ast.copy_location(kind(**fields), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        node = sugared_call(node)
        text = _text(node.args[1]) if len(node.args) in (2, 3) else None
        if text is not None and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            return ast.copy_location(ast.Attribute(node.args[0], text), node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        found = list(_statements(node.value)) if isinstance(node.value, ast.Call) else []
        # The call stays: a class of the file may have a method of that name.
        return [node, *(ast.copy_location(one, node) for one in found)]

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Add) or not isinstance(node.value, ast.List | ast.Tuple):
            return node
        return [ast.copy_location(_append(node.target, z), node) for z in node.value.elts]

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """Begin each case with what it gives to its names."""
        self.generic_visit(node)
        for case in node.cases:
            given = [
                ast.copy_location(_assign(ast.Name(name), value), pattern)
                for name, value, pattern in _captured(case.pattern, node.subject)
            ]
            case.body = [*given, *case.body]
        return node


def _statements(call: ast.Call) -> Iterator[ast.stmt]:
    """Yield the plain statements of a call that gives something to a part of something."""
    function, args = call.func, call.args
    if isinstance(function, ast.Name) and function.id == "setattr" and len(args) == 3:
        text = _text(args[1])
        if text is not None:
            yield _assign(ast.Attribute(args[0], text), args[2])
    if not isinstance(function, ast.Attribute):
        return
    if function.attr == "extend" and args and isinstance(args[0], ast.List | ast.Tuple):
        yield from (_append(function.value, one) for one in args[0].elts)
    elif args and len(args) == _PUTTING.get(function.attr) and not call.keywords:
        yield _append(function.value, args[-1])
    elif function.attr == "update":
        words = [(word.arg, word.value) for word in call.keywords]
        if args and isinstance(args[0], ast.Dict):
            keyed = zip(args[0].keys, args[0].values, strict=True)
            words += [(_text(key), value) for key, value in keyed]
        for name, value in words:
            if name is not None:
                yield _assign(ast.Subscript(function.value, ast.Constant(name)), value)


def _captured(
    pattern: ast.pattern, subject: ast.expr
) -> Iterator[tuple[str, ast.expr, ast.pattern]]:
    """Yield each name that a pattern captures, and the part of the subject that it is."""
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            yield from _captured(pattern.pattern, subject)
        if pattern.name is not None:
            yield pattern.name, subject, pattern
    for inner, part in _parts(pattern, subject):
        yield from _captured(inner, part)


def _parts(pattern: ast.pattern, subject: ast.expr) -> list[tuple[ast.pattern, ast.expr]]:
    if isinstance(pattern, ast.MatchSequence):
        numbered = enumerate(pattern.patterns)
        return [(one, ast.Subscript(subject, ast.Constant(number))) for number, one in numbered]
    if isinstance(pattern, ast.MatchMapping):
        keyed = zip(pattern.keys, pattern.patterns, strict=True)
        return [(one, ast.Subscript(subject, key)) for key, one in keyed]
    if isinstance(pattern, ast.MatchClass):
        named = zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)
        places = [
            (one, ast.Subscript(subject, ast.Constant(number)))
            for number, one in enumerate(pattern.patterns)
        ]
        return [*places, *((one, ast.Attribute(subject, name)) for name, one in named)]
    return []


def _text(node: ast.expr | None) -> str | None:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else None  # type: ignore[union-attr]


def _append(store: ast.expr, value: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Attribute(store, "append"), [value], []))


def _assign(target: ast.expr, value: ast.expr) -> ast.stmt:
    return ast.Assign([target], value)
