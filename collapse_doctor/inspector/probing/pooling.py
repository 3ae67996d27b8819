"""The line of a model at which positions are mixed without a mask, read in its source.

Read in the order of the program: the first that mixes positions and names no mask. It is where to
look, and not proved: which of several it is, only its author can say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from torch import nn

from collapse_doctor.inspector.probing.sources import Method, forwards_of
from collapse_doctor.recording.observations import CallSite

__all__ = ["line_of_mixing"]

_MASK = re.compile(r"mask|pad|len|valid", re.I)
"""What masks and lengths are called; a name that such a one was multiplied into is one as well."""
_POOLING = frozenset({"mean", "sum", "max", "amax", "logsumexp", "nanmean", "median"})
_MASKING = frozenset({"masked_fill", "masked_fill_", "where", "pack_padded_sequence"})
_POSITIONS = (1, -2)
"""Where positions stand in (B, T, D)."""
_ATTENTION = (
    nn.MultiheadAttention,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
    nn.Transformer,
)


def line_of_mixing(model: nn.Module) -> CallSite | None:
    """Return the line that mixes positions without a mask, else that of the model's ``forward``."""
    methods = list(forwards_of(model))
    for method in methods:
        line = next(_unmasked(method), None)
        if line is not None:
            return method.site(line)
    return methods[0].site() if methods else None


def _unmasked(method: Method) -> Iterator[int]:
    """Yield the lines of a ``forward`` that mix positions and name no mask, in their order."""
    masked: set[str] = set()
    simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
    statements = [node for node in ast.walk(method.tree) if isinstance(node, simple)]
    for statement in sorted(statements, key=lambda one: one.lineno):
        bare = _mixes(statement, method.module) and not _names_mask(statement, masked)
        if bare or _divides_by_all(statement):
            yield statement.lineno
        if _applies_mask(statement, masked):
            masked |= _targets(statement)


def _mixes(statement: ast.stmt, module: nn.Module) -> bool:
    return any(_is_mixing(node, module) for node in ast.walk(statement))


def _is_mixing(node: ast.AST, module: nn.Module) -> bool:
    if isinstance(node, ast.Subscript):  # the last position of all: h[:, -1]
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        return len(index) in (2, 3) and isinstance(index[0], ast.Slice) and _number(index[1]) == -1
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "self":
            return isinstance(module._modules.get(node.func.attr), _ATTENTION)
        if node.func.attr in _POOLING:
            return any(_number(dim) in _POSITIONS for dim in _dims(node))
        return node.func.attr in ("softmax", "scaled_dot_product_attention")
    return isinstance(node.func, ast.Name) and "softmax" in node.func.id


def _dims(call: ast.Call) -> Iterator[ast.expr]:
    named = [word.value for word in call.keywords if word.arg in ("dim", "axis")]
    for given in (*named, *call.args[:2]):
        yield from given.elts if isinstance(given, ast.Tuple) else [given]


def _number(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _divides_by_all(statement: ast.stmt) -> bool:
    """Tell whether something is divided by the padded length: ``x.shape[1]``, ``x.size(1)``.

    A mean does so, whatever was masked before, unless it is divided by another one.
    """
    means = [node for node in ast.walk(statement) if _is_mean(node)]
    if len(means) == 1:
        return True
    for node in ast.walk(statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            text = ast.unparse(node.right)
            if re.fullmatch(r"[\w.]+(\.shape\[(1|-2)\]|\.size\((1|-2)\))", text):
                return True
    return False


def _is_mean(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    kept = any(word.arg == "keepdim" for word in node.keywords)  # to centre, or to normalise
    return (
        node.func.attr == "mean" and not kept and any(_number(d) in _POSITIONS for d in _dims(node))
    )


def _names_mask(node: ast.AST, masked: set[str]) -> bool:
    names = filter(None, map(_name, ast.walk(node)))
    return any(name in masked or _MASK.search(name) for name in names)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.keyword):
        return "" if _is_none(node.value) else node.arg or ""
    return ""


def _applies_mask(statement: ast.stmt, masked: set[str]) -> bool:
    """Tell whether a mask is multiplied in, filled in or added: not merely handed to a layer."""
    for node in ast.walk(statement):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides = list(node.args) if node.func.attr in _MASKING else []
        if any(_names_mask(side, masked) for side in sides):
            return True
    return False


def _targets(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
