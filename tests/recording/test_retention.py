"""Thinned lists and the choice of snapshots, held against what they promise."""

import itertools
import math

import pytest

from collapse_doctor.recording.retention import DENSE, Retention, ThinnedList, is_kept, series_of


def fill(limit, count):
    series: ThinnedList[int] = ThinnedList(limit)
    for number in range(count):
        series.append(number)
    return series


def test_a_list_below_its_limit_keeps_everything():
    assert fill(200, 200).items == list(range(200))


def test_a_full_list_keeps_beginning_and_end_and_thins_the_middle():
    series = fill(400, 5_000)
    assert series.items[:DENSE] == list(range(DENSE))
    assert series.items[-DENSE:] == list(range(5_000 - DENSE, 5_000))
    assert 200 < len(series.items) <= 400
    assert series.dropped + len(series.items) == 5_000
    gaps = [b - a for a, b in itertools.pairwise(series.items)]
    # 4 872 entries lie between, for 272 places: one in 32 of them is kept, since one in 16 does
    # not fit.
    assert max(gaps) == 32


def test_a_limit_that_leaves_nothing_to_thin_is_refused():
    with pytest.raises(ValueError, match="above 129"):
        ThinnedList(2 * DENSE + 1)


@pytest.mark.parametrize("length", [10, 100, 1_000, 100_000])
def test_what_is_written_grows_with_the_logarithm_of_the_length(length):
    limit = 100
    kept = [number for number in range(length) if is_kept(number, limit)]
    assert kept[:limit] == list(range(min(limit, length)))
    doublings = max(0, math.ceil(math.log2(length / limit)))
    assert len(kept) <= limit + doublings * limit / 2 + 1


def survivors(budget, steps, layers=("a",), size=1):
    retention, keys = Retention(budget), itertools.count()
    kept: dict[int, tuple[str, int]] = {}
    for step in range(steps):
        for layer in layers:
            key = next(keys)
            kept[key] = (layer, step)
            for dropped in retention.add(key, ("", layer), step, size):
                del kept[dropped]
    assert retention.used == size * len(kept) <= budget
    return list(kept.values())


def test_first_and_last_snapshots_stay_and_the_middle_is_geometric():
    steps = [step for _, step in survivors(40, 3_000)]
    assert steps[:4] == [0, 1, 2, 3]
    assert steps[-10:] == list(range(2_990, 3_000))
    ratios = [(b + 1) / (a + 1) for a, b in itertools.pairwise(steps)]
    assert len(steps) == 40
    assert max(ratios) <= 2  # doubling from the first step on: no era is missing


def test_every_layer_keeps_its_first_and_last_snapshot():
    kept = survivors(8, 500, layers=("a", "b", "c"))
    for layer in ("a", "b", "c"):
        steps = [step for name, step in kept if name == layer]
        assert steps[0] == 0
        assert steps[-1] == 499


def test_a_snapshot_beyond_the_budget_costs_no_other():
    retention = Retention(10)
    assert retention.add(0, ("", "a"), 0, 4) == []
    assert retention.add(1, ("", "a"), 1, 4) == []
    assert retention.add(2, ("", "a"), 2, 11) == [2]
    assert retention.used == 8


def test_without_anything_to_give_the_newest_goes():
    retention = Retention(10)
    retention.add(0, ("", "a"), 0, 6)
    assert retention.add(1, ("", "b"), 0, 6) == [1]


def test_a_comparison_that_shows_another_relation_is_a_series_of_its_own(make):
    healthy, sick = make.comparison(kinds=()), make.comparison(step=9, kinds=("stale",))
    assert series_of(healthy) != series_of(sick)
    assert series_of(healthy) == series_of(make.comparison(step=5, kinds=()))
