"""Intervals cover what they say they cover, by simulation on spectra that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from collapse_doctor.batch import measure_batch
from collapse_doctor.metrics.intervals import intervals, proportion

NAMES = (
    "effective_rank",
    "participation_ratio",
    "top_share",
    "stable_rank",
    "mean_cosine",
    "relative_dispersion",
    "direction_dispersion",
    "uniformity",
    "norm_mean",
)
DRAWS = 120


def drawn(rows: int, width: int, exponent: float, mean: float, seed: int) -> np.ndarray:
    """Gaussian rows whose variances fall as i^-exponent, about a common mean."""
    scales = np.arange(1, width + 1.0) ** (-exponent / 2)
    return np.random.default_rng(seed).normal(size=(rows, width)) * scales + mean


@pytest.mark.parametrize(
    ("rows", "width", "exponent", "mean"),
    [(400, 16, 1.0, 0.3), (200, 64, 0.5, 1.0), (100, 128, 1.0, 0.5), (60, 10, 0.0, 1.0)],
)
def test_an_interval_covers_the_mean_of_other_draws_at_about_its_nominal_rate(
    rows, width, exponent, mean
):
    """Nominal 0.95: below 0.89 is three standard deviations of 120 draws under it."""
    found = []
    for seed in range(DRAWS):
        values = measure_batch(torch.from_numpy(drawn(rows, width, exponent, mean, seed)), NAMES)
        about = intervals(drawn(rows, width, exponent, mean, seed), values)
        found.append([(values[name], *about[name]) for name in NAMES])
    every = np.array(found)
    truth = every[:, :, 0].mean(axis=0)
    covered = ((every[:, :, 1] <= truth) & (truth <= every[:, :, 2])).mean(axis=0)
    for name, rate in zip(NAMES, covered, strict=True):
        assert rate >= 0.89, (name, rate)


def test_the_interval_of_the_participation_ratio_covers_the_population_of_the_known_spectrum():
    spectrum = np.arange(1, 33.0) ** -1.0
    truth, hits = spectrum.sum() ** 2 / np.square(spectrum).sum(), 0
    for seed in range(DRAWS):
        rows = drawn(300, 32, 1.0, 0.0, seed)
        values = measure_batch(torch.from_numpy(rows), ["participation_ratio"])
        low, high = intervals(rows, values)["participation_ratio"]
        hits += low <= truth <= high
    assert hits / DRAWS >= 0.89


def test_intervals_are_not_wide_without_need():
    """On a spectrum with a slope the half-width is 1.96 standard deviations, within a third."""
    values, halves = [], []
    for seed in range(DRAWS):
        rows = drawn(300, 32, 1.0, 1.0, seed)
        value = measure_batch(torch.from_numpy(rows), ["effective_rank", "mean_cosine"])
        about = intervals(rows, value)
        values.append([value["effective_rank"], value["mean_cosine"]])
        halves.append([np.ptp(about[name]) / 2 for name in ("effective_rank", "mean_cosine")])
    ratio = np.mean(halves, axis=0) / (1.96 * np.std(values, axis=0))
    assert np.all((ratio > 0.75) & (ratio < 1.33)), ratio


def test_the_naive_bootstrap_would_miss_where_this_covers():
    """Repeated rows lower a rank: the bootstrap's interval lies below what was measured."""
    rows = drawn(100, 128, 0.0, 0.0, 0)
    value = measure_batch(torch.from_numpy(rows), ["effective_rank"])["effective_rank"]
    random, naive = np.random.default_rng(1), []
    for _ in range(40):
        again = torch.from_numpy(rows[random.integers(0, len(rows), len(rows))])
        naive.append(measure_batch(again, ["effective_rank"])["effective_rank"])
    assert max(naive) < value
    low, high = intervals(rows, {"effective_rank": value})["effective_rank"]
    assert low < value < high


def test_a_sample_of_a_large_file_gives_the_interval_of_all_rows():
    rows = drawn(8000, 16, 1.0, 0.5, 3)
    values = measure_batch(torch.from_numpy(rows), NAMES)
    whole, part = intervals(rows, values), intervals(rows[::8], values, count=len(rows))
    for name in NAMES:
        assert np.ptp(part[name]) == pytest.approx(np.ptp(whole[name]), rel=0.2), name


def test_ends_stay_inside_the_range_of_a_measure():
    rows = drawn(20, 6, 0.0, 0.0, 0)
    values = measure_batch(torch.from_numpy(rows), NAMES)
    about = intervals(rows, values)
    assert about["relative_dispersion"][1] <= 1.0
    assert about["participation_ratio"][1] <= 6.0
    assert about["effective_rank"][0] >= 1.0


@pytest.mark.parametrize("kind", ["constant", "zero", "few", "not finite"])
def test_where_nothing_scatters_there_is_no_interval_and_no_error(kind):
    rows = np.ones((30, 5))
    if kind == "zero":
        rows *= 0
    elif kind == "few":
        rows = drawn(7, 5, 0, 0, 0)
    elif kind == "not finite":
        rows[:] = math.nan
    values = dict.fromkeys(NAMES, 1.0)
    for low, high in intervals(rows, values).values():
        assert math.isfinite(low)
        assert math.isfinite(high)


def test_rows_that_are_not_finite_are_left_out():
    rows = drawn(50, 5, 0.0, 1.0, 0)
    values = measure_batch(torch.from_numpy(rows), NAMES)
    broken = np.concatenate([rows, np.full((2, 5), math.nan)])
    assert intervals(broken, values, 50) == intervals(rows, values, 50)


def test_a_share_of_few_rows_is_uncertain_at_its_ends_too():
    assert proportion(0.0, 20)[0] == 0.0
    assert proportion(0.0, 20)[1] == pytest.approx(0.161, abs=1e-3)  # Wilson 1927
    assert proportion(1.0, 20)[1] == 1.0
