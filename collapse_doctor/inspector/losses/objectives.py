"""What a training minimises, seen at ``backward``: the loss, its terms, its value at collapse."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.carrying import COLUMNS
from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.comparing.vocabulary import HEADS
from collapse_doctor.inspector.losses.arithmetic import meaning_of
from collapse_doctor.inspector.losses.factors import Factors, added_to
from collapse_doctor.inspector.losses.graph import Expression, TooLarge, read_graph
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
    Output,
    Weights,
)
from collapse_doctor.inspector.losses.meaning import Meaning
from collapse_doctor.inspector.losses.words import CALLS, Known, ends_of, is_few
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import CallSite, Objective, Party

__all__ = ["LOSSES", "Objectives"]

BORN = 64
"""Outputs of which it is remembered that they took a gradient."""

LINES = 16
"""Operations from the loss downwards among which its line is looked for."""
_OF_NUMBERS = frozenset({"add", "sub", "rsub", "mul", "div", "neg", "sum", "mean", "same", "join"})

MOST_WEIGHTS = 4096
"""Numbers of labels or of a mask that are copied."""

MOST_GIVEN = 1 << 24
"""Given numbers that are looked through on their device, which costs less than the product."""

_PRODUCTS: frozenset[Callable[..., Any]] = frozenset(
    {torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__}
)
_QUOTIENTS: frozenset[Callable[..., Any]] = frozenset(
    {torch.div, Tensor.div, torch.true_divide, Tensor.__truediv__, Tensor.true_divide}
)
_DIFFERENCES: frozenset[Callable[..., Any]] = frozenset(
    {torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__}
)
_SUMS: frozenset[Callable[..., Any]] = frozenset(
    {torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__}
)
_EITHER_WAY = _PRODUCTS | _SUMS
_PAIRING = _PRODUCTS | {torch.sub, Tensor.sub, Tensor.__sub__}
_BACKWARD: frozenset[Callable[..., Any]] = frozenset({Tensor.backward, torch.autograd.backward})
_ARITHMETIC: frozenset[Callable[..., Any]] = frozenset(
    {
        *(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.add_, Tensor.__iadd__),
        *(torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__, torch.rsub),
        *(torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__),
        *(torch.div, Tensor.div, torch.true_divide, Tensor.__truediv__, Tensor.__itruediv__),
        *(Tensor.true_divide, Tensor.mul_, Tensor.div_, Tensor.__imul__, Tensor.sub_),
        Tensor.__isub__,
    }
)
_REDUCTIONS: frozenset[Callable[..., Any]] = frozenset(
    {torch.mean, Tensor.mean, torch.sum, Tensor.sum}
)
_MATRICES: frozenset[Callable[..., Any]] = frozenset(
    {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, F.linear}
)
LOSSES: frozenset[Callable[..., Any]] = _ARITHMETIC.union(CALLS, _REDUCTIONS, _BACKWARD, _MATRICES)
"""The functions that this is to be told of."""

_PURE = frozenset(
    {
        *("detach", "detach_", "data", "clone", "contiguous", "to", "type", "float", "half"),
        *("double", "bfloat16", "requires_grad_", "view", "view_as", "reshape", "flatten"),
        *("squeeze", "unsqueeze", "transpose", "t", "T", "permute", "__getitem__", "chunk"),
        *("split", "unbind", "narrow", "select", "index_select", "normalize", "expand"),
    }
)
"""What leaves the rows of an output what they are."""
_LAYERS = frozenset(HEADS.values())


class Objectives:
    """Turns calls seen by the mode into :class:`Objective` observations, one for each backward."""

    def __init__(
        self,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        emit: Callable[[Objective], None],
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        self._later = later
        self._emit = emit
        self._marks = Marks()
        self._factors = Factors()
        self._learning: deque[tuple[str, str, int]] = deque(maxlen=BORN)

    def born(self, model: str, rows: Sequence[tuple[str, Tensor]]) -> None:
        """Mark the embeddings that a model has returned."""
        for layer, tensor in rows:
            if tensor.requires_grad:
                self._marks.put(tensor, Output(model, layer, tensor.shape[-1]))
                self._learning.append((model, layer, self._moment.forwards_of(model)))

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``LOSSES``."""
        if func in _BACKWARD:
            self._backward(args, kwargs)
        elif isinstance(result, Tensor) and result.grad_fn is not None and is_plain(result):
            if func in CALLS:
                self._called(CALLS[func], args, kwargs, result)
            elif func in _REDUCTIONS:
                if result.dim() == 0:
                    self._marks.put(result, Met(_site()))
            elif func in _MATRICES:
                self._multiplied(func, args, kwargs, result)
            elif len(args) == 2 and not kwargs:
                self._calculated(func, args[0], args[1], result)

    # While the loss is computed

    def _called(
        self, known: Known, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> None:
        given = known.bind(args, kwargs)
        operands = [given.get(name) for name in known.operands]
        tensors = [one for one in operands if isinstance(one, Tensor) and is_plain(one)]
        if len(tensors) < len(operands):
            return
        numbers, kept = known.kept(given, result)
        nodes = tuple(_node(tensor) for tensor in tensors)
        parties = tuple(self._cut(tensor) for tensor in tensors)
        call = Call(known.name, nodes, parties, numbers, tuple(kept), _site())
        self._marks.put(result, call)

    def _calculated(self, func: Callable[..., Any], one: Any, second: Any, result: Tensor) -> None:
        """Note the number, or the side that takes no gradient, of a sum or a product."""
        if isinstance(one, Tensor) and _is_number(second):
            value = second.detach().clone() if isinstance(second, Tensor) else float(second)
            self._marks.put(result, Constant(value, _site()))
        elif isinstance(second, Tensor) and _is_number(one) and func in _EITHER_WAY:
            self._marks.put(result, Constant(one.detach().clone(), _site()))
        elif isinstance(one, Tensor) and isinstance(second, Tensor):
            self._met(func, one, second, result)

    def _multiplied(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Tensor,
    ) -> None:
        """Note how long the rows of a given matrix are, such as those of a queue, at most."""
        sides = [side for side in args if isinstance(side, Tensor)]
        if len(sides) != 2 or kwargs or any(isinstance(one, nn.Parameter) for one in sides):
            return
        one, second = sides
        if one.dim() != 2 or second.dim() != 2 or one.requires_grad == second.requires_grad:
            return
        given = second if one.requires_grad else one
        if not is_plain(given) or not given.is_floating_point() or given.numel() > MOST_GIVEN:
            return
        dim = 1 if given is one or func is F.linear else 0
        longest = _longest(given, dim)
        if longest is not None:
            self._marks.put(result, Bank(longest))

    def _met(self, func: Callable[..., Any], one: Tensor, second: Tensor, result: Tensor) -> None:
        if one.requires_grad == second.requires_grad:
            place = _learnt(func, one, second)
            if place is not None:
                number = (one, second)[place].detach().reshape(-1).clone()
                self._marks.put(result, Learnt(number, place, _site()))
            if func in _PAIRING and one.dim() > 1 and one.shape == second.shape:
                self._marks.put(result, Met(_site()))
            return
        place = 1 if one.requires_grad else 0
        given = second if place else one
        party = self._cut(given) if one.dim() > 1 and one.shape == second.shape else None
        if party is not None:
            longest = None
            if func in _PRODUCTS and given.is_floating_point():
                longest = _longest(given, -1)
            self._marks.put(result, Cut(place, party, _site(), longest))
        elif func in _DIFFERENCES and one.shape == second.shape and is_few(given):
            # ``Tensor.__rsub__`` takes the first from the second.
            turned = func is Tensor.__rsub__
            self._marks.put(result, Given(ends_of(given), 1 - place if turned else place))
        elif is_plain(given) and (func in _PRODUCTS or (func in _QUOTIENTS and place)):
            if given.is_complex():
                return
            if given.numel() <= MOST_WEIGHTS:
                self._marks.put(result, Weights(given.detach().float().clone()))
            elif given.numel() <= MOST_GIVEN:
                self._marks.put(result, Ends(ends_of(given)))

    def _cut(self, tensor: Tensor) -> Party | None:
        """Return the output that a tensor without a gradient is, if it is one and no other."""
        if tensor.requires_grad or not is_plain(tensor):
            return None
        known = self._provenance.of(tensor)
        if known is None or COLUMNS in known.origin.path:
            return None
        origin, path = known.origin, known.origin.path
        if not _PURE.union(_LAYERS).issuperset(path):
            return None
        return Party(
            origin.model,
            origin.layer,
            heads=path.count("linear"),
            cut=True,
            past=origin.step < self._moment.step,
            fixed=(origin.model, origin.layer, origin.forward) not in self._learning,
        )

    # When it is minimised

    def _backward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tensors = args[0] if args else kwargs.get("tensors", kwargs.get("self"))
        handed = args[1] if len(args) > 1 else kwargs.get("gradient", kwargs.get("grad_tensors"))
        for loss in tensors if isinstance(tensors, list | tuple) else (tensors,):
            if isinstance(loss, Tensor) and is_plain(loss) and loss.grad_fn is not None:
                self._minimised(loss, handed=handed is not None or loss.numel() != 1)

    def _minimised(self, loss: Tensor, *, handed: bool) -> None:
        try:
            expression = read_graph(loss, self._marks)
        except (TooLarge, RecursionError):
            expression = Expression("other", info="a graph too large to be read")
        if handed:
            expression = Expression("other", (expression,), "a gradient that was handed in")
        expression, scale = _unscaled(expression)
        wanted = [*_tensors(expression), *([scale] if scale is not None else [])]
        value = loss.detach().mean().clone()
        told = partial(self._understood, self._moment.step, self._moment.forward)
        self._later.put([value, *wanted], lambda values: told(expression, wanted, scale, values))

    def _understood(
        self,
        step: int,
        forward: int,
        expression: Expression,
        wanted: Sequence[Tensor],
        scale: Tensor | None,
        values: Sequence[Tensor],
    ) -> None:
        """Tell what a loss was, now that the numbers in it are here."""
        arrived = {
            id(tensor): [float(number) for number in value.reshape(-1).tolist()]
            for tensor, value in zip(wanted, values[1:], strict=True)
        }
        found = meaning_of(expression, lambda tensor: arrived[id(tensor)])
        factors = self._factors.of(expression, lambda tensor: arrived[id(tensor)])
        added = added_to(expression, lambda tensor: arrived[id(tensor)])
        factor = arrived[id(scale)][0] if scale is not None else 1.0
        loss = float(values[0]) / factor if factor else math.nan
        told = _objective(step, forward, loss, found, _line_of(expression))
        self._emit(msgspec.structs.replace(told, factors=factors, added=added))


def _learnt(func: Callable[..., Any], one: Tensor, second: Tensor) -> int | None:
    """Return which side of a product or quotient is a single number, if the other one is not."""
    sizes = [side.numel() if is_plain(side) and side.dim() < 2 else 2 for side in (one, second)]
    if sizes[1] == 1 and one.numel() > 1 and func in _PRODUCTS | _QUOTIENTS:
        return 1
    return 0 if sizes[0] == 1 and second.numel() > 1 and func in _PRODUCTS else None


def _longest(rows: Tensor, dim: int) -> Tensor | None:
    """Return the length of the longest of some rows; none of what has no rows."""
    if not rows.numel():
        return None
    lengths: Tensor = torch.linalg.vector_norm(rows.detach().float(), dim=dim)
    return lengths.amax()


def _line_of(expression: Expression) -> CallSite | None:
    """Return the line that computed a loss, as far down as single numbers go."""
    below = [expression]
    for one in below:
        if one.site is not None or len(below) > LINES:
            return one.site
        if one.operation in _OF_NUMBERS:
            below.extend(one.inputs)
        elif one.operation == "call":
            return one.info.site if isinstance(one.info.site, CallSite) else None
    return None


def _objective(
    step: int, forward: int, loss: float, found: Meaning, line: CallSite | None
) -> Objective:
    pulls = tuple(pull for sign, pull in found.pulls if sign > 0)
    # A loss that is never negative, and 0 when all rows are equal, pushes only until they are.
    spent = found.positive and found.value == 0.0 and bool(pulls)
    push = "a push that ends before all rows are equal" if spent else "a term that pushes apart"
    apart = (push,) if len(pulls) < len(found.pulls) else ()
    value = found.value if found.sort == "score" and found.outputs else None
    kind, formula = found.kinds[0] if len(found.kinds) == 1 else ("", "")
    if not found.kinds and not found.others and not apart and pulls:
        kind = "a loss that only pulls together"
    scaled = formula.startswith("ln(") and value is not None
    if scaled and not math.isclose(value or 0.0, math.log(int(formula[3:-1]))):
        formula = ""
    return Objective(
        step=step,
        forward=forward,
        value=loss,
        collapsed=value,
        kind=kind,
        formula=formula,
        outputs=found.outputs,
        pulls=pulls,
        others=(*found.others, *apart),
        whitened=found.whitened,
        reach=_reach(found, loss),
        flat=found.room.flat if found.room is not None and found.outputs else None,
        logits=found.logits if value is not None else None,
        unevenness=found.unevenness,
        squared=found.order is not None and found.order >= 2.0,
        mismatched=next(iter(found.mismatched), ()),
        site=found.site or line,
    )


def _reach(found: Meaning, loss: float) -> float | None:
    """Return how far a loss can be from its value at collapse, if its softmaxes say so."""
    room = found.room
    if room is None or room.flat is None or not found.outputs:
        return None
    return room.flat * abs(loss) if room.shared else room.width


def _unscaled(expression: Expression) -> tuple[Expression, Tensor | None]:
    """Take off the factor of a gradient scaler, which is a tensor and comes last of all."""
    if expression.operation == "mul" and len(expression.inputs) == 2:
        factor = expression.inputs[1].info
        if expression.inputs[1].operation == "number" and isinstance(factor, Tensor):
            return expression.inputs[0], factor
    return expression, None


def _tensors(expression: Expression) -> list[Tensor]:
    """Return the tensors in an expression whose values are needed, each once."""
    found: dict[int, Tensor] = {}
    waiting, seen = [expression], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        kept = one.info.tensors if isinstance(one.info, Call) else (one.info,)
        if isinstance(one.info, Ends | Given):
            kept = (one.info.ends,)
        elif isinstance(one.info, Bank | Cut):
            kept = (one.info.longest,)
        found |= {id(tensor): tensor for tensor in kept if isinstance(tensor, Tensor)}
        waiting.extend(one.inputs)
    return list(found.values())


def _node(tensor: Tensor) -> tuple[Any, int] | None:
    node = tensor.grad_fn
    return (node, tensor.output_nr) if node is not None else None


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.dim() == 0 and not value.requires_grad and is_plain(value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _site() -> CallSite | None:
    frame = user_frame()
    return site_of(frame) if frame is not None else None
