"""What two tensors that meet in a comparison have to do with each other.

From the strongest relation to the weakest: one object, one memory, equal values, proportional
rows, rows that are scaled and shifted. Values are held against each other in float64; how near is
near enough follows from the precision they were stored in.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.affine import fit_affine
from collapse_doctor.recording.observations import RelationKind

__all__ = [
    "Related",
    "are_tied",
    "mean_cosine",
    "of_one_column",
    "relate",
    "relate_in_memory",
    "relate_values",
    "rows_of",
    "same_elements",
]

_lengths = torch.linalg.vector_norm

MOST_ROWS = 256
"""Rows that are compared value by value; spread evenly over larger operands."""


@dataclass(frozen=True)
class Related:
    """A relation and the numbers that show it (see :class:`Relation`).

    ``by_value`` is true when only values speak for it: then chance, a collapsed model or a copy
    of the model at its first step must be ruled out by the caller.
    """

    kind: RelationKind
    by_value: bool
    cosine: float | None = None
    scale: float | None = None
    difference: float | None = None
    scales: tuple[float, float] | None = None
    offset: float | None = None


def relate(left: Tensor, right: Tensor, dim: int = -1) -> Related | None:
    """Return the strongest relation between two row-paired operands, or None.

    Parameters
    ----------
    left, right
        Plain strided tensors of equal shape; ``dim`` is the feature dimension.
    """
    found = relate_in_memory(left, right)
    if found is not None or left.shape != right.shape or left.device != right.device:
        return found
    one_side_cut = left.requires_grad != right.requires_grad
    return relate_values(rows_of(left, dim), rows_of(right, dim), one_side_cut=one_side_cut)


def relate_in_memory(left: Tensor, right: Tensor) -> Related | None:
    """Return how two operands are one thing: the same object, or the same memory. Reads no value.

    Parameters
    ----------
    left, right
        Plain strided tensors, both alive.
    """
    if left is right:
        return Related("same-object", by_value=False, cosine=1.0, scale=1.0, difference=0.0)
    if not same_elements(left, right):
        return None
    cut = left.requires_grad != right.requires_grad
    same_storage = left.untyped_storage()._cdata == right.untyped_storage()._cdata
    kind: RelationKind = "detached" if cut and same_storage else "shared-storage"
    return Related(kind, by_value=False, cosine=1.0, scale=1.0, difference=0.0)


def relate_values(left: Tensor, right: Tensor, *, one_side_cut: bool) -> Related | None:
    """Return how the values of two row-paired operands are related, or None.

    Parameters
    ----------
    left, right
        Rows (n, d) on the host, in the precision they were stored in, of equal shape.
    one_side_cut
        Whether just one of the operands takes a gradient.
    """
    if left.shape != right.shape or not left.is_floating_point() or not right.is_floating_point():
        return None
    one, other, eps = left.double(), right.double(), _resolution(left, right)
    found = _proportional(one, other, _tolerance(eps)) or _affine(one, other, eps)
    if found is not None and found.kind == "equal" and one_side_cut:
        return dataclasses.replace(found, kind="detached")
    return found


def of_one_column(left: Tensor, right: Tensor) -> Related | None:
    """Return what rows of a single number are to each other in a cosine: multiples, all of them.

    Parameters
    ----------
    left, right
        Rows (n, d) on the host, as they are compared by their directions.
    """
    one, other = left.double(), right.double()
    if one.shape != other.shape or one.shape[1] != 1 or not bool((one * other).any()):
        return None
    return Related("scalar-multiple", by_value=False, cosine=1.0)


def same_elements(left: Tensor, right: Tensor) -> bool:
    """Tell whether two tensors are the same elements of the same memory, in the same order.

    Both must be alive, so their addresses mean something. Views that merely overlap (``z[:-1]``
    and ``z[1:]``) are different elements where they are paired, and a legitimate thing to compare.
    """
    return (
        left.numel() > 0
        and left.device == right.device
        and left.dtype == right.dtype
        and left.shape == right.shape
        and left.stride() == right.stride()
        and left.data_ptr() == right.data_ptr() != 0
    )


def are_tied(left: Tensor, right: Tensor) -> bool:
    """Tell whether row i of one operand resembles row i of the other more than other rows.

    A sign test over rows: is the partner nearer than half of the strangers? For rows that have
    nothing to do with each other that is a toss of a coin; they count as tied when so many wins
    come by chance less than once in a thousand. Fewer than ten rows cannot tell (2^-10).

    Parameters
    ----------
    left, right
        Rows (n, d) on the host.
    """
    one, other = left.double(), right.double()
    count = one.shape[0]
    if count < 10 or one.shape != other.shape:
        return False
    distances = torch.cdist(one, other)
    nearer = distances.diagonal() < distances.median(dim=1).values
    wins = int(nearer.sum())
    tail = sum(math.comb(count, k) for k in range(wins, count + 1)) / 2**count
    return bool(tail < 1e-3)


def mean_cosine(left: Tensor, right: Tensor) -> float | None:
    """Return the mean cosine of paired rows (n, d) in float64; None where it is undefined."""
    cosine = _cosine(left.double(), right.double())
    mean = float(cosine.mean())
    if math.isnan(mean):  # no rows, or some of length zero or not finite: seldom
        mean = float(cosine.nanmean())
    return mean if math.isfinite(mean) else None


def rows_of(tensor: Tensor, dim: int = -1) -> Tensor:
    """Return at most MOST_ROWS rows (n, d) of an operand, features last, as a view if it can be."""
    values = tensor.detach()
    if values.dim() < 2:
        values = values[None]
    elif dim not in (-1, values.dim() - 1):
        values = values.movedim(dim, -1)
    if values.dim() != 2:
        values = values.reshape(-1, values.shape[-1])
    if values.shape[0] > MOST_ROWS:
        values = values[:: -(-values.shape[0] // MOST_ROWS)]
    return values


def _resolution(left: Tensor, right: Tensor) -> float:
    """Return the distance from 1 to the next number in the coarser of two stored precisions."""
    return max(torch.finfo(left.dtype).eps, torch.finfo(right.dtype).eps)


def _tolerance(eps: float) -> float:
    """Return how far below 1 the cosine of two stored multiples of one vector can lie.

    Rounding moves each coordinate by at most eps/2 of itself, so the angle is below eps and
    ``1 - cos`` below eps² / 2 for each operand. Float64 arithmetic itself errs by some 1e-15.
    """
    return max(2 * eps**2, 1e-13)


def _proportional(left: Tensor, right: Tensor, tolerance: float) -> Related | None:
    """Test rows for equality, then for proportionality."""
    if left.shape[0] == 0 or left.shape[1] < 3:
        return None
    cosine = _cosine(left, right)
    gap, lowest = torch.stack([(left - right).abs().amax(), cosine.abs().amin()]).tolist()
    # Nearly all operands are neither. NaN, the cosine of a row that is zero or not finite, fails.
    if not (gap == 0.0 or lowest >= 1 - tolerance) or not _rows_differ(left, right, tolerance):
        return None
    if gap == 0.0:
        return Related("equal", by_value=True, cosine=1.0, scale=1.0, difference=0.0)
    size = float(left.abs().amax().clamp_min(torch.finfo(torch.float64).tiny))
    scale = (left * right).sum(1) / (left * left).sum(1)
    scales = (float(scale.amin()), float(scale.amax()))
    return Related("scalar-multiple", True, lowest, float(scale.mean()), gap / size, scales)


def _affine(left: Tensor, right: Tensor, eps: float) -> Related | None:
    """Test rows for a factor and an offset; ``cosine`` is that of what varies, the correlation."""
    fit = fit_affine(left, right, eps)
    if fit is None:
        return None
    size = float(left.abs().amax().clamp_min(torch.finfo(torch.float64).tiny))
    gap, middle = float((left - right).abs().amax()), (fit.lowest + fit.highest) / 2
    scales = (fit.lowest, fit.highest)
    return Related("affine", True, fit.correlation, middle, gap / size, scales, fit.offset)


def _rows_differ(left: Tensor, right: Tensor, tolerance: float) -> bool:
    """Rule out that the pairs agree only because everything agrees.

    In a collapsed batch each row is a multiple of each other row, and that says nothing about the
    two operands. One row alone must at least vary along its coordinates.
    """
    if left.shape[0] == 1:
        row = left[0]
        return bool((row.amax() - row.amin()) > 0)
    mismatched = _cosine(left, right.roll(1, 0)).abs()
    return bool((1 - mismatched).nan_to_num(0.0).amax() > 1000 * tolerance)


def _cosine(left: Tensor, right: Tensor) -> Tensor:
    dot = (left * right).sum(1)
    lengths: Tensor = _lengths(left, dim=1) * _lengths(right, dim=1)
    return dot / lengths
