"""Forward passes of the present: what each was given, how it was called, and what it gave.

Two passes of one network over equal inputs give equal outputs, unless something random stands
between: then two views that were to differ are one. Inputs are kept as fingerprints, and whether
two passes were given one object is known by tokens; no input is kept alive.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.comparing.names import MOST_LEVELS, is_direct
from collapse_doctor.inspector.comparing.prints import Fingerprint
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.outputs import is_plain, tensors_in
from collapse_doctor.inspector.pacing.later import Transfer, send
from collapse_doctor.inspector.source.callsite import Still, call_at, still

__all__ = [
    "Call",
    "Passes",
    "Run",
    "apart",
    "are_bound",
    "are_twins",
    "equal_inputs",
    "frames",
    "is_doubled",
    "two_views",
]

MOST_INPUTS = 8
SAMPLE = 256
"""Values of each half of a batch that are held against the other half's."""
MOST_ROWS = 16
"""Rows of each half that these are taken from; of long rows fewer, for they may be copied."""
MOST_VALUES = 1 << 14
MOST_TOKENS = 256

# Calls that move or cast a tensor: written around an input they make no other view of it.
_MOVING = frozenset(
    {"to", "cuda", "cpu", "float", "half", "double", "bfloat16", "contiguous", "clone", "detach"}
    | {"tensor", "as_tensor", "from_numpy", "next", "requires_grad_"}
)


@dataclass(frozen=True)
class Call:
    """How a forward pass is written: the callee, its arguments, and the frame it stands in."""

    callee: str
    arguments: tuple[str, ...]
    made: bool
    frame: Still


@dataclass(frozen=True)
class _Given:
    """One tensor that went into a pass; equal tokens are one object. ``learns``: by a gradient."""

    token: int
    seal: Fingerprint
    learns: bool = False


@dataclass(frozen=True, eq=False)
class Run:
    """One forward pass of a watched model.

    ``module`` is the identity of the object that ran, which a shallow copy of a model does not
    share; ``outputs`` are fingerprints by name, and ``halves`` samples of the two halves and of
    the even and odd rows of the first input. ``training`` is the mode it ran in, ``code`` that
    of the model's ``forward``.
    """

    model: str
    forward: int
    module: int
    inputs: tuple[_Given, ...]
    halves: Transfer | None
    call: Call | None
    training: bool = True
    code: CodeType | None = None
    outputs: dict[str, Fingerprint] = field(default_factory=dict)

    def gives_alike(self, other: Run) -> bool:
        """Tell whether gradients go on to the inputs of both passes, or to those of neither."""
        return [one.learns for one in self.inputs] == [one.learns for one in other.inputs]


class Passes:
    """Makes a :class:`Run` of each forward pass that is looked at."""

    def __init__(self) -> None:
        self._tokens: Trail[int] = Trail()
        self._count = itertools.count()

    def ran(
        self, model: str, forward: int, module: nn.Module, inputs: Any, frame: FrameType | None
    ) -> Run:
        """Return what is to be known of a pass that is just over.

        Parameters
        ----------
        model, forward, module
            Which model, its how many-th pass, and the object that ran.
        inputs
            Its arguments, nested as they are.
        frame
            The user's frame that ran it.
        """
        if len(self._tokens) > MOST_TOKENS:
            self._tokens.sweep()
        found = (tensor for _, tensor in tensors_in(inputs, "inputs"))
        plain = [t for t in found if is_plain(t) and t.numel()][:MOST_INPUTS]
        given = tuple(
            _Given(self._token(tensor), Fingerprint(tensor), tensor.requires_grad)
            for tensor in plain
        )
        halves = _halves(plain[0]) if plain else None
        call = _written(frame) if frame is not None else None
        code = getattr(inspect.unwrap(type(module).forward), "__code__", None)
        return Run(model, forward, id(module), given, halves, call, module.training, code)

    def _token(self, tensor: Tensor) -> int:
        token = self._tokens.of(tensor)
        if token is None:
            token = next(self._count)
            self._tokens.put(tensor, token)
        return token


def are_twins(one: Run, other: Run) -> bool:
    """Tell whether two passes of one model were given equal inputs and gave equal outputs.

    Waits for fingerprints: to be asked when they have come over from the device.
    """
    inputs = list(zip(one.inputs, other.inputs, strict=False))
    if one.model != other.model or len(one.inputs) != len(other.inputs) or not inputs:
        return False
    if not all(mine.seal.agrees_with(theirs.seal) for mine, theirs in inputs):
        return False
    if all(mine.seal.is_constant for mine, _ in inputs):
        return False
    outputs = [(seal, other.outputs.get(name)) for name, seal in one.outputs.items()]
    varied = [pair for pair in outputs if not pair[0].is_constant]
    return bool(varied) and all(seal.agrees_with(theirs) for seal, theirs in varied)


def two_views(one: Run, other: Run) -> bool:
    """Tell whether the inputs of two passes were meant as two: other objects, or written so."""
    tokens = [[given.token for given in run.inputs] for run in (one, other)]
    if tokens[0] != tokens[1]:
        return True
    first, second = one.call, other.call
    if first is None or second is None:
        return False
    return first.arguments != second.arguments or (first.made and second.made)


def are_bound(one: Run, other: Run) -> bool:
    """Tell whether two passes cannot but agree: in eval mode, over the very same objects."""
    tokens = [[given.token for given in run.inputs] for run in (one, other)]
    return tokens[0] == tokens[1] and not one.training and not other.training


def equal_inputs(run: Run) -> tuple[int, int] | None:
    """Return the places of two inputs of equal values, masks and constants aside, or None."""
    seals = [(place, given.seal) for place, given in enumerate(run.inputs)]
    telling = [(place, seal) for place, seal in seals if _is_telling(seal.values)]
    pairs = itertools.combinations(telling, 2)
    return next(((a[0], b[0]) for a, b in pairs if a[1].agrees_with(b[1])), None)


def is_doubled(run: Run) -> bool:
    """Tell whether the batch was one half twice, one after the other or in turns."""
    if run.halves is None:
        return False
    for first, second in run.halves.read()[0].unflatten(0, (2, 2)).unbind(0):
        if torch.equal(first, second) and _is_telling(first):
            return True
    return False


def _is_telling(values: Tensor) -> bool:
    """Tell whether values are more than a mask: of any dtype, complex ones included."""
    return len(set(values.tolist())) > 2


def _halves(tensor: Tensor) -> Transfer | None:
    """Send samples of the first and second half of the rows, and of the even and the odd ones."""
    rows = tensor.shape[0] if tensor.dim() > 1 else 0
    if rows < 4 or rows % 2:
        return None
    half, values = rows // 2, tensor.detach()
    few = max(1, min(half, MOST_ROWS, MOST_VALUES // max(1, values[0].numel())))
    step = half // few
    starts = ((0, step), (half, step), (0, 2 * step), (1, 2 * step))
    parts = [values[start::apart][:few].reshape(-1) for start, apart in starts]
    stride = (parts[0].numel() // SAMPLE) | 1
    return send([torch.stack([part[: stride * SAMPLE : stride] for part in parts])])


def _written(frame: FrameType) -> Call | None:
    node = call_at(frame)
    if not isinstance(node, ast.Call) or not is_direct(frame):
        return None
    return Call(*_read(node), _bare(still(frame, MOST_LEVELS)))


@functools.lru_cache(maxsize=64)
def _read(node: ast.Call) -> tuple[str, tuple[str, ...], bool]:
    """Return what a call calls, its arguments as written, and whether one of them is made in it."""
    arguments = [*node.args, *(word.value for word in node.keywords)]
    if ast.unparse(node.func).rpartition(".")[2] == "functional_call" and len(arguments) > 2:
        given = arguments[2]  # after the model and its weights
        arguments = given.elts if isinstance(given, ast.Tuple) else [given]
    made = any(_makes(call) for argument in arguments for call in ast.walk(argument))
    return ast.unparse(node.func), tuple(ast.unparse(argument) for argument in arguments), made


def _makes(node: ast.AST) -> bool:
    """Tell whether an expression is a call that gives something new, such as an augmentation."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    return name not in _MOVING


def _bare(frame: Still) -> Still:
    """Return a frame without its global names: it is kept as long as an output is."""
    back = _bare(frame.f_back) if frame.f_back is not None else None
    return frame._replace(f_globals={}, f_builtins={}, f_back=back)


def apart(one: Call, other: Call) -> tuple[Call, Call]:
    """Return the calls that led to two passes, at the level at which they part.

    A helper or a method that runs the model, ``def embed(x): return model(x)``, makes both at one
    line: what tells them apart are its callers.
    """
    for mine, theirs in zip(frames(one), frames(other), strict=False):
        if mine.f_code is not theirs.f_code:
            break
        if mine.f_lasti != theirs.f_lasti:
            nodes = call_at(mine), call_at(theirs)
            if not isinstance(nodes[0], ast.Call) or not isinstance(nodes[1], ast.Call):
                break
            return Call(*_read(nodes[0]), mine), Call(*_read(nodes[1]), theirs)
    return one, other


def frames(call: Call) -> Iterator[Still]:
    """Yield the frame of a call and those that called it, from the innermost outwards."""
    frame: Still | None = call.frame
    while frame is not None:
        yield frame
        frame = frame.f_back
