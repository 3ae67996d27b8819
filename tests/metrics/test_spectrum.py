"""Ranks against a float64 SVD, closed forms and published corrections."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.spectrum import (
    corrected_participation_ratio,
    effective_rank,
    participation_ratio,
    rankme,
    stable_rank,
    top_share,
)

ALL = (effective_rank, rankme, participation_ratio, stable_rank, top_share)


def covariance_spectrum(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=0)
    return np.linalg.svd(centred, compute_uv=False)[: len(rows) - 1] ** 2 / (len(rows) - 1)


@pytest.mark.parametrize("k", [1, 3, 17])
def test_k_equal_directions_count_as_k(k):
    values = np.r_[np.full(k, 2.5), np.zeros(5)]
    assert effective_rank(values) == pytest.approx(k)
    assert participation_ratio(values) == pytest.approx(k)
    assert stable_rank(values) == pytest.approx(k)
    assert top_share(values) == pytest.approx(1 / k)


def test_effective_rank_is_that_of_singular_values_not_of_eigenvalues():
    shares = np.array([2.0, 1.0]) / 3.0  # singular values 2 and 1
    expected = math.exp(-float((shares * np.log(shares)).sum()))
    assert effective_rank([4.0, 1.0]) == pytest.approx(expected)


def test_rankme_floor_of_one_direction():
    """exp(-d ε ln ε) for d = 2048 and both constants in use."""
    values = np.r_[1.0, np.zeros(2047)]
    assert rankme(values, 1e-7) == pytest.approx(1.0033, abs=1e-4)
    assert rankme(values, 1e-5) == pytest.approx(1.2657, abs=1e-4)


@pytest.mark.parametrize("function", ALL)
def test_no_spread_reads_as_one_direction_and_no_rows_as_nan(function):
    assert function(np.zeros(7)) == 1.0
    assert math.isnan(function(np.zeros(0)))
    assert math.isnan(function([1.0, math.nan]))


@pytest.mark.parametrize("rows", [32, 64, 256, 1024])
def test_participation_ratio_of_isotropic_rows_is_corrected_to_the_width(rows):
    plain, corrected = [], []
    for seed in range(3):
        values = covariance_spectrum(np.random.default_rng(seed).normal(size=(rows, 768)))
        plain.append(participation_ratio(values))
        corrected.append(corrected_participation_ratio(values, rows - 1, 10**6))
    assert np.mean(plain) == pytest.approx(nulls.participation_ratio(rows - 1, 768), rel=0.01)
    # a single draw scatters by 2/n
    assert np.mean(corrected) == pytest.approx(768, rel=2 * 2 / rows)


def test_participation_ratio_of_a_power_law_is_corrected_at_few_rows():
    """1/i eigenvalues at d = 768: 31.73 in the population, half of it in 32 plain rows."""
    law = 1.0 / np.arange(1, 769)
    assert participation_ratio(law) == pytest.approx(31.73, abs=0.01)
    plain, corrected = [], []
    for seed in range(12):
        rows = np.random.default_rng(seed).normal(size=(32, 768)) * np.sqrt(law)
        values = covariance_spectrum(rows)
        plain.append(participation_ratio(values))
        corrected.append(corrected_participation_ratio(values, 31, 768))
    assert np.mean(plain) == pytest.approx(16, abs=1.5)
    assert np.mean(corrected) == pytest.approx(31.73, rel=0.15)


def test_correction_is_bounded_exact_for_one_direction_and_silent_below_three_rows():
    assert corrected_participation_ratio([3.0, 0.0, 0.0], 50, 128) == pytest.approx(1.0)
    assert corrected_participation_ratio([1.0, 1.0, 1.0], 3, 128) == 128  # tr Σ² estimated as 0
    assert corrected_participation_ratio(np.zeros(3), 3, 128) == 1.0
    assert math.isnan(corrected_participation_ratio([1.0], 1, 128))
