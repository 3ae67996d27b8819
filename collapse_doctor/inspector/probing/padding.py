"""Whether a row changes when padding is appended to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.outputs import pool
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.sequences import Sequences, sequences_in
from collapse_doctor.recording.observations import Probe

__all__ = ["PADDING", "append_padding"]

PADDING = "padding"

LEAST_ROWS = 2
MOST_NUMBERS = 1 << 26
"""Numbers in one output that are still looked at: scores over a vocabulary are larger."""
SAME = 1e-6
"""Rows nearer than this share of their length are one row: float32 rounds sums to a few 1e-7."""


class _Pair(NamedTuple):
    """Two batches of the same rows, one of them with ``more`` padding."""

    shorter: Batch
    longer: Batch
    rows: Tensor
    length: int
    more: int


def append_padding(bench: Bench) -> Iterator[Probe]:
    """Yield, for each output, how far padding moves its rows, in units of the nearest other row.

    The length is doubled; a model that takes no longer rows is given less, and at last rows of
    the probe that are padded already, with and without that padding. What the order of the rows
    changes, ``noise``, is what cannot be told from rounding.
    """
    found = sequences_in(bench.model, bench.batch)
    if found.rows < LEAST_ROWS:
        raise CannotRun("a single row has no other to compare its change with")
    pair, base, padded = _passed(bench, found)
    turned, again = _again(bench, found, pair)
    with Aside():
        real = _cut(found.real[pair.rows], pair.length, 1, left=found.left)
        for name, tensor in base.items():
            if name not in padded or name not in again or padded[name].numel() > MOST_NUMBERS:
                continue
            axis = _positions(tensor.shape, padded[name].shape, pair.more)
            if axis is None and tensor.shape != padded[name].shape:
                continue  # more than one axis grew: maps of attention
            reduce = partial(_reduced, axis=axis, left=found.left)
            three = (
                reduce(tensor, real),
                reduce(padded[name], real),
                reduce(again[name], real[turned]),
            )
            rows, longer, other = three
            if rows is None or longer is None or other is None:
                continue
            if rows.shape == longer.shape == other.shape:
                size = {"padding": float(pair.more), "length": float(pair.length)}
                values = _values(rows, longer, other[turned]) | size
                yield _probe(bench, name, tensor, rows, values)


def _probe(
    bench: Bench, name: str, tensor: Tensor, rows: Tensor, values: dict[str, float]
) -> Probe:
    return Probe(
        PADDING,
        bench.name,
        layer=name,
        depth=len(bench.layers),
        rows=rows.shape[0],
        width=rows.shape[1],
        dtype=str(tensor.dtype).removeprefix("torch."),
        values={**values},
    )


def _passed(bench: Bench, found: Sequences) -> tuple[_Pair, dict[str, Tensor], dict[str, Tensor]]:
    """Return the first pair that the model takes, and what it makes of both."""
    refused: CannotRun | None = None
    base = dict(bench.run(training=False).outputs)  # of the batch as it was given
    for pair in _pairs(found):
        try:
            padded = dict(bench.run(training=False, batch=pair.longer).outputs)
            if pair.length != found.length:
                base = dict(bench.run(training=False, batch=pair.shorter).outputs)
        except CannotRun as error:
            refused = refused or error
            continue
        return pair, base, padded
    raise CannotRun(f"the model takes no longer rows: {refused}")


def _again(bench: Bench, found: Sequences, pair: _Pair) -> tuple[Tensor, dict[str, Tensor]]:
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


def _positions(shorter: Sequence[int], longer: Sequence[int], more: int) -> int | None:
    """Return the axis of an output that grew with the padding: it holds the positions."""
    if len(shorter) != len(longer):
        return None
    grown = [axis for axis in range(len(shorter)) if shorter[axis] != longer[axis]]
    if len(grown) != 1 or longer[grown[0]] != shorter[grown[0]] + more:
        return None
    return grown[0]


def _reduced(output: Tensor, real: Tensor, *, axis: int | None, left: bool) -> Tensor | None:
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


def _values(rows: Tensor, longer: Tensor, again: Tensor) -> dict[str, float]:
    """Return how far rows moved, of vectors and of directions."""
    lengths = torch.linalg.vector_norm(rows, dim=1)
    spread = torch.linalg.vector_norm(rows - rows.mean(0)) / torch.linalg.vector_norm(rows)
    ways = {"": (rows, longer, again)}
    if bool((lengths > 0).all()):
        ways["direction_"] = (normalize(rows), normalize(longer), normalize(again))
    values = {"relative_dispersion": float(spread)}
    for way, (one, other, third) in ways.items():
        gaps = _gaps(one)
        for word, moved in (("change", other), ("noise", third)):
            shares = torch.linalg.vector_norm(one - moved, dim=1) / gaps
            known = shares[gaps.isfinite()]
            values[way + word] = float(known.median()) if len(known) else math.nan
            if word == "change" and len(known):
                values[way + "largest"] = float(known.max())
    return values


def _gaps(rows: Tensor) -> Tensor:
    """Return the distance of each row to the nearest that is another one; infinite without any."""
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    same = SAME * torch.linalg.vector_norm(rows, dim=1).mean()
    return distances.masked_fill(distances <= same, math.inf).amin(1)
