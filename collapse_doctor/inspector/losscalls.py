"""The losses that PyTorch has itself: what to keep of a call, and what it means.

Inside, they are many nodes whose numbers, a margin above all, autograd does not keep. What a call
was given is noted when it is seen; what that means is told when its values have come over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.lossgraph import Expression
from collapse_doctor.inspector.lossmeaning import Meaning, Read, joined, other, pulled, reduced
from collapse_doctor.inspector.marks import Call
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["CALLS", "Known", "meaning_of_call"]

FEW = 4
"""Rows of logits that are looked at, to count the candidates of each."""

VANISHING = 745.0
"""Logits this far below the largest are masked out: their exponential is 0 in float64."""


@dataclass(frozen=True)
class Known:
    """A function: its operands and other parameters, in order, with the defaults it has."""

    name: str
    operands: tuple[str, ...]
    others: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters of one call by name."""
        names = (*self.operands, *self.others)
        return {**self.others, **dict(zip(names, args, strict=False)), **kwargs}

    def kept(self, given: Mapping[str, Any], result: Tensor) -> tuple[dict[str, Any], list[Tensor]]:
        """Return what to keep of a call: plain numbers, and tensors whose values are needed."""
        plain = {
            name: given[name]
            for name in self.others
            if isinstance(given[name], int | float | str | bool)
        }
        first = given.get(self.operands[0])
        shape = tuple(first.shape) if isinstance(first, Tensor) else ()
        plain["numel"], plain["rows"] = math.prod(shape), shape[0] if shape else 1
        paired = [given.get(name) for name in self.operands]
        plain["paired"] = all(isinstance(t, Tensor) and t.shape == shape for t in paired)
        plain["scalar"] = result.dim() == 0
        return plain, self._tensors(given)

    def _tensors(self, given: Mapping[str, Any]) -> list[Tensor]:
        if self.name in _OF_LOGITS:
            return [_few(given["input"], given.get("dim"))]
        target = given.get("target")
        if self.name in _SIGNED and isinstance(target, Tensor) and is_plain(target):
            return [target.detach().clone()]
        return []


def _few(logits: Tensor, dim: Any) -> Tensor:
    """Return a copy of a few rows of logits, their candidates last."""
    values = logits.detach()
    if values.dim() > 1:
        values = values.movedim(dim if isinstance(dim, int) else 1, -1)
    return values.reshape(-1, values.shape[-1])[:FEW].float().clone()


_LOSS = {"size_average": None, "reduce": None, "reduction": "mean"}
_PAIR = ("input", "target")
_TRIPLET = ("anchor", "positive", "negative")
_INPUTS = ("input1", "input2")

_DISTANCES = {
    F.mse_loss: Known("F.mse_loss", _PAIR, _LOSS),
    F.l1_loss: Known("F.l1_loss", _PAIR, _LOSS),
    F.smooth_l1_loss: Known("F.smooth_l1_loss", _PAIR, _LOSS),
    F.huber_loss: Known("F.huber_loss", _PAIR, {"reduction": "mean"}),
    F.pairwise_distance: Known("F.pairwise_distance", ("x1", "x2")),
    torch.dist: Known("torch.dist", ("input", "other")),
    Tensor.dist: Known("Tensor.dist", ("self", "other")),
}

CALLS: Mapping[Callable[..., Any], Known] = {
    **_DISTANCES,
    F.cosine_similarity: Known("F.cosine_similarity", ("x1", "x2")),
    F.triplet_margin_loss: Known(
        "F.triplet_margin_loss",
        _TRIPLET,
        {"margin": 1.0, "p": 2, "eps": 1e-6, "swap": False, **_LOSS},
    ),
    F.triplet_margin_with_distance_loss: Known(
        "F.triplet_margin_with_distance_loss", _TRIPLET, {"margin": 1.0, "reduction": "mean"}
    ),
    F.cosine_embedding_loss: Known(
        "F.cosine_embedding_loss", _INPUTS, {"target": None, "margin": 0.0, **_LOSS}
    ),
    F.margin_ranking_loss: Known(
        "F.margin_ranking_loss", _INPUTS, {"target": None, "margin": 0.0, **_LOSS}
    ),
    F.hinge_embedding_loss: Known(
        "F.hinge_embedding_loss", ("input",), {"target": None, "margin": 1.0, **_LOSS}
    ),
    F.cross_entropy: Known(
        "F.cross_entropy",
        ("input",),
        {"target": None, "weight": None, "size_average": None, "ignore_index": -100}
        | {"reduce": None, "reduction": "mean"},
    ),
    F.nll_loss: Known(
        "F.nll_loss",
        ("input",),
        {"target": None, "weight": None, "size_average": None, "ignore_index": -100}
        | {"reduce": None, "reduction": "mean"},
    ),
    F.binary_cross_entropy_with_logits: Known(
        "F.binary_cross_entropy_with_logits", ("input",), {"target": None, "weight": None, **_LOSS}
    ),
    **{
        function: Known("log_softmax", ("input",), {"dim": None})
        for function in (F.log_softmax, torch.log_softmax, Tensor.log_softmax)
    },
}

_NEARNESS = {known.name for known in _DISTANCES.values()}
_OF_LOGITS = {"F.cross_entropy", "log_softmax"}
_SIGNED = {"F.cosine_embedding_loss", "F.hinge_embedding_loss"}


def meaning_of_call(one: Expression, inputs: Sequence[Meaning], read: Read) -> Meaning:
    """Return what a call means; ``read`` gives the values of a tensor."""
    call: Call = one.info
    if call.name in _NEARNESS or call.name == "F.cosine_similarity":
        return _compared(call, inputs)
    return _MEANINGS[call.name](call, inputs, read)


def _reduced(call: Call, found: Meaning, count: int) -> Meaning:
    return reduced(found, call.numbers.get("reduction", "none"), count)


def _compared(call: Call, inputs: Sequence[Meaning]) -> Meaning:
    numbers, similar = call.numbers, call.name == "F.cosine_similarity"
    rows = all(side.parties for side in inputs)
    if not numbers["paired"]:
        return other("a comparison of all pairs", inputs, float(similar) if rows else None)
    if not rows:
        return other("a fit to given numbers", inputs)
    if any(side.sort not in ("rows", "given") for side in inputs):
        return other("a comparison of something else", inputs)
    value = 1.0 if similar else 0.0
    return pulled(inputs, -1 if similar else 1, call.site, value=value, positive=not similar)


def _triplet(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    margin = float(call.numbers["margin"])
    found = other("a triplet loss", inputs, margin if _are_rows(inputs) else None)
    kind = (f"a triplet loss of margin {margin:g}", "its margin")
    return _reduced(call, joined("score", [found], value=found.value, kinds=(kind,)), _rows(call))


def _cosine_embedding(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    targets = read(call.tensors[0]) if call.tensors else []
    if not targets or not _are_rows(inputs):
        return other("a cosine embedding loss", inputs)
    apart = sum(target < 0 for target in targets) / len(targets)
    margin = float(call.numbers["margin"])
    value = apart * max(0.0, 1.0 - margin)
    if apart == 0:
        found = pulled(inputs, 1, call.site, value=0.0, positive=True)
    else:
        kind = (f"a cosine embedding loss with {apart:.0%} of the pairs to be apart", "")
        found = joined(
            "score", inputs, value=value, kinds=(kind,), others=("pairs that are to be apart",)
        )
    return _reduced(call, found, _rows(call))


def _hinge_embedding(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    targets = read(call.tensors[0]) if call.tensors else []
    if not targets or inputs[0].value != 0:
        return other("a hinge embedding loss", inputs)
    value = sum(target < 0 for target in targets) / len(targets) * call.numbers["margin"]
    found = other("a hinge embedding loss", inputs, value)
    return _reduced(call, found, call.numbers["numel"])


def _ranking(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    margin = float(call.numbers["margin"])
    values = {one.value for one in inputs}
    value = max(0.0, margin) if len(values) == 1 and None not in values else None
    kind = (f"a ranking loss of margin {margin:g}", "its margin")
    found = other("a ranking loss", inputs, value)
    found = joined("score", [found], value=value, kinds=(kind,))
    return _reduced(call, found, call.numbers["numel"])


def _cross_entropy(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    found = other("a cross-entropy", inputs)
    count = _candidates(call, read)
    if count is None or not found.outputs:
        return found
    kind = (f"a cross-entropy over {count:,} candidates", f"ln({count})")
    named = joined("score", [found], value=math.log(count), kinds=(kind,))
    weighted = call.numbers.get("reduction") == "sum" and call.numbers["numel"] == 0
    return named if weighted else _reduced(call, named, _rows(call))


def _log_softmax(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    found = other("a softmax", inputs)
    count = _candidates(call, read)
    if count is None or not found.outputs:
        return found
    kind = (f"a cross-entropy over {count:,} candidates", f"ln({count})")
    return joined("score", [found], value=-math.log(count), kinds=(kind,), shares=True)


def _likelihood(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    value = -inputs[0].value if inputs[0].value is not None and inputs[0].shares else None
    return _reduced(call, other("a cross-entropy", inputs, value), _rows(call))


def _binary(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    found = other("a binary cross-entropy", inputs, math.log(2))
    kind = ("a binary cross-entropy", "ln(2)")
    named = joined("score", [found], value=found.value, kinds=(kind,))
    return _reduced(call, named, call.numbers["numel"])


def _candidates(call: Call, read: Read) -> int | None:
    """Return how many candidates each row of logits has, if all that were read have as many."""
    if not call.tensors:
        return None
    logits, width = call.tensors[0], call.tensors[0].shape[-1]
    values = read(logits)
    rows = [values[begin : begin + width] for begin in range(0, len(values), width or 1)]
    counts = {sum(value > max(row) - VANISHING for value in row) for row in rows}
    return counts.pop() if len(counts) == 1 else None


def _are_rows(inputs: Sequence[Meaning]) -> bool:
    return all(one.sort in ("rows", "given") and one.parties for one in inputs)


def _rows(call: Call) -> int:
    return int(call.numbers["rows"])


_MEANINGS: Mapping[str, Callable[[Call, Sequence[Meaning], Read], Meaning]] = {
    "F.triplet_margin_loss": _triplet,
    "F.triplet_margin_with_distance_loss": _triplet,
    "F.cosine_embedding_loss": _cosine_embedding,
    "F.hinge_embedding_loss": _hinge_embedding,
    "F.margin_ranking_loss": _ranking,
    "F.cross_entropy": _cross_entropy,
    "F.nll_loss": _likelihood,
    "F.binary_cross_entropy_with_logits": _binary,
    "log_softmax": _log_softmax,
}
