"""Counts of equal rows: exact, then estimated, always independent of order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from collapse_doctor.accumulators.distinct import DistinctRows, count_distinct, row_hashes


def counted(hashes, limit: int = 2**17) -> DistinctRows:
    held = DistinctRows(limit)
    held.add(hashes)
    return held


def test_equal_rows_share_a_hash_and_others_do_not():
    rows = torch.tensor([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [0.0, -1.0]]).double()
    first, second, *others = row_hashes(rows).tolist()
    assert first == second
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    ("rows", "different"),
    [
        ([[0.0, 1.0], [-0.0, 1.0], [2.0, 0.5]], 2),  # equal, with bits that differ
        ([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], 3),  # different, with bits of one sum
        ([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]], 2),
        ([[1.0, 2.0]], 1),
    ],
)
def test_different_rows_are_counted(rows, different):
    assert count_distinct(torch.tensor(rows, dtype=torch.float64)) == different


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
def test_hashes_of_different_rows_differ(dtype):
    """Small integers and short mantissas leave most bits empty: the mixing has to fill them."""
    grid = torch.cartesian_prod(*[torch.arange(-3, 5)] * 5).to(dtype)
    hashes = row_hashes(grid.to(torch.float64))
    assert len(set(hashes.tolist())) == 8**5
    ones = [(hashes >> bit & 1).double().mean().item() for bit in range(64)]
    np.testing.assert_allclose(ones, 0.5, atol=0.02)  # seven standard deviations


def test_counts_are_exact_up_to_the_limit():
    held = counted([1, 2, 2, 3, 3, 3])
    assert (held.distinct, held.examined, held.largest, held.exact) == (3, 6, 3, True)
    assert held.note() == ""
    assert counted([]).largest == 0


def test_beyond_the_limit_the_share_of_distinct_rows_is_estimated():
    values = row_hashes(torch.arange(40000, dtype=torch.float64)[:, None]).tolist()
    held = counted(values + values[:20000], limit=4096)
    assert held.distinct <= 4096
    assert held.distinct * 2**held.level == pytest.approx(40000, rel=0.1)
    assert held.distinct / held.examined == pytest.approx(2 / 3, rel=0.03)
    assert f"one in {2**held.level}" in held.note()


def test_what_is_kept_depends_neither_on_order_nor_on_merging():
    values = row_hashes(torch.arange(3000, dtype=torch.float64)[:, None]).tolist() * 2
    whole = counted(values, limit=100)
    backwards = counted(values[::-1], limit=100)
    left, right = counted(values[:3500], limit=100), counted(values[3500:], limit=100)
    left.merge(right)
    right.merge(counted(values[:3500], limit=100))
    for other in (backwards, left, right):
        np.testing.assert_array_equal(whole.groups, other.groups)
    assert whole.level == backwards.level == left.level == right.level > 0
