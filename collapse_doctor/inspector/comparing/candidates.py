"""Candidates of one anchor that are its positive: scores that lie side by side and are one score.

``logits = cat([cos(c, target), cos(c, others)], -1)`` never compares ``others`` with ``target``.
Where each row's negatives are copies of its own positive, by an index that repeats the row's own
place or a permutation that leaves all where they are, a softmax over them is uniform and a margin
stays as it is, whatever is learned.
"""

from __future__ import annotations

import functools
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.birthplaces import births
from collapse_doctor.inspector.comparing.kinship import Side
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, written
from collapse_doctor.inspector.comparing.passes import are_twins
from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.relations import Related
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.dimensions.elementwise import argument, dims_of, named
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import Still, site_of, still, user_frame
from collapse_doctor.inspector.source.picked import index_line
from collapse_doctor.recording.observations import CallSite, Comparison, Operand, Relation

__all__ = ["SIDE_BY_SIDE", "Candidates"]

_COSINES: frozenset[Callable[..., Any]] = frozenset({F.cosine_similarity})
_PRODUCTS = named("mul", "__mul__", "__rmul__")
_SUMS = named("sum")
_BATCHED = named("bmm", "matmul", "__matmul__")
_EINSUM = named("einsum")
_MOVING = named("unsqueeze", "squeeze", "view", "reshape", "flatten", "__getitem__")
_SCALING = named("div", "true_divide", "__truediv__", "mul", "__mul__", "__rmul__", "exp")
_JOINING = named("cat", "concat", "stack", "hstack", "column_stack")
_GAPS = named("sub", "__sub__") | {F.margin_ranking_loss}
SIDE_BY_SIDE = (
    _COSINES | _PRODUCTS | _SUMS | _BATCHED | _EINSUM | _MOVING | _SCALING | _JOINING | _GAPS
)

MOST_ROWS = 32
MOST_CANDIDATES = 16
"""Rows, and candidates of each, that are held against the positive bit by bit."""
MOST_VALUES = 1 << 22
MOST_PIECES = 8
MOST_SCORES = 16
MOST_PRODUCTS = 4
"""Scores, and products that may become some, whose operands are held."""
LOOKS = 8
"""Steps in which all of them must be equal, as CD107 asks of what a coin may leave as it is; one in
which they were not ends it."""
VARIED = 0.5
"""Share of the rows that must differ from the first: of a batch of one row all are equal."""
MOST_LINES = 64
FUNCTION = "a row of scores, of one positive and its negatives,"
"""What compares them, in a finding."""


class _Met(NamedTuple):
    """One of two things that met: its values, what is known of it, and how it is written."""

    values: Tensor
    requires_grad: bool
    known: Known | None
    name: str


_Score = tuple[_Met, _Met]
"""What met in one number of each pair of rows, held until the step is over at most."""


class Candidates:
    """Follows scores to where they lie side by side, and tells of negatives that are the positive.

    Told are the operands, of one anchor and apart in memory; not the scores, which a collapse
    makes equal as well.
    """

    def __init__(
        self,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        emit: Callable[[Comparison], None],
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        self._later = later
        self._emit = emit
        self._products: deque[tuple[weakref.ref[Tensor], _Score]] = deque(maxlen=MOST_PRODUCTS)
        self._scores: Trail[_Score] = Trail()
        self._count = 0
        self._waiting: dict[CallSite, list[Comparison] | None] = {}  # None: they differed
        self._told: dict[CallSite, int] = {}

    def end_step(self) -> None:
        """Let go of what met in the step that is over."""
        self._products.clear()
        self._scores, self._count = Trail(), 0

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in :data:`SIDE_BY_SIDE`."""
        if not isinstance(result, Tensor) or not result.requires_grad or not args:
            return
        if func in _JOINING:
            if isinstance(args[0], list | tuple) and _is_beside(args, kwargs, result):
                self._beside(args[0][:MOST_PIECES])
            return
        if func in _COSINES or func in _EINSUM or (func in _BATCHED and result.dim() > 2):
            self._scored(func, args[1:] if func in _EINSUM else args, result)
            return
        first = args[0]
        if not isinstance(first, Tensor):
            return
        if func in _SUMS:
            if dims_of(argument(args, kwargs, 1, "dim"), first.dim()) == {first.dim() - 1}:
                self._summed(first, result)
            return
        score = self._scores.of(first)
        if score is None:
            if func in _PRODUCTS and result.dim() > 1 and result.shape[-1] > 1:
                self._multiplied(func, args, result)
        elif func in _GAPS:
            if len(args) > 1 and isinstance(args[1], Tensor):
                self._beside(args[:2])
        elif func in _MOVING or not any(isinstance(one, Tensor) for one in args[1:]):
            self._scores.put(result, score)

    # What becomes a score

    def _scored(self, func: Callable[..., Any], args: Sequence[Any], result: Tensor) -> None:
        score = self._met(func, args) if self._count < MOST_SCORES else None
        if score is not None:
            self._count += 1
            self._scores.put(result, score)

    def _multiplied(self, func: Callable[..., Any], args: Sequence[Any], result: Tensor) -> None:
        score = self._met(func, args)
        if score is not None:
            self._products.append((weakref.ref(result), score))

    def _summed(self, product: Tensor, result: Tensor) -> None:
        score = next((score for made, score in self._products if made() is product), None)
        if score is not None and self._count < MOST_SCORES:
            self._count += 1
            self._scores.put(result, score)

    def _met(self, func: Callable[..., Any], args: Sequence[Any]) -> _Score | None:
        sides = [one for one in args[:2] if isinstance(one, Tensor) and is_plain(one)]
        if len(sides) < 2 or any(side.numel() > MOST_VALUES for side in sides):
            return None
        known = [self._provenance.of(side) for side in sides]
        frame = user_frame() if any(known) else None
        if frame is None:
            return None
        parameters = ("x1", "x2") if func in _COSINES else ("input", "other")
        before = ("equation",) if func in _EINSUM else ()
        names = written(frame, func, before + parameters)[len(before) :]
        one, other = (
            _Met(side.detach(), side.requires_grad, origin, name)
            for side, origin, name in zip(sides, known, names, strict=True)
        )
        return one, other

    # Where scores lie side by side

    def _beside(self, pieces: Sequence[Any]) -> None:
        """Hold the first of several scores, by custom the positive, against each of the others."""
        scores = [self._scores.of(piece) for piece in pieces if isinstance(piece, Tensor)]
        first = scores[0] if scores else None
        for other in scores[1:]:
            pair = _of_one_anchor(first, other) if first is not None and other is not None else None
            if pair is not None:
                self._compare(*pair)

    def _compare(self, positive: _Met, others: _Met) -> None:
        sides = positive, others
        if positive.requires_grad != others.requires_grad or not any(one.known for one in sides):
            return
        frame = user_frame()
        found = _equal(positive.values, others.values) if frame is not None else None
        if frame is None or found is None:
            return
        comparison = Comparison(
            self._moment.step,
            self._moment.forward,
            FUNCTION,
            paired=True,
            site=site_of(frame),
            operands=(_operand(positive), _operand(others)),
        )
        storages = {one.values.untyped_storage()._cdata for one in sides}
        related = Related(
            "shared-storage" if len(storages) == 1 else "equal",
            by_value=len(storages) > 1,
            cosine=1.0,
            difference=0.0,
        )
        frames = still(frame, MOST_LEVELS)
        named_sides = (_side(positive), _side(others))
        judge = functools.partial(self._judge, comparison, named_sides, frames, related)
        self._later.put([found], judge)

    def _judge(
        self,
        comparison: Comparison,
        sides: tuple[Side, Side],
        frame: Still,
        related: Related,
        values: list[Tensor],
    ) -> None:
        equal, varied = values[0].tolist()
        site = comparison.site
        if _are_of_one_input(*(side.known for side in sides)):
            return  # two passes over equal inputs: that is told as such
        if varied < VARIED or (site not in self._waiting and len(self._waiting) >= MOST_LINES):
            return
        waiting = self._waiting.setdefault(site, [])
        if equal < 1 or waiting is None:
            self._waiting[site] = None
            return
        relation = Relation(related.kind, 0, 1, cosine=related.cosine, difference=0.0)
        made = [one for one in births(frame, *sides, related) if one != site]
        picked = [line for one in made if (line := index_line(one)) is not None]
        waiting.append(
            msgspec.structs.replace(comparison, relations=(relation,), births=(*picked, *made))
        )
        if len({one.step for one in waiting}) >= LOOKS:
            for one in waiting[self._told.get(site, 0) :]:
                self._emit(one)
            self._told[site] = len(waiting)


def _are_of_one_input(one: Known | None, other: Known | None) -> bool:
    if one is None or other is None or one.run is None or other.run is None:
        return False
    return one.run is not other.run and are_twins(one.run, other.run)


def _of_one_anchor(one: _Score, other: _Score) -> tuple[_Met, _Met] | None:
    """Return what was held against the same thing in two scores, if that is not one as well."""
    for mine, theirs in ((0, 0), (0, 1), (1, 0), (1, 1)):
        if _are_one(one[mine].values, other[theirs].values):
            pair = one[1 - mine], other[1 - theirs]
            return None if _are_one(pair[0].values, pair[1].values) else pair
    return None


def _is_beside(args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor) -> bool:
    """Tell whether pieces lie side by side in the rows of the result, and are no more rows."""
    dim = argument(args, kwargs, 1, "dim", 0)
    return result.dim() > 1 and isinstance(dim, int) and dim % result.dim() == result.dim() - 1


def _are_one(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors are the same elements of one memory, but for dimensions of 1."""
    return (
        one.numel() == other.numel()
        and one.data_ptr() == other.data_ptr()
        and [n for n in one.shape if n > 1] == [n for n in other.shape if n > 1]
    )


def _equal(positive: Tensor, others: Tensor) -> Tensor | None:
    """Return the share of candidates that are their row's positive, and that of varied rows.

    Both are single numbers in one vector, where the tensors are. ``others`` hold k candidates
    (…, k, d) of each positive (…, d); None if they do not.
    """
    width = positive.shape[-1] if positive.dim() > 1 else 0
    if width < 2 or others.shape[-1:] != (width,) or positive.dtype != others.dtype:
        return None
    lead = [n for n in positive.shape[:-1] if n > 1]
    sizes = [n for n in others.shape[:-1] if n > 1]
    if not lead or sizes[: len(lead)] != lead or len(sizes) > len(lead) + 1:
        return None
    if positive.device != others.device or others.numel() > MOST_VALUES:
        return None
    step = max(1, lead[0] // MOST_ROWS)
    wanted = positive.reshape(*lead, width)[::step].reshape(-1, width)
    count = sizes[len(lead)] if len(sizes) > len(lead) else 1
    found = others.reshape(*lead, count, width)[::step][..., :MOST_CANDIDATES, :]
    found = found.reshape(len(wanted), -1, width)
    apart = max(1, len(wanted) // MOST_ROWS)
    wanted, found = wanted[::apart], found[::apart]
    equal = (found == wanted[:, None]).all(-1).double().mean()
    varied = (wanted[1:] != wanted[:1]).any(-1).double().mean()
    return torch.stack([equal, varied])


def _operand(met: _Met) -> Operand:
    return Operand(
        expression=met.name,
        shape=tuple(met.values.shape),
        dtype=str(met.values.dtype).removeprefix("torch."),
        requires_grad=met.requires_grad,
        origin=met.known.origin if met.known is not None else None,
    )


def _side(met: _Met) -> Side:
    shape = tuple(met.values.shape)
    return Side(met.name, met.known, shape, met.requires_grad, None, torch.empty(0, 1))
