"""Powers of two that keep the squares of very large and very small numbers inside float64.

Nothing that float32 can hold is ever scaled. A float64 row of 1e160 is finite, though its square
is not, and one of 1e-300 is not zero, though its square is: such rows are measured in units of a
power of two, which costs no digit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Polar", "are_ordinary", "careful", "exponent_of", "ordinary", "scaled"]

LOWEST, HIGHEST = -149, 128
"""Magnitudes from 2⁻¹⁴⁹ up to below 2¹²⁸ are left alone: those of float32, so that a sample of the
rows fits into it. Fourth powers, which spectral measures take, then stay far inside float64.
"""

_LARGEST = 1000  # 2¹⁰⁰⁰ and 2⁻¹⁰⁰⁰ are both normal numbers, so either way of scaling is exact
_BIAS, _MANTISSA_BITS = 1023, 52  # of the exponent in IEEE 754 binary64


def exponent_of(peak: float) -> int:
    """Return e for units of 2ᵉ, given the largest magnitude of all rows.

    It grows with the magnitude and depends on nothing else, so that statistics end in the same
    units whichever way they were merged.
    """
    exponent = math.frexp(peak)[1]  # of a mantissa from 1/2 to 1
    return 0 if LOWEST < exponent <= HIGHEST else max(-_LARGEST, min(exponent, _LARGEST))


def scaled(values: Tensor, exponent: int) -> Tensor:
    """Return ``values`` · 2^exponent, exact but for what underflows; at most 1023."""
    return values * math.ldexp(1.0, exponent) if exponent else values


def are_ordinary(lowest: float, highest: float) -> bool:
    """Tell whether rows whose lengths lie between these are finite, not zero, and in units of 1."""
    # the largest of up to 2⁹⁸ coordinates is then above 2^LOWEST; NaN fails the comparison
    return 2.0**-100 <= lowest <= highest < 2.0**HIGHEST


class Polar(NamedTuple):
    """Rows taken apart: ``lengths`` (n,) of all, ``reach`` and ``directions`` of those not zero.

    Lengths are in units of 2^exponent. ``peak`` is the largest magnitude, or the largest length
    where that makes no difference to the exponent.
    """

    peak: float
    lengths: Tensor
    reach: Tensor
    directions: Tensor


def ordinary(rows: Tensor) -> Polar | None:
    """Return the parts of float64 rows (n, d), or None if they may need :func:`careful`.

    In one pass, for what nearly all rows are: finite, not zero, and with squares in range.
    """
    if not len(rows):
        return None
    lengths = torch.linalg.vector_norm(rows, dim=1)
    low, high = torch.stack(lengths.aminmax()).tolist()
    if not are_ordinary(low, high):
        return None
    return Polar(high, lengths, lengths, rows / lengths[:, None])


def careful(rows: Tensor) -> Polar:
    """Return the parts of finite float64 rows (n, d) of any magnitude, zero rows included."""
    peaks = rows.abs().amax(dim=1)
    peak = float(peaks.max()) if len(peaks) else 0.0
    pointing = peaks > 0
    aimed, tops = rows[pointing], peaks[pointing]
    own = torch.frexp(tops).exponent.to(torch.int64).clamp_(-_LARGEST, _LARGEST)
    directions = aimed * _power_of_two(-own)[:, None]
    reach = torch.linalg.vector_norm(directions, dim=1)
    directions /= reach[:, None]
    shift = own - exponent_of(peak)
    for part in (shift // 2, shift - shift // 2):  # 2^shift alone may be no normal number
        reach *= _power_of_two(part)
    return Polar(peak, peaks.masked_scatter(pointing, reach), reach, directions)


def _power_of_two(exponents: Tensor) -> Tensor:
    """Return 2^exponents by writing the bits: ``exp2`` and ``ldexp`` promise no exact result."""
    return ((exponents + _BIAS) << _MANTISSA_BITS).view(torch.float64)
