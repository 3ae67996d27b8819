"""Cosines and dispersions against all pairs, formed one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from collapse_doctor.accumulators.moments import RunningMoments
from collapse_doctor.metrics.cosine import direction_dispersion, mean_cosine, relative_dispersion


def moments(rows: np.ndarray) -> RunningMoments:
    return RunningMoments.of(torch.from_numpy(rows))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 8)) + 0.7


def test_mean_cosine_is_the_mean_over_all_pairs(rows):
    pairs = cosine_similarity(rows)[np.triu_indices(50, k=1)]
    assert mean_cosine(moments(unit(rows))) == pytest.approx(pairs.mean(), abs=1e-14)


def test_mean_cosine_keeps_its_digits_near_one():
    """Two rows at a known angle of 1e-6: one minus cosine is 5e-13."""
    rows = np.array([[1.0, 0.0], [math.cos(1e-6), math.sin(1e-6)]])
    assert 1.0 - mean_cosine(moments(rows)) == pytest.approx(5e-13, rel=1e-3)
    assert direction_dispersion(moments(rows)) == pytest.approx(5e-7, rel=1e-9)


def test_dispersions_follow_their_definitions(rows):
    directions = unit(rows)
    expected = math.sqrt(1 - np.linalg.norm(directions.mean(axis=0)) ** 2)
    assert direction_dispersion(moments(directions)) == pytest.approx(expected)
    expected = float(np.linalg.norm(rows - rows.mean(axis=0)) / np.linalg.norm(rows))
    assert relative_dispersion(moments(rows), varies=True) == pytest.approx(expected)


def test_variance_of_directions_is_one_minus_mean_cosine(rows):
    """The per-coordinate standard deviation others report is the mean cosine in disguise."""
    directions = unit(rows)
    total = directions.var(axis=0, ddof=1).sum()
    assert total == pytest.approx(1 - mean_cosine(moments(directions)), abs=1e-13)


def test_opposite_rows_have_the_lowest_mean_cosine():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert mean_cosine(moments(rows)) == pytest.approx(-1.0)
    assert direction_dispersion(moments(rows)) == pytest.approx(1.0)


def test_one_row_has_no_cosine_and_no_dispersion():
    one = moments(np.ones((1, 3)))
    values = [mean_cosine(one), direction_dispersion(one), relative_dispersion(one, varies=True)]
    assert np.isnan(values).all()


def test_rounding_is_no_dispersion():
    assert relative_dispersion(moments(np.zeros((5, 3))), varies=False) == 0.0


def test_squares_outside_float64_are_undefined_not_a_crash():
    for scale in (1e-300, 1e160):
        rows = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]]) * scale
        with np.errstate(over="ignore"):
            assert math.isnan(relative_dispersion(moments(rows), varies=True))
