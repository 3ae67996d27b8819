"""Whether a row changes when padding is appended to it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.outputs import pool
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.pooling import line_of_mixing
from collapse_doctor.inspector.probing.sequences import Sequences, sequences_in
from collapse_doctor.recording.observations import Probe

__all__ = ["PADDING", "append_padding"]

PADDING = "padding"

LEAST_ROWS = 2
MOST_LENGTHS = 4
"""Lengths whose rows are also run without any padding: what there is of it may hide what more of
it does, as in a maximum over all positions."""
MOST_NUMBERS = 1 << 26
"""Numbers in one output that are still looked at: scores over a vocabulary are larger."""
SAME = 1e-6
"""Rows nearer than this share of their length are one row: float32 rounds sums to a few 1e-7."""

Outputs = Mapping[str, Tensor]


class _Pair(NamedTuple):
    """Some rows of the probe, as they are or cut to ``length``, and with ``more`` padding."""

    shorter: Batch
    longer: Batch
    rows: Tensor
    length: int
    more: int


class _Passes(NamedTuple):
    """What the model made of a pair, of its rows in another order, and of rows without padding.

    ``bare`` holds, for each length, which rows have it and their outputs.
    """

    shorter: Outputs
    longer: Outputs
    order: Tensor
    again: Outputs
    bare: Sequence[tuple[Tensor, int, Outputs]]


def append_padding(bench: Bench) -> Iterator[Probe]:
    """Yield, for each output, how far padding moves its rows, in units of the nearest other row.

    The length is doubled; a model that takes no longer rows is given less, and at last rows of
    the probe that are padded already, with and without that padding. What the order of the rows
    changes, ``noise``, is what cannot be told from rounding.
    """
    found = sequences_in(bench.model, bench.batch)
    if found.rows < LEAST_ROWS:
        raise CannotRun("a single row has no other to compare its change with")
    pair, shorter, longer = _taken(bench, found)
    real = _cut(found.real[pair.rows], pair.length, 1, left=found.left)
    order, again = _again(bench, found, pair)
    bare = tuple(_without_padding(bench, found, pair, real))
    passes = _Passes(shorter, longer, order, again, bare)
    line = line_of_mixing(bench.model)
    with Aside():
        for name, tensor in shorter.items():
            values = _compare(name, passes, real, pair, left=found.left)
            if values is not None:
                yield Probe(
                    PADDING,
                    bench.name,
                    layer=name,
                    depth=len(bench.layers),
                    rows=len(real),
                    width=tensor.shape[-1],
                    dtype=str(tensor.dtype).removeprefix("torch."),
                    values={"padding": float(pair.more), "length": float(pair.length), **values},
                    site=line,
                )


def _taken(bench: Bench, found: Sequences) -> tuple[_Pair, Outputs, Outputs]:
    """Return the first pair that the model takes, and what it makes of both."""
    refused: CannotRun | None = None
    given = dict(bench.run(training=False).outputs)
    for pair in _pairs(found):
        try:
            longer = dict(bench.run(training=False, batch=pair.longer).outputs)
            if pair.length == found.length:
                return pair, given, longer
            return pair, dict(bench.run(training=False, batch=pair.shorter).outputs), longer
        except CannotRun as error:
            refused = refused or error
    raise CannotRun(f"the model takes no longer rows: {refused}")


def _pairs(found: Sequences) -> Iterator[_Pair]:
    everything = torch.arange(found.rows)
    for more in dict.fromkeys((found.length, max(1, found.length // 4), 1)):
        yield _Pair(found.batch, found.extended(more), everything, found.length, more)
    lengths = found.real.sum(1)
    length = int(lengths.median())
    short = (lengths <= length).nonzero().flatten()
    if length < found.length and len(short) >= LEAST_ROWS:
        shorter, longer = found.selected(short, length), found.selected(short)
        yield _Pair(shorter, longer, short, length, found.length - length)


def _again(bench: Bench, found: Sequences, pair: _Pair) -> tuple[Tensor, Outputs]:
    """Return what the shorter rows give in reversed order, and that order.

    Packed sequences may have to be sorted: then they are run again as they are.
    """
    turned = torch.arange(len(pair.rows) - 1, -1, -1)
    try:
        batch = found.selected(pair.rows[turned], pair.length)
        return turned, dict(bench.run(training=False, batch=batch, seed=1).outputs)
    except CannotRun:
        as_they_are = torch.arange(len(pair.rows))
        return as_they_are, dict(bench.run(training=False, batch=pair.shorter, seed=1).outputs)


def _without_padding(
    bench: Bench, found: Sequences, pair: _Pair, real: Tensor
) -> Iterator[tuple[Tensor, int, Outputs]]:
    """Yield rows of one length, cut to it, for the lengths that most rows have."""
    lengths = real.sum(1)
    for length, _ in Counter(lengths.tolist()).most_common(MOST_LENGTHS):
        which = (lengths == length).nonzero().flatten()
        if length < pair.length:
            batch = found.selected(pair.rows[which], length)
            try:
                yield which, length, dict(bench.run(training=False, batch=batch).outputs)
            except CannotRun:
                continue


def _compare(
    name: str, passes: _Passes, real: Tensor, pair: _Pair, *, left: bool
) -> dict[str, float] | None:
    """Return how far the rows of one output move; None if it holds no rows."""
    tensor, longer = passes.shorter[name], passes.longer.get(name)
    if longer is None or name not in passes.again or longer.numel() > MOST_NUMBERS:
        return None
    axis = _positions(tensor.shape, longer.shape, pair.more)
    if axis is None and tensor.shape != longer.shape:
        return None  # more than one axis grew: maps of attention
    rows = _reduced(tensor, real, axis, left=left)
    padded = _reduced(longer, real, axis, left=left)
    turned = _reduced(passes.again[name], real[passes.order], axis, left=left)
    if rows is None or padded is None or turned is None:
        return None
    if not rows.shape == padded.shape == turned.shape:
        return None
    noise = rows - turned[passes.order]
    base, bare = rows.clone(), real.all(1)
    for which, length, outputs in passes.bare:
        cut = _cut(real[which], length, 1, left=left)
        own = _reduced(outputs[name], cut, axis, left=left) if name in outputs else None
        if own is not None and own.shape == base[which].shape and bool(own.isfinite().all()):
            base[which], bare[which] = own, True
    return _values(base, padded, base - noise, bare)


def _positions(shorter: Sequence[int], longer: Sequence[int], more: int) -> int | None:
    """Return the axis of an output that grew with the padding: it holds the positions."""
    if len(shorter) != len(longer):
        return None
    grown = [axis for axis in range(len(shorter)) if shorter[axis] != longer[axis]]
    if len(grown) != 1 or longer[grown[0]] != shorter[grown[0]] + more:
        return None
    return grown[0]


def _reduced(output: Tensor, real: Tensor, axis: int | None, *, left: bool) -> Tensor | None:
    """Return one float64 row (B, d) per sequence: of positions the mean of those that are real."""
    values = output.detach().to("cpu", torch.float64)
    count, length = real.shape
    if axis is None:
        pooled = pool(values)
        return pooled.values if pooled is not None and len(pooled.values) == count else None
    batch = 1 if axis == 0 else 0
    if values.dim() < 3 or values.shape[batch] != count or values.shape[axis] < length:
        return None  # one number for each position: scores, or the mask
    tokens = _cut(values.movedim((batch, axis), (0, 1)), length, 1, left=left).flatten(2)
    weights = real[:, :, None]
    return tokens.masked_fill(~weights, 0.0).sum(1) / weights.sum(1)


def _cut(values: Tensor, length: int, axis: int, *, left: bool) -> Tensor:
    start = values.shape[axis] - length if left else 0
    return values.narrow(axis, start, length)


def _values(rows: Tensor, longer: Tensor, again: Tensor, judged: Tensor) -> dict[str, float]:
    """Return how far the ``judged`` rows moved, of vectors and of directions."""
    known = torch.cat((rows, longer, again), 1).isfinite().all(1)
    rows, longer, again, judged = rows[known], longer[known], again[known], judged[known]
    judged = judged if bool(judged.any()) else ~judged
    ways = {"": (rows, longer, again)}
    if bool((torch.linalg.vector_norm(rows, dim=1) > 0).all()):
        ways["direction_"] = (normalize(rows), normalize(longer), normalize(again))
    spread = torch.linalg.vector_norm(rows - rows.mean(0)) / torch.linalg.vector_norm(rows)
    values = {"relative_dispersion": float(spread)}
    for way, (one, other, third) in ways.items():
        gaps = _gaps(one)
        measured = judged & gaps.isfinite()
        for word, moved in (("change", other), ("noise", third)):
            shares = (torch.linalg.vector_norm(one - moved, dim=1) / gaps)[measured]
            values[way + word] = float(shares.median()) if len(shares) else math.nan
            if word == "change" and len(shares):
                values[way + "largest"] = float(shares.max())
    return values | {"compared": float(judged.sum())}


def _gaps(rows: Tensor) -> Tensor:
    """Return the distance of each row to the nearest that is another one; infinite without any."""
    if not len(rows):
        return rows.new_zeros(0)
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    same = SAME * torch.linalg.vector_norm(rows, dim=1).mean()
    return distances.masked_fill(distances <= same, math.inf).amin(1)
