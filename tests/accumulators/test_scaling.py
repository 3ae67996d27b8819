"""Lengths and directions of rows whose squares float64 cannot hold, and the units they need."""

from __future__ import annotations

import math

import pytest
import torch

from collapse_doctor.accumulators.scaling import careful, exponent_of, ordinary, scaled


@pytest.mark.parametrize(
    ("peak", "exponent"),
    [
        (0.0, 0),
        (2.0**-149, 0),
        (3.4e38, 0),
        (2.0**-150, -149),
        (2.0**128, 129),
        (2.0**600, 601),
        (2.0**-600, -599),
    ],
)
def test_units_belong_to_magnitudes(peak, exponent):
    assert exponent_of(peak) == exponent


def test_units_grow_with_the_magnitude_and_stay_normal():
    found = [exponent_of(math.ldexp(1.0, power)) for power in range(-1074, 1024)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (-1000, 1000)


def test_scaling_is_exact_and_back():
    rows = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(scaled(scaled(rows, -900), 900), rows)
    assert torch.equal(scaled(rows, -2000), rows * 0)


def test_rows_of_all_sizes_at_once():
    """Each row is (3, 4) times a power of two, so its length and direction are known exactly."""
    powers = [-1074, -1030, -600, -160, 0, 160, 600, 1000, 1021]
    rows = torch.tensor(
        [[math.ldexp(3, p), math.ldexp(4, p)] for p in powers] + [[0.0, -0.0]],
        dtype=torch.float64,
    )
    assert ordinary(rows) is None
    parts = careful(rows)
    assert parts.peak == math.ldexp(4, 1021)
    assert len(parts.reach) == len(powers)
    wanted = torch.tensor([[0.6, 0.8]], dtype=torch.float64).expand(len(powers), 2)
    torch.testing.assert_close(parts.directions, wanted, rtol=1e-15, atol=0)
    lengths = torch.tensor([math.ldexp(5, p - 1000) for p in powers] + [0.0], dtype=torch.float64)
    torch.testing.assert_close(parts.lengths, lengths, rtol=1e-15, atol=0)  # small ones underflow


def test_both_ways_agree_where_both_apply():
    rows = torch.randn(50, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    quick, slow = ordinary(rows), careful(rows)
    assert quick is not None
    assert torch.equal(quick.lengths, slow.lengths)
    assert torch.equal(quick.directions, slow.directions)
    assert exponent_of(quick.peak) == exponent_of(slow.peak)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e200])
def test_what_needs_care_is_noticed(bad):
    rows = torch.ones(4, 3, dtype=torch.float64)
    assert ordinary(rows) is not None
    rows[2, 1] = bad
    assert ordinary(rows) is None
    assert ordinary(rows[:0]) is None
    rows[2] = 0.0
    assert ordinary(rows) is None
