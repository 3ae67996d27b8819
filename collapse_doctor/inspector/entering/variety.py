"""How varied some rows are, as a network sees them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["dispersion", "extremes", "runs"]


def dispersion(rows: Tensor, width: int) -> float | None:
    """Return what a freshly drawn linear layer with a bias leaves of the spread of rows.

    Such a layer (weights and bias of one variance, as PyTorch draws them) returns W·x + b. The
    part of it that all rows share has a mean square of m² + 1, in units of that variance, where m
    is the length of the mean row, and the part in which they differ L², the mean square distance
    from the mean row. The share L / sqrt(1 + m² + L²) is in [0, 1]; it is that of the rows
    themselves where they are long, and smaller where they are short beside the bias.

    Parameters
    ----------
    rows
        (n, c), some numbers of each row, on the host; None is returned unless they are floating.
    width
        How many numbers a row has.
    """
    if not rows.is_floating_point() or not len(rows):
        return None
    values = rows.to(torch.float64)
    mean = values.mean(dim=0)
    scale = width / max(1, rows.shape[1])
    apart = scale * float((values - mean).square().sum()) / len(rows)
    shared = scale * float(mean.square().sum())
    found = math.sqrt(apart / (1.0 + shared + apart)) if math.isfinite(apart + shared) else math.nan
    return found if math.isfinite(found) else None


def extremes(rows: Tensor) -> tuple[float | None, float | None]:
    """Return the smallest and the largest number of some rows; None where they are not finite."""
    if rows.is_complex() or not rows.numel():
        return None, None
    low, high = float(rows.min()), float(rows.max())
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


def runs(rows: Tensor) -> int:
    """Return how many rows (n, w) of whole numbers differ if runs of one number count as one.

    Sentences of which each word became the same word differ in nothing but their length. One that
    fills the whole width has no padding, which the others have as their last run, or their first.
    """
    differs = torch.ones_like(rows, dtype=torch.bool)
    differs[:, 1:] = rows[:, 1:] != rows[:, :-1]
    found = {tuple(row[keep].tolist()) for row, keep in zip(rows, differs, strict=True)}
    longest = max(found, key=len, default=())
    unpadded = (longest[:-1], longest[1:])
    return 1 if any(found <= {longest, one} for one in unpadded if one) else len(found)
