"""Pairwise moments against numpy, where plain sums of squares lose every digit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from collapse_doctor.accumulators.moments import RunningMoments, centre
from collapse_doctor.accumulators.scatter import Scatter


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e8])
def test_merged_moments_are_those_of_all_rows(offset):
    rows = np.random.default_rng(0).normal(size=(300, 4)) + offset
    parts = [torch.from_numpy(part) for part in np.split(rows, [1, 7, 200])]
    held = RunningMoments.empty(4)
    for part in parts:
        held.merge(RunningMoments.of(part))
    exact = rows.astype(np.longdouble)
    squares = ((exact - exact.mean(axis=0)) ** 2).sum(axis=0).astype(float)
    assert held.count == 300
    np.testing.assert_allclose(held.mean, rows.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(held.squares, squares, rtol=1e-7 if offset > 1e6 else 1e-12)
    np.testing.assert_array_equal(held.minimum, rows.min(axis=0))
    np.testing.assert_array_equal(held.maximum, rows.max(axis=0))


def test_equal_rows_have_no_spread_at_all_however_they_are_merged():
    row = torch.tensor([[0.1, 1e9, 1 / 3]], dtype=torch.float64)
    held = RunningMoments.of(row.expand(7, 3))
    held.merge(RunningMoments.of(row.expand(1001, 3)))
    assert held.squares.tolist() == [0.0, 0.0, 0.0]
    mean, deviations = centre(row.expand(11, 3))
    assert torch.equal(mean, row[0])
    assert not deviations.any()


def test_merging_leaves_the_other_as_it_was():
    first = RunningMoments.empty(2)
    second = RunningMoments.of(torch.eye(2, dtype=torch.float64))
    first.merge(second)
    first.merge(RunningMoments.of(torch.ones(3, 2, dtype=torch.float64)))
    assert (second.count, second.mean.tolist()) == (2, [0.5, 0.5])
    first.merge(RunningMoments.empty(2))
    assert first.count == 5


def test_merged_scatter_is_that_of_all_rows():
    rows = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)).double() + 100
    held = Scatter.of(rows[:3])
    held.merge(Scatter.of(rows[3:]))
    centred = rows.numpy() - rows.numpy().mean(axis=0)
    np.testing.assert_allclose(held.matrix, centred.T @ centred, rtol=1e-10, atol=1e-10)
