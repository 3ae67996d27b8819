"""The sample is uniform however it came about, over many draws with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from collapse_doctor.accumulators.reservoir import Reservoir, _smallest_keys


def block(start: int, stop: int, size: int = 8) -> Reservoir:
    """Return rows that hold their own place."""
    places = np.arange(stop - start)
    rows = torch.arange(start, stop, dtype=torch.float32)[:, None]
    return Reservoir.of(rows, places, [f"row {i}" for i in range(start, stop)], size)


def empty(size: int = 8) -> Reservoir:
    return block(0, 0, size)


def in_chunks(draw: int) -> Reservoir:
    held = empty()
    for start in range(0, 40, 10):
        held.merge(block(start, start + 10), (draw, start), offset=start)
    return held


def all_at_once(draw: int) -> Reservoir:
    held = empty()
    held.merge(block(0, 40), (draw,))
    return held


def uneven_tree(draw: int) -> Reservoir:
    left, right, whole = empty(), empty(), empty()
    left.merge(block(0, 4), (draw, 1))
    right.merge(block(4, 30), (draw, 2))
    right.merge(block(30, 37), (draw, 3), offset=26)
    whole.merge(block(37, 40), (draw, 4), offset=37)
    left.merge(right, (draw, 5), offset=4)
    left.merge(whole, (draw, 6))
    return left


def other_sizes(draw: int) -> Reservoir:
    """Return what is left of a large sample after a small one, which has lost rows, came in."""
    held, small = empty(30), empty(5)
    held.merge(block(0, 25), (draw, 1))
    small.merge(block(25, 40), (draw, 2))
    held.merge(small, (draw, 3), offset=25)
    return held


@pytest.mark.parametrize("build", [in_chunks, all_at_once, uneven_tree, other_sizes])
def test_every_row_and_every_pair_is_equally_likely(build):
    draws, rows, size = 1200, 40, len(build(0).places)
    assert size == (5 if build is other_sizes else 8)
    chosen = np.zeros((draws, rows))
    for draw in range(draws):
        held = build(draw)
        assert held.count == rows
        assert len(held.places) == size
        chosen[draw, held.places] = 1
    singles = chosen.sum(axis=0)
    expected = draws * size / rows
    # counts of a draw without replacement vary by 1 - k/n less than independent ones
    statistic = ((singles - expected) ** 2 / expected).sum() / (1 - size / rows)
    assert statistic < chi2.ppf(0.999, rows - 1)
    together = (chosen.T @ chosen)[np.triu_indices(rows, k=1)] / draws
    expected = size * (size - 1) / (rows * (rows - 1))
    assert together.mean() == pytest.approx(expected)
    assert abs(together - expected).max() < 5 * np.sqrt(expected / draws)


@pytest.mark.parametrize("build", [in_chunks, all_at_once, uneven_tree, other_sizes])
def test_rows_places_and_labels_stay_together(build):
    sample = build(3).in_order()
    assert sample.places.tolist() == sorted(sample.places)
    assert sample.rows[:, 0].tolist() == sample.places.tolist()
    assert sample.labels is not None
    assert sample.labels.tolist() == [f"row {place}" for place in sample.places]


def test_keys_are_the_smallest_of_independent_exponential_ones():
    random, kept, count = np.random.default_rng(0), 6, 9
    direct = np.sort(random.exponential(size=(20000, count)), axis=1)[:, :kept]
    drawn = np.array([_smallest_keys(kept, count, random) for _ in range(20000)])
    np.testing.assert_allclose(np.sort(drawn).mean(axis=0), direct.mean(axis=0), rtol=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), direct.mean(), rtol=0.05)


def test_nothing_is_drawn_while_all_rows_fit():
    held = empty(100)
    held.merge(block(0, 60), (0,))
    held.merge(block(60, 90), (0,), offset=60)
    assert held.complete
    assert held.places.tolist() == list(range(90))


def test_the_other_is_left_alone_and_a_seed_repeats_itself():
    other = block(0, 30)
    first, second = empty(), empty()
    first.merge(other, (7,))
    second.merge(other, (7,))
    assert first.places.tolist() == second.places.tolist()
    first.rows.zero_()
    assert other.rows[:, 0].tolist() == list(range(30))


def test_a_size_of_zero_keeps_nothing():
    held = empty(0)
    held.merge(block(0, 30), (0,))
    assert (held.count, len(held.rows)) == (30, 0)
    assert held.in_order().labels is None
