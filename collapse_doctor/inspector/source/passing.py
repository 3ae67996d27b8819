"""What a call passes to the parameters of a function: by position, by name, or as stars.

``views`` of ``loss(*views)`` passes ``views[0]``, ``views[1]`` and so on; what ``*args`` takes
up are ``args[0]``, ``args[1]``.
"""

from __future__ import annotations

import ast

__all__ = ["bound", "is_parameter"]

MOST_STARRED = 8
"""Elements of a starred argument that are told apart."""


def bound(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, call: ast.Call
) -> dict[str, ast.expr]:
    """Return by the parameter, as it is written in the function, what a call passes.

    Parameters
    ----------
    function, call
        What is called; a method's ``self``, and the ``ctx`` of what is called by ``apply``, are
        passed by Python and PyTorch.

    Examples
    --------
    >>> function = ast.parse("def f(a, *args, **kwargs): pass").body[0]
    >>> call = ast.parse("f(x, y, *views, c=z)", mode="eval").body
    >>> {name: ast.unparse(value) for name, value in list(bound(function, call).items())[:4]}
    {'a': 'x', 'args[0]': 'y', 'args[1]': 'views[0]', 'args[2]': 'views[1]'}
    >>> ast.unparse(bound(function, call)["kwargs['c']"])
    'z'
    """
    given = _positional(call)
    names = _names(function, call)
    found = dict(zip(names, given, strict=False))
    rest = function.args.vararg
    if rest is not None:
        found |= {f"{rest.arg}[{n}]": value for n, value in enumerate(given[len(names) :])}
    known = {*names, *(one.arg for one in function.args.kwonlyargs)}
    words = function.args.kwarg
    for word in call.keywords:
        if word.arg in known:
            found[word.arg] = word.value
        elif word.arg and words is not None:
            found[f"{words.arg}[{word.arg!r}]"] = word.value
    return found | _forwarded(function, call, known - found.keys())


def is_parameter(function: ast.AST, name: str) -> bool:
    """Tell whether a plain name is one of a function's parameters."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return name in [one.arg for one in named if one is not None]


def _names(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, call: ast.Call
) -> list[str]:
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    by_apply = isinstance(call.func, ast.Attribute) and call.func.attr == "apply"
    is_own = names[:1] in (["self"], ["cls"]) or (by_apply and names[:1] == ["ctx"])
    return names[1:] if is_own else names


def _positional(call: ast.Call) -> list[ast.expr]:
    """Return the positional arguments; of a starred one at the end, its first elements."""
    found: list[ast.expr] = []
    for place, argument in enumerate(call.args):
        if not isinstance(argument, ast.Starred):
            found.append(argument)
        elif place == len(call.args) - 1:
            whole = argument.value
            found += [ast.Subscript(whole, ast.Constant(n)) for n in range(MOST_STARRED)]
        else:
            break  # how many elements it has is not known
    return found


def _forwarded(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, call: ast.Call, rest: set[str]
) -> dict[str, ast.expr]:
    """Return what ``**words`` passes: ``words['a']`` for the parameter ``a``."""
    whole = next((word.value for word in call.keywords if word.arg is None), None)
    if whole is None:
        return {}
    words = function.args.kwarg
    found: dict[str, ast.expr] = {n: ast.Subscript(whole, ast.Constant(n)) for n in sorted(rest)}
    if words is not None:
        found[words.arg] = whole
    return found
