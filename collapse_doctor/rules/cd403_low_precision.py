"""CD403 low-precision: the embeddings differ by no more than their dtype, or an eps, leaves of it.

What it finds
-------------
Rows that differ by a few steps of the dtype that they are, or once were, numbers of: half precision
on a large common mean. Or rows shorter than the eps that keeps a cosine from dividing by zero, so
that their directions are shrunk.

Why it matters
--------------
Rounding is then a notable part of every distance between neighbours: their order is partly drawn
by lot, many tie, and a gradient through such a similarity is noise. Below the eps no normalised
row has length 1, cosines go to 0 whatever the angle, and in float16 the usual eps is 0 itself,
which gives NaN for a row of zeros.

Likely causes
-------------
Embeddings computed or stored in bfloat16 or float16 that lie far from the origin; similarities
computed under autocast; embeddings that a loss or weight decay has made tiny; an eps that was
raised.

What to do
----------
Take the common mean out, or normalise, in float32 and before the cast; store float16 rather than
bfloat16 when the range allows it; compute similarities in float32
(`torch.autocast(..., enabled=False)`). Of tiny rows find out what shrinks them, and pass a smaller
eps until then.

What would refute it
--------------------
The rows are whole numbers or levels of a quantisation that is meant.

Bounds and their source
-----------------------
rounding: 0.00520833 = 1 / 192 of the variance. Mathematics: rounding to a grid of spacing u adds
u² / 12, so this is a spread of four spacings, within which nearly all of a coordinate's values are
one of sixteen. Healthy rows about the origin read 1e-7 in float16 and 5e-6 in bfloat16.
noise: 0.0833333 = 1 / 12: a spread of one spacing, twice what two neighbouring numbers can give.
From there on nothing that is left need be real, and it is a matter of CD301 where the rows are
otherwise alike.
eps: 1e-08, the default of torch.nn.functional.cosine_similarity, where no call was seen that says
another. short: 0.1 of the rows that are not zero must be shorter.
min_rows: 32. A standard deviation is then known to an eighth.

References
----------
Widrow and Kollár, "Quantization Noise", Cambridge 2008 (u² / 12). PyTorch documentation,
torch.nn.functional.normalize and cosine_similarity (eps). Micikevicius et al., "Mixed Precision
Training", ICLR 2018.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.copies import rows_at, steps_of
from collapse_doctor.rules.geometry import (
    Standing,
    capped,
    embeddings,
    evidence,
    judge,
    per_cent,
    place,
    standing,
    title,
)
from collapse_doctor.rules.precision import FEW_STEPS, ONE_STEP, Grain, grain_of, rounding_share
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import CollapseBounds, collapse

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When a dtype, or an eps, eats what differs."""

    rounding: float = FEW_STEPS  # of the variance: a spread of four spacings
    noise: float = ONE_STEP  # a spread of one spacing
    eps: float = 1e-8  # the default of cosine_similarity
    short: float = 0.1  # of the rows that are not zero
    min_rows: int = 32


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding whose differences are lost in its numbers."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    steps = steps_of(layer)
    if not steps:
        raise NotExamined("none of its rows were kept")
    rows = _rows(layer, steps[-1])
    if len(rows) < bounds.min_rows:
        raise NotExamined(f"{len(rows)} finite rows are too few; {bounds.min_rows} would do")
    short = _short(measurements, layer, bounds, rows)
    if short is not None:
        return short
    grain = grain_of(layer, rows)
    share = rounding_share(rows, grain.dtype)
    if math.isnan(share) or share < bounds.rounding:
        return None
    if share >= bounds.noise and _is_collapsed(measurements, layer):
        raise NotExamined("what its rows differ by is nothing but rounding (see CD301)")
    if not _lasts(layer, bounds, steps, grain):
        raise NotExamined("its rows differ by little more than rounding, but not at all times")
    return _match(measurements, layer, bounds, grain, share)


def _rows(layer: LayerState, step: int) -> np.ndarray:
    rows = rows_at(layer, step)
    return np.asarray(rows[np.isfinite(rows).all(axis=1)])


def _is_collapsed(measurements: Measurements, layer: LayerState) -> bool:
    try:
        return bool(collapse(measurements, layer, CollapseBounds()))
    except NotExamined:
        return True  # born so, which is said there


def _lasts(layer: LayerState, bounds: Bounds, steps: list[int], grain: Grain) -> bool:
    """Tell whether the rows of the middle and of the end differ by as little."""
    late = [_rows(layer, step) for step in steps[-2:]]
    shares = [rounding_share(rows, grain.dtype) for rows in late if len(rows) >= bounds.min_rows]
    return all(share >= bounds.rounding for share in shares)


def _short(
    measurements: Measurements, layer: LayerState, bounds: Bounds, rows: np.ndarray
) -> Match | None:
    """Return what is said of rows that are shorter than an eps, None where few are."""
    eps = bounds.eps if layer.eps is None else layer.eps
    if layer.eps is None and standing(measurements, layer) is not Standing.FILE:
        return None  # nobody was seen to take a direction
    lengths = np.linalg.norm(rows, axis=1)
    lengths = lengths[lengths > 0]
    if not len(lengths) or float((lengths < eps).mean()) < bounds.short:
        return None
    share = float((lengths < eps).mean())
    return Match(
        message=(
            f"{per_cent(share)} of the rows of {title(layer)} are shorter than the eps of the "
            f"similarity ({eps:g}): their directions are shrunk, and their cosines with them."
        ),
        where=place(layer, layer.last_step),
        evidence=evidence(
            short_share=Evidence(share, bounds.short, ">=", null=0.0),
            median_length=Evidence(float(np.median(lengths)), eps, "<"),
            rows=Evidence(len(rows), bounds.min_rows, ">="),
        ),
        severity=capped(Severity.WARNING, standing(measurements, layer), Severity.WARNING),
        confidence=Confidence.HIGH if layer.eps is not None else Confidence.MEDIUM,
        cause=(
            "The rows have become tiny, or the eps is large."
            if layer.eps is not None
            else "The rows are tiny; whether a cosine is taken of them, a file does not show."
        ),
    )


def _match(
    measurements: Measurements, layer: LayerState, bounds: Bounds, grain: Grain, share: float
) -> Match:
    steps = math.sqrt(1 / (12 * share))
    were = f"are {layer.dtype.removeprefix('torch.')}, but hold" if grain.had else "are"
    return Match(
        message=(
            f"The rows of {title(layer)} {were} numbers of {grain.dtype} and differ by "
            f"{steps:.1f} of its steps: {per_cent(share)} of their variance is rounding."
        ),
        where=place(layer, layer.last_step),
        evidence=evidence(
            rounding_share=Evidence(share, bounds.rounding, ">=", meaning="of the variance"),
            spread_in_steps=Evidence(steps, meaning="of the dtype, where the rows are"),
            relative_dispersion=Evidence(layer.values.get("relative_dispersion", math.nan)),
            dtype=Evidence(grain.dtype),
            rows=Evidence(layer.count, bounds.min_rows, ">="),
        ),
        severity=capped(Severity.WARNING, standing(measurements, layer), Severity.WARNING),
        confidence=Confidence.HIGH if not grain.had else Confidence.MEDIUM,
    )


RULE = Rule(
    code="CD403",
    name="low-precision",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
