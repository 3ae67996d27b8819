"""Trends, held against SciPy and against counting all orders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from collapse_doctor.metrics.trend import FEWEST, trend

STEPS = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]


@pytest.mark.parametrize("seed", range(8))
def test_the_slope_and_its_interval_are_those_of_scipy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = 0.01 * seed * np.array(STEPS) + draw.standard_t(2, size=len(STEPS))
    found = trend(STEPS, values.tolist())
    slope, _, low, high = stats.theilslopes(values, STEPS, alpha=0.99)
    assert found is not None
    assert (found.slope, found.low, found.high) == pytest.approx((slope, low, high))


@pytest.mark.parametrize("seed", range(8))
def test_the_chance_is_that_of_kendalls_test(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=12)
    found = trend(STEPS, values.tolist())
    assert found is not None
    exact = stats.kendalltau(STEPS, values, alternative="less", method="exact").pvalue
    assert found.falls == pytest.approx(exact, abs=0.01)


def test_the_chance_is_the_share_of_all_orders_that_fall_as_steadily() -> None:
    values = [5.0, 6.0, 3.0, 4.0, 1.0, 2.0]

    def falls(order: tuple[float, ...]) -> int:
        return sum(a > b for a, b in itertools.combinations(order, 2))

    orders = list(itertools.permutations(values))
    exact = sum(falls(order) >= falls(tuple(values)) for order in orders) / len(orders)
    found = trend(STEPS[:6], values)
    assert found is not None
    assert found.falls == pytest.approx(exact, abs=0.01)


def test_a_line_has_its_slope_and_no_doubt() -> None:
    found = trend(STEPS, [3.0 - 0.25 * step for step in STEPS])
    assert found is not None
    assert (found.slope, found.low, found.high) == pytest.approx((-0.25,) * 3)
    assert found.falls < 1e-4
    assert found.rises > 1 - 1e-4


def test_a_quarter_of_outliers_does_not_turn_it() -> None:
    values = [3.0 - 0.25 * step for step in STEPS]
    for place in (1, 6, 10):
        values[place] = 1e3
    found = trend(STEPS, values)
    assert found is not None
    assert found.slope == pytest.approx(-0.25, abs=0.1)


def test_ties_and_constants_have_no_trend() -> None:
    found = trend(STEPS, [1.0] * len(STEPS))
    assert found is not None
    assert (found.falls, found.rises, found.slope) == (1.0, 1.0, 0.0)


def test_too_few_values_have_none() -> None:
    values = [float(step) for step in STEPS]
    assert trend(STEPS[:FEWEST], values[:FEWEST]) is not None
    assert trend(STEPS[: FEWEST - 1], values[: FEWEST - 1]) is None
    assert trend(STEPS, [math.nan if i > 3 else v for i, v in enumerate(values)]) is None


def test_noise_passes_as_often_as_is_said() -> None:
    draws = np.random.default_rng(0).normal(size=(2000, len(STEPS)))
    passed = [found.falls <= 0.05 for row in draws if (found := trend(STEPS, row.tolist()))]
    assert 0.03 < np.mean(passed) < 0.065
