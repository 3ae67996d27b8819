"""The way back of a column along what hands its shape on: the operand, never an index or a mask."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from collapse_doctor.leads.bindings import Site, callees, definitions
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import results
from collapse_doctor.leads.values import value_of

__all__ = ["Made", "made_at"]

DEEPEST = 12
"""Names followed and functions entered."""
MOST = 200
"""Expressions looked at for one question."""

_WIDENING = frozenset({"unsqueeze", "expand_dims", "atleast_2d", "unsqueeze_", "column_stack"})
_SHAPING = frozenset({"view", "reshape", "reshape_", "resize"})
_FACTORIES = frozenset({"rand", "randn", "ones", "zeros", "randint", "full", "empty"})
_LAYERS = frozenset({"Linear", "LazyLinear", "Conv1d", "Bilinear", "Embedding", "EmbeddingBag"})
_LIBRARIES = frozenset({"torch", "np", "numpy", "F", "nn", "functional", "jnp", "pd", "linalg"})
_JOINING = frozenset(
    {"sub", "add", "mul", "div", "rsub", "maximum", "minimum", "where", "subtract", "multiply"}
)
_REDUCING = frozenset(
    {
        *("sum", "mean", "amax", "amin", "max", "min", "norm", "argmax", "argmin", "prod", "var"),
        *("std", "median", "logsumexp", "all", "any", "cosine_similarity", "pairwise_distance"),
        *("squeeze", "squeeze_", "flatten", "ravel", "item", "tolist", "diagonal", "diag"),
    }
)
_OF_SHAPES = frozenset({"shape", "size", "ndim", "dtype", "device", "grad"})
_ARITHMETIC = (ast.BinOp, ast.UnaryOp)


class Made(NamedTuple):
    """Where a column was made; ``stored`` where it was laid out as one, or is what a layer gives.

    ``computed`` is the line of the operand's own function that made something new of it.
    """

    line: int
    stored: bool
    given: int | None
    computed: int | None


class _Step(NamedTuple):
    site: Site
    depth: int = 0
    given: int | None = None
    computed: int | None = None
    home: ast.AST | None = None
    item: bool = False


def made_at(program: Program, start: Site) -> Made | None:
    """Return where the shape of an expression became that of a column, if one place did it."""
    waiting = deque([_Step(start, home=program.scope(start.node))])
    seen: set[tuple[int, int]] = set()
    found: dict[int, Made] = {}
    while waiting and len(seen) < MOST:
        step = waiting.popleft()
        site = step.site
        key = (id(site.node), id(site.call.node) if site.call else 0)
        if key in seen or step.depth > DEEPEST:
            continue
        seen.add(key)
        kind = _made_by(program, site, item=step.item)
        if kind is None:
            waiting.extend(_before(program, step))
        else:
            made = Made(site.node.lineno, kind == "stored", step.given, step.computed)
            found.setdefault(made.line, made)
    # What was made a column beside one that is stored so was to meet it.
    every = list(found.values())
    return every[0]._replace(stored=any(one.stored for one in every)) if every else None


def _made_by(program: Program, site: Site, *, item: bool) -> str | None:
    """Tell whether an operation makes a column: "written" where it was asked to, else "stored".

    Of an ``item`` of a data set a vector of one number is enough: a batch of them is a column.
    """
    node = site.node
    if item and _is_single(node):
        return "written"
    if isinstance(node, ast.Subscript):
        return "written" if _picks_a_column(node) else None
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        rows = isinstance(node.elt, ast.List | ast.Tuple) and len(node.elt.elts) == 1
        return "written" if rows else None
    if not isinstance(node, ast.Call):
        return None
    name = name_of(node.func)
    if name in _WIDENING or any(_keeps(word) for word in node.keywords):
        return "written"
    numbers = [value_of(program, site._replace(node=one, part=False)) for one in _sizes(node, name)]
    last = numbers[-1] if numbers else None
    if name in ("topk", "split", "kthvalue"):
        return "written" if last is not None and last.value == 1.0 and name != "kthvalue" else None
    if len(numbers) < 2 or last is None or last.value != 1.0:
        return None
    return "written" if name in _SHAPING else "stored"


def _is_single(node: ast.expr) -> bool:
    """Tell whether an expression is a vector of one number: ``y.view(1)``, ``tensor([y])``."""
    if isinstance(node, ast.List):
        return len(node.elts) == 1
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        first, end = node.slice.lower, node.slice.upper
        return (
            first is not None
            and end is not None
            and ast.unparse(end) == f"{ast.unparse(first)} + 1"
        )
    shaped = isinstance(node, ast.Call) and name_of(node.func) in _SHAPING
    return shaped and [ast.unparse(one) for one in node.args] in (["1"], ["(1,)"])  # type: ignore[attr-defined]


def _keeps(word: ast.keyword) -> bool:
    is_true = isinstance(word.value, ast.Constant) and word.value.value is True
    return word.arg in ("keepdim", "keepdims") and is_true


def _picks_a_column(node: ast.Subscript) -> bool:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    listed = any(isinstance(part, ast.List) and len(part.elts) == 1 for part in parts)
    sliced = len(parts) == 2 and all(isinstance(part, ast.Slice) for part in parts)
    new = any(
        (isinstance(part, ast.Constant) and part.value is None) or name_of(part) == "newaxis"
        for part in parts[1:] or parts
    )
    return listed or sliced or (new and len(parts) > 1)


def _sizes(node: ast.Call, name: str) -> list[ast.expr]:
    """Return the numbers that say how wide the result of a call is."""
    is_function = _is_library(node)
    if name in ("topk", "split"):
        place = 1 if is_function else 0
        words = [
            word.value for word in node.keywords if word.arg in ("k", "split_size_or_sections")
        ]
        return words or node.args[place : place + 1]
    if name in _LAYERS:
        return [*node.args[:2], *(w.value for w in node.keywords if w.arg == "out_features")]
    if name not in _FACTORIES | _SHAPING:
        return []
    shapes = [one for one in node.args if isinstance(one, ast.Tuple | ast.List)]
    words = [w.value for w in node.keywords if w.arg in ("size", "shape")]
    shapes += [one for one in words if isinstance(one, ast.Tuple)]
    if shapes:
        return shapes[-1].elts
    return node.args[1:] if is_function and name in _SHAPING else list(node.args)


def _is_library(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and name_of(node.func.value) in _LIBRARIES


def _before(program: Program, step: _Step) -> Iterator[_Step]:
    """Yield what an expression has its shape from."""
    site, node = step.site, step.site.node
    for one in definitions(program, site)[:3]:
        local = one.call is site.call and program.scope(one.node) is step.home
        new = local and not one.part and step.computed is None and _is_computed(one.node)
        computed = one.node.lineno if new else step.computed
        if site.part and not one.part:  # of what goes through the loop it is still that part
            one = one._replace(part=True, place=site.place)
        yield step._replace(site=one, depth=step.depth + 1, computed=computed)
    for call in callees(program, site):
        for result in results(call.function):
            inner = Site(_element(result, site.place), call, result.lineno)
            given = step.given if step.given is not None else result.lineno
            yield step._replace(site=inner, depth=step.depth + 1, given=given)
        return
    for below in _carrying(node, site.place):
        part = site.part and isinstance(below, ast.Call | ast.Name)
        deeper = site._replace(node=below, part=part)
        yield step._replace(site=deeper)
    if isinstance(node, ast.Call):
        yield from _elements_of(program, step, node)
        if not _is_library(node):
            for module in definitions(program, site._replace(node=node.func, part=False))[:3]:
                yield step._replace(site=module, depth=step.depth + 1)


def _elements_of(program: Program, step: _Step, node: ast.Call) -> Iterator[_Step]:
    """Yield what a collection gives out, of which a loader or a loop makes batches."""
    for word in node.keywords:
        made = program.functions.get(name_of(word.value), []) if word.arg == "collate_fn" else []
        for result in (one for function in made[:1] for one in results(function)):
            inner = Site(_element(result, step.site.place), None, result.lineno)
            yield step._replace(site=inner, depth=step.depth + 1)
    kind = program.classes.get(name_of(node.func))
    for name in ("__getitem__", "__iter__", "__next__") if kind is not None else ():
        method = program.method(kind, name) if kind is not None else None
        for result in results(method) if method is not None else ():
            inner = Site(_element(result, step.site.place), None, result.lineno)
            item = name == "__getitem__"
            yield step._replace(site=inner, depth=step.depth + 1, item=item)


def _element(value: ast.expr, place: int | None) -> ast.expr:
    if place is None or not isinstance(value, ast.Tuple | ast.List) or place >= len(value.elts):
        return value
    return value.elts[place]


def _is_computed(node: ast.expr) -> bool:
    """Tell whether an expression makes something new by arithmetic, and calls no network for it."""
    below = node
    while isinstance(below, ast.Call) and isinstance(below.func, ast.Attribute):
        below = below.func.value
    return isinstance(below, _ARITHMETIC)


def _carrying(node: ast.expr, place: int | None) -> list[ast.expr]:
    """Return the parts of an expression that it has its shape from."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp | ast.Starred):
        return [node.operand if isinstance(node, ast.UnaryOp) else node.value]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Attribute):
        return [] if node.attr in _OF_SHAPES else [node.value]
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        numbers = [p for p in parts[1:] if isinstance(p, ast.Constant) and isinstance(p.value, int)]
        return [] if numbers else [node.value]
    if isinstance(node, ast.Tuple | ast.List):
        return [node.elts[place]] if place is not None and place < len(node.elts) else []
    if isinstance(node, ast.Call):
        return _carried_by(node)
    return []


def _carried_by(node: ast.Call) -> list[ast.expr]:
    name = name_of(node.func)
    flat = name in _SHAPING and len(node.args) == 1 and not isinstance(node.args[0], ast.Tuple)
    if flat or name in _REDUCING:
        return []
    if name in ("gather", "take_along_dim"):  # as many as the index asks for
        return node.args[-1:]
    if isinstance(node.func, ast.Attribute) and not _is_library(node):
        return [node.func.value, *(node.args if name in _JOINING else ())]
    if name in ("where", "Sequential"):
        return node.args[1:3] if name == "where" else node.args[-1:]
    return node.args[: 2 if name in _JOINING else 1]
