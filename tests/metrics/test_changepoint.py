"""When a measure changed: closed forms, noise, and a brute force written in another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.metrics.changepoint import FEWEST, Change, find_change

SCHEDULE = Schedule()
LOOKS = [step for step in range(3000) if SCHEDULE.measures(step)]
"""The steps that a recording has: one by one at first, then ever more rarely."""


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


def test_a_step_function_is_sudden_and_lies_between_two_neighbouring_looks() -> None:
    values = [3.0 if step < 100 else 1.0 for step in LOOKS]
    change = find_change(LOOKS, values)
    assert change is not None
    assert change.sudden
    before = max(step for step in LOOKS if step < 100)
    assert change.began == (before, min(step for step in LOOKS if step >= 100))
    assert (change.before, change.after, change.explained) == pytest.approx((3.0, 1.0, 1.0))


def test_a_ramp_is_gradual_and_its_beginning_lies_in_the_interval() -> None:
    values = [float(np.interp(step, (300, 1200), (5.0, 2.0))) for step in LOOKS]
    change = find_change(LOOKS, values)
    assert change is not None
    assert not change.sudden
    assert change.began[0] <= 300 <= change.began[1]
    assert (change.before, change.after) == pytest.approx((5.0, 2.0), abs=0.05)


def test_a_ramp_to_the_end_need_not_have_ended() -> None:
    change = find_change(LOOKS, [max(0.0, step - 1000.0) for step in LOOKS])
    assert change is not None
    assert not change.sudden
    assert change.began[0] <= 1000 <= change.began[1]


@pytest.mark.parametrize("values", [[2.0] * 40, [0.0] * 40, [math.nan] * 40, [1e300] * 40])
def test_what_does_not_vary_has_no_change(values: list[float]) -> None:
    assert find_change(LOOKS[:40], values) is None


def test_too_few_looks_have_no_change() -> None:
    jump = [0.0] * 4 + [1.0] * 4
    assert find_change(LOOKS[:FEWEST], jump) is not None
    assert find_change(LOOKS[: FEWEST - 1], jump[1:]) is None


def test_values_that_are_not_finite_are_left_out() -> None:
    values = [0.0 if step < 100 else 1.0 for step in LOOKS]
    with_gaps = [math.nan if i % 5 == 2 else value for i, value in enumerate(values)]
    kept = [(s, v) for s, v in zip(LOOKS, with_gaps, strict=True) if not math.isnan(v)]
    assert find_change(LOOKS, with_gaps) == find_change(*zip(*kept, strict=True))


@pytest.mark.parametrize("count", [8, 12, 20, 40])
def test_noise_alone_is_seldom_a_change(count: int) -> None:
    found = [find_change(LOOKS[:count], noise(count, seed).tolist()) for seed in range(300)]
    assert sum(change is not None for change in found) <= 300 * 0.01 + 5


@pytest.mark.parametrize("count", [12, 40])
def test_a_jump_in_noise_is_found_where_it_is(count: int) -> None:
    right = sudden = 0
    for seed in range(150):
        place = 3 + seed % (count - 6)
        values = noise(count, seed) + 6.0 * (np.arange(count) >= place)
        change = find_change(LOOKS[:count], values.tolist())
        assert change is not None
        sudden += change.sudden
        right += change.began[0] <= LOOKS[place - 1] and LOOKS[place] <= change.began[1]
    assert sudden >= 150 * 0.93
    assert right >= 150 * 0.95


def test_a_long_ramp_in_noise_is_gradual_and_its_beginning_in_the_interval() -> None:
    right = gradual = 0
    looks = LOOKS[:60]
    for seed in range(60):
        begin = 60 + 3 * seed
        values = noise(60, seed) + 15 * np.interp(looks, (begin, begin + 400), (0, 1))
        change = find_change(looks, values.tolist())
        assert change is not None
        gradual += not change.sudden
        right += change.began[0] <= begin <= change.began[1]
    assert gradual == 60
    assert right >= 60 * 0.9


def brute(steps: np.ndarray, values: np.ndarray) -> tuple[int, int]:
    """Search all pairs of looks with a general solver, in place of closed sums."""
    best, where = math.inf, (0, 0)
    for i in range(len(steps) - 1):
        for j in range(i + 1, len(steps)):
            ramp = np.interp(steps, [steps[i], steps[j]], [0.0, 1.0])
            design = np.column_stack([np.ones(len(steps)), ramp])
            fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
            left = float(((values - fitted) ** 2).sum())
            if left < best - 1e-9:
                best, where = left, (i, j)
    return where


@pytest.mark.parametrize("seed", range(12))
def test_the_best_ramp_is_that_of_a_search_written_in_another_way(seed: int) -> None:
    draw = np.random.default_rng(seed)
    steps = np.sort(draw.choice(500, 18, replace=False))
    begin, end = np.sort(draw.choice(steps[2:-2], 2, replace=False))
    values = 20 * np.interp(steps, (begin, end), (0, 1)) + draw.normal(size=18)
    change = find_change(steps.tolist(), values.tolist())
    i, j = brute(steps, values)
    assert change is not None
    if change.sudden:
        assert j - i <= 2  # a look or two on the way do not make a slope
    else:
        assert change.began[0] <= steps[i] <= change.began[1]


def test_so_do_the_changes_of_an_exact_ramp() -> None:
    steps = np.array(LOOKS[:30])
    values = np.interp(steps, (steps[7], steps[19]), (0.0, 4.0))
    assert brute(steps, values) == (7, 19)
    change = find_change(steps.tolist(), values.tolist())
    assert change is not None
    assert change.began == (steps[6], steps[8])


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=30),
    st.floats(0.1, 10.0),
    st.floats(-100.0, 100.0),
)
def test_any_history_gives_an_answer_that_units_do_not_change(
    values: list[float], scale: float, shift: float
) -> None:
    looks = LOOKS[: len(values)]
    change = find_change(looks, values)
    if change is None:
        return
    assert looks[0] <= change.began[0] < change.began[1] <= looks[-1]
    assert math.isfinite(change.before + change.after)
    assert isinstance(change, Change)
    if change.explained < 1 - 1e-6 and np.std(values) > 1:
        moved = find_change(looks, [scale * value + shift for value in values])
        assert moved is not None
        assert moved.sudden == change.sudden


def test_a_long_history_is_thinned_and_still_placed() -> None:
    steps = list(range(5000))
    change = find_change(steps, [0.0 if step < 3210 else 1.0 for step in steps])
    assert change is not None
    assert change.sudden
    assert change.began[0] < 3210 <= change.began[1]
    assert change.began[1] - change.began[0] <= 40
