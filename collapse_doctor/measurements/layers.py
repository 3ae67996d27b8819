"""One layer of a recorded training: its last state, its first one, and a sample of its rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from collapse_doctor.measurements.tidy import Measured, nulls
from collapse_doctor.measurements.values import LayerState, Sample
from collapse_doctor.metrics.intervals import intervals
from collapse_doctor.metrics.table import measure
from collapse_doctor.recording.observations import LayerInfo
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["RECENT", "layer_state"]

RECENT = 5
"""Measured steps whose median is the last state: it outlives two outliers."""

POOLED = 8
"""Snapshots at most that are taken together for the rank, of the last quarter of the steps."""

SAMPLE_ROWS = 3000
"""Rows at most in the sample that charts draw: beyond it t-SNE takes minutes."""

RANKS = ("effective_rank", "participation_ratio", "stable_rank", "top_share", "dead_share")
"""What is measured on pooled rows: it depends on the number of rows, and not on their mean."""

LEAST_ROWS = 8
"""Rows a step must have for its own rank to count; CD302 asks for as many."""

ROUNDED = 10
"""Units of rounding, relative to the length of the rows, below which spread counts as none.

Rounding alone spreads rows by 0.29 units (a uniform error one unit wide); the sums of a matrix
product by a few more.
"""

RESOLVED = 1e-3
"""Rounding must be smaller than this share of the spread for a rank to be told exactly."""

_EPS = {"float64": 2.0**-23, "float32": 2.0**-23}
"""Rows are kept in float32, and in coarser dtypes rounding is as large as what may be real."""

Shots = Sequence[tuple[int, np.ndarray]]


def layer_state(
    model: str, info: LayerInfo, dtype: str, history: Sequence[Measured], shots: Shots
) -> LayerState:
    """Return the state of one layer.

    Parameters
    ----------
    model, info, dtype
        What the layer is, and the dtype of its last output.
    history
        Its measures, oldest first, all of one width; at least one.
    shots
        Snapshots of its rows as (step, (n, d) float32), oldest first; may be empty.
    """
    first, last = history[0], history[-1]
    recent = history[-RECENT:]
    batch = round(statistics.median(entry.finite_rows for entry in recent))
    values, null = _median(recent), dict(nulls(batch, last.width))
    pooled, count = _pool(shots)
    spectrum = None if pooled is None else EmbeddingSummary.of(torch.from_numpy(pooled))
    if spectrum is not None and count > batch:
        pooled_values, pooled_null = measure(spectrum, RANKS), nulls(count, last.width)
        for name in RANKS:
            if not _is_lower(name, (values, null), (pooled_values, pooled_null), batch):
                values[name] = pooled_values[name]
                null |= {name: pooled_null[name]} if name in pooled_null else {}
    return LayerState(
        model=model,
        layer=info.name,
        role=info.role,
        depth=info.depth,
        count=max(count, batch),
        width=last.width,
        dtype=dtype,
        values=values,
        nulls=null,
        eigenvalues=np.zeros(0) if spectrum is None else spectrum.eigenvalues().cpu().numpy(),
        first=dict(first.values),
        first_step=first.step,
        last_step=last.step,
        exact_rank=_exact_rank(shots, dtype),
        sample=_sample(shots),
        late=_late_sample(shots),
        intervals={} if not shots else intervals(shots[-1][1], values, batch),
    )


def _is_lower(
    name: str,
    batch_wise: tuple[Mapping[str, float], Mapping[str, float]],
    pooled: tuple[Mapping[str, float], Mapping[str, float]],
    batch: int,
) -> bool:
    """Tell whether one batch shows a lower rank than pooled rows do, each against its own null.

    Weights that move turn the axes from step to step, so that pooled rows span more than any
    step did. Of too few rows a rank says nothing, and dead coordinates show in many rows only.
    """
    if name == "dead_share" or batch < LEAST_ROWS:
        return False
    one, other = (_share(name, values, null) for values, null in (batch_wise, pooled))
    return one < other  # False for NaN


def _share(name: str, values: Mapping[str, float], null: Mapping[str, float]) -> float:
    """Return how much of its null a rank reaches; of top_share, what it leaves to other axes."""
    value, full = values.get(name, math.nan), null.get(name, math.nan)
    if name == "top_share":
        value, full = 1.0 - value, 1.0 - full
    return value / full if full > 0 else math.nan


def _exact_rank(shots: Shots, dtype: str) -> int | None:
    """Return the largest number of directions that the rows of a late step span exactly.

    Sums of singular values below ROUNDED times the rounding of the dtype, relative to the length
    of the rows, are what computing them left. None where that cannot be told from spread, or
    where each late step has as many directions as rows and width allow.
    """
    eps = _EPS.get(dtype.removeprefix("torch."), math.inf)
    ranks = []
    for rows in _late(shots):
        finite = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        if len(finite) < LEAST_ROWS:
            continue
        singular = np.linalg.svd(finite - finite.mean(axis=0), compute_uv=False)
        rounding = ROUNDED * eps * float(np.linalg.norm(finite))
        if rounding > RESOLVED * float(np.linalg.norm(singular)):
            return None
        tail = np.sqrt(np.cumsum(singular[::-1] ** 2))[::-1]  # of this axis and all after it
        ranks.append((int((tail > rounding).sum()), min(len(finite) - 1, finite.shape[1])))
    if not ranks or any(rank >= most for rank, most in ranks):
        return None
    return max(rank for rank, _ in ranks)


def _median(entries: Sequence[Measured]) -> dict[str, float]:
    """Return the median of each metric over the entries where it is defined."""
    values = {}
    for name in entries[-1].values:
        known = [v for entry in entries if not math.isnan(v := entry.values.get(name, math.nan))]
        values[name] = statistics.median(known) if known else math.nan
    return values


def _pool(shots: Shots) -> tuple[np.ndarray | None, int]:
    """Return late rows together, each snapshot centred by itself, and how many they count for.

    The mean moves from step to step, and that movement is not spread; taking it out costs one
    row per snapshot, of which the pooled mean would have cost one anyway.
    """
    if not shots:
        return None, 0
    blocks = [_centred(rows) for rows in _late(shots)]
    blocks = [block for block in blocks if len(block) > 1]
    if not blocks:
        return None, 0
    return np.concatenate(blocks), sum(len(block) - 1 for block in blocks) + 1


def _late(shots: Shots) -> list[np.ndarray]:
    """Return the rows of the last snapshots, of the last quarter of the steps."""
    begin = 0.75 * shots[-1][0] if shots else 0.0
    return [rows for step, rows in shots[-POOLED:] if step >= begin]


def _late_sample(shots: Shots) -> Sample | None:
    """Return the rows of the last snapshots as they are, with their steps."""
    if not shots:
        return None
    late = shots[-len(_late(shots)) :]
    steps = np.repeat([step for step, _ in late], [len(rows) for _, rows in late])
    return Sample(np.concatenate([rows for _, rows in late]), steps.astype(np.int64))


def _centred(rows: np.ndarray) -> np.ndarray:
    """Return the finite rows less their mean, in float64.

    A constant column becomes exactly 0: sums of equal float32 numbers are exact in float64.
    """
    finite = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
    return np.asarray(finite - finite.mean(axis=0)) if len(finite) else finite


def _sample(shots: Shots) -> Sample | None:
    """Return rows of the first, the middle and the last snapshot, with their steps."""
    if not shots:
        return None
    chosen = sorted({0, len(shots) // 2, len(shots) - 1})
    rows = np.concatenate([shots[i][1] for i in chosen])
    steps = np.repeat([shots[i][0] for i in chosen], [len(shots[i][1]) for i in chosen])
    if len(rows) > SAMPLE_ROWS:
        kept = np.random.default_rng(0).choice(len(rows), SAMPLE_ROWS, replace=False)
        rows, steps = rows[np.sort(kept)], steps[np.sort(kept)]
    return Sample(rows.astype(np.float32), steps.astype(np.int64))
