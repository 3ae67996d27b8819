"""From a loss to the expression that made it: the graph of gradients, read from the top.

Autograd keeps every operation on every way from the loss to a parameter. Read down to the outputs
of the watched models, that is all the loss does with them, complete, whoever wrote it. Nodes know
their operation and its sizes, and no tensor is asked of them: that could run a user's hooks, or
compute a checkpointed part again.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.losses.marks import (
    Bank,
    Call,
    Constant,
    Cut,
    Ends,
    Given,
    Learnt,
    Marks,
    Met,
    Node,
    Output,
    Weights,
)
from collapse_doctor.recording.observations import CallSite, Party

__all__ = ["Expression", "TooLarge", "read_graph"]

MOST_NODES = 3_000
DEEPEST = 100
"""Nodes on one way: each takes some of Python's frames, of which the user may need many, too."""
BELOW = 48
"""Nodes of a model that are looked at below its output: whitening is the last thing it does."""

_OPERATIONS: Mapping[str, str] = {
    node: operation
    for operation, nodes in {
        "mean": "Mean",
        "sum": "Sum",
        "neg": "Neg",
        "add": "Add",
        "sub": "Sub",
        "rsub": "Rsub",
        "mul": "Mul",
        "div": "Div",
        "pow": "Pow",
        "abs": "Abs",
        "sqrt": "Sqrt",
        "exp": "Exp",
        "log": "Log",
        "relu": "Relu ClampMin Clamp",
        "softplus": "Softplus",
        "logsigmoid": "LogSigmoid",
        "norm": "Norm LinalgVectorNorm",
        "cdist": "Cdist EuclideanDist",
        "spread": "Var Std VarMean StdMean",
        "same": "View UnsafeView ReshapeAlias Squeeze Unsqueeze T Transpose Permute ToCopy Clone "
        "Select Index Slice Expand Alias Diagonal MaskedSelect Split SplitWithSizes Unbind "
        "Repeat _DDPSink IndexSelect Flip Roll ToDtype",
        "pick": "Max Min Amax Amin Gather Topk Sort MaskedFill",
        "join": "Stack Cat",
        "product": "Mm Bmm Addmm Linear MkldnnLinear Matmul",
        "head": "NativeBatchNorm CudnnBatchNorm MiopenBatchNorm NativeLayerNorm NativeGroupNorm "
        "Gelu Silu Tanh Sigmoid LeakyRelu Elu NativeDropout Prelu",
        "where": "Where",
        "weights": "torch::autograd::AccumulateGrad",
    }.items()
    for node in nodes.split()
}

_WHITENING = re.compile(
    r"Cholesky|Eigh?Back|Svd|Inv|Solve|Qr|Lobpcg|MatrixPower|MatrixExp|Householder|Var|Std"
    r"|CompiledFunction|CheckpointFunction"  # and what cannot be looked into
)
_BATCH_NORM = re.compile(r"BatchNorm")
_MIXING = re.compile(r"[Mm]m|Linear|Convolution|Embedding|AccumulateGrad")


class TooLarge(Exception):  # noqa: N818  (nothing is wrong)
    """Raised where a graph is too large to be read."""


@dataclass(frozen=True, eq=False)
class Expression:
    """One operation of a loss and what went in; ``info`` is what is known of it beside."""

    operation: str
    inputs: tuple[Expression, ...] = ()
    info: Any = None
    site: CallSite | None = None


GIVEN = Expression("given")


def read_graph(loss: Tensor, marks: Marks) -> Expression:
    """Return the expression of a loss.

    Raises
    ------
    TooLarge
        If it has more nodes than may be read between two steps.
    """
    return _Reading(marks).expression(loss.grad_fn, loss.output_nr)


class _Reading:
    """Reads each node once; the nodes are held as long, for their identity."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._known: dict[tuple[int, int], Expression] = {}
        self._held: list[Node] = []
        self._depth = 0

    def expression(self, node: Node, output: int) -> Expression:
        if node is None:
            return GIVEN
        place = (id(node), output)
        if place not in self._known:
            self._held.append(node)
            self._depth += 1
            if len(self._held) > MOST_NODES or self._depth > DEEPEST:
                raise TooLarge
            self._known[place] = self._read(node, output)
            self._depth -= 1
        return self._known[place]

    def _read(self, node: Node, output: int) -> Expression:
        mark = self._marks.of(node, output)
        if isinstance(mark, Output):
            return Expression("rows", info=(mark, _kept_apart(node)))
        if isinstance(mark, Call):
            # Without its nodes: an expression is kept until values have come over.
            bare = replace(mark, inputs=(), cuts=())
            return Expression("call", self._inputs_of(mark), bare)
        name = re.sub(r"Backward\d*(_copy)?$", "", node.name())
        operation = _OPERATIONS.get(name, "other")
        if operation == "weights":
            return Expression("weights")
        inputs = [self.expression(below, nr) for below, nr in node.next_functions]
        if isinstance(mark, Constant):
            # Of a sum with a number the node keeps an empty place, or none at all.
            inputs = [one for one in inputs if one is not GIVEN][:1]
            inputs.append(Expression("number", info=mark.value, site=mark.site))
        elif isinstance(mark, Weights):
            inputs = [one for one in inputs if one is not GIVEN][:1]
            inputs.append(Expression("given", info=mark.values))
        elif isinstance(mark, Learnt) and len(inputs) == 2:
            made = (inputs[mark.place],)
            inputs[mark.place] = Expression("learnt", made, mark.value, mark.site)
        elif isinstance(mark, Ends | Bank):
            inputs = [one for one in inputs if one is not GIVEN][:1]
            inputs.append(Expression("given", info=mark))
        elif isinstance(mark, Cut | Given):
            inputs = [one for one in inputs if one is not GIVEN][:1]
            inputs.insert(mark.place, Expression("given", info=mark))
        if operation == "same" and _takes_columns(node):
            operation = "columns"
        site = mark.site if isinstance(mark, Cut | Met) else None
        return Expression(operation, tuple(inputs), _details(operation, node) or name, site)

    def _inputs_of(self, call: Call) -> tuple[Expression, ...]:
        parties: tuple[Party | None, ...] = call.cuts
        return tuple(
            self.expression(*below) if below is not None else Expression("given", info=party)
            for below, party in zip(call.inputs, parties, strict=True)
        )


def _details(operation: str, node: Node) -> Any:
    """Return the plain numbers of a node that say what it did."""
    if operation in ("mean", "sum"):
        sizes = getattr(node, "_saved_self_sym_sizes", None)
        return sizes, _signed(getattr(node, "_saved_dim", None))
    if node.name() == "PowBackward0":  # with a number as exponent, as are the two below
        return getattr(node, "_saved_exponent", None)
    if node.name() in ("ReluBackward0", "ClampMinBackward0", "ClampBackward1"):
        return getattr(node, "_saved_min", 0.0), getattr(node, "_saved_max", None)
    if operation == "product":
        return getattr(node, "_saved_self_sym_sizes", None)
    return None


def _signed(dims: Any) -> tuple[int, ...] | None:
    """Return dimensions as Python knows them; nodes give -1 as the largest whole number."""
    if dims is None:
        return None
    many = dims if isinstance(dims, tuple) else (dims,)
    return tuple(dim - (1 << 64) if dim >= 1 << 63 else dim for dim in many)


def _takes_columns(node: Node) -> bool:
    """Tell whether a slice takes some of the last dimension: part of each row."""
    sizes = getattr(node, "_saved_self_sym_sizes", None)
    if not re.match(r"Slice|Select|Split", node.name()) or not sizes or len(sizes) < 2:
        return False
    (dim,) = _signed(node._saved_dim) or (0,)
    if dim % len(sizes) != len(sizes) - 1:
        return False
    if not node.name().startswith("Slice"):
        return True
    start, end = _signed(node._saved_start), _signed(node._saved_end)
    whole = not start or start[0] == 0
    return not (whole and end is not None and end[0] >= sizes[-1])


@functools.lru_cache(maxsize=1024)
def _sort_of(name: str) -> tuple[str, bool, bool, bool]:
    """Return the name of a node as it is told, and whether it whitens, normalises, mixes."""
    patterns = (_WHITENING, _BATCH_NORM, _MIXING)
    whitens, normalises, mixes = (pattern.search(name) is not None for pattern in patterns)
    return re.sub(r"Backward\d*$", "", name), whitens, normalises, mixes


def _kept_apart(node: Node) -> tuple[str, ...]:
    """Return what the model itself does to keep its output apart, looking a little below it.

    Whitening anywhere there, and statistics of the batch that nothing follows which could undo
    them: rows of unit variance cannot be one vector.
    """
    waiting: deque[tuple[Node, bool]] = deque([(node, True)])
    seen: dict[int, Node] = {}
    found: dict[str, None] = {}
    while waiting and len(seen) < BELOW:
        here, last = waiting.popleft()
        if here is None or id(here) in seen:
            continue
        seen[id(here)] = here
        short, whitens, normalises, mixes = _sort_of(here.name())
        if whitens or (last and normalises):
            found[short] = None
        last = last and not mixes
        waiting.extend((below, last) for below, _ in here.next_functions)
    return tuple(found)
