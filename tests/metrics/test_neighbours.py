"""Intrinsic dimension, hubs and label agreement, against scikit-dimension, scipy and sklearn."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from collapse_doctor.metrics.neighbours import (
    hubness,
    label_agreement,
    local_dimension,
    neighbourhood,
    two_nn,
)


def gaussian(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def swiss_roll(rows: int) -> np.ndarray:
    random = np.random.default_rng(1)
    angle = 1.5 * np.pi * (1 + 2 * random.random(rows))
    return np.stack([angle * np.cos(angle), 21 * random.random(rows), angle * np.sin(angle)], 1)


CLOUDS = {"5-d": gaussian(800, 5), "50-d": gaussian(600, 50), "swiss roll": swiss_roll(900)}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_neighbours_are_those_of_sklearn(cloud):
    rows = CLOUDS[cloud]
    near = neighbourhood(rows, 7)
    found = NearestNeighbors(n_neighbors=8, algorithm="brute").fit(rows[near.kept])
    distances, places = found.kneighbors(rows[near.kept])
    np.testing.assert_allclose(near.distances, distances[:, 1:], rtol=1e-9)
    assert (near.places == places[:, 1:]).mean() > 0.999


@pytest.mark.parametrize("cloud", CLOUDS)
def test_dimension_agrees_with_scikit_dimension(cloud):
    skdim = pytest.importorskip("skdim")
    near = neighbourhood(CLOUDS[cloud], 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        two = skdim.id.TwoNN().fit(CLOUDS[cloud]).dimension_
        local = skdim.id.MLE().fit(CLOUDS[cloud], n_neighbors=20).dimension_
    # its empirical distribution counts from 0, the paper's and ours from 1
    assert two_nn(near) == pytest.approx(two, rel=1e-2)
    assert local_dimension(near) == pytest.approx(local, rel=1e-6)


def test_dimension_of_ratios_known_exactly():
    """Pairs on a line with r₂/r₁ at the quantiles of μ^-3 lie on the paper's line exactly."""
    quantiles = np.arange(1, 101) / 100
    ratios = (1 - quantiles[:90]) ** (-1 / 3)
    near = neighbourhood(gaussian(100, 3), 2)
    distances = np.ones((100, 2))
    distances[:90, 1], distances[90:, 1] = ratios, 1e6
    assert two_nn(type(near)(distances, near.places, near.kept)) == pytest.approx(3.0, rel=1e-12)


def test_near_rows_far_from_the_origin_are_measured_to_the_last_digit():
    rows = np.array([[0.0, 0.0], [1e-9, 0.0], [0.0, 1.0]]) + 1e6
    near = neighbourhood(rows, 1)
    gap = np.diff(np.sort(rows[:2, 0]))[0]
    assert sorted(near.distances[:, 0])[:2] == pytest.approx([gap, gap], rel=1e-12)


def test_equal_rows_are_taken_once():
    rows = gaussian(300, 6)
    once, twice = neighbourhood(rows, 20), neighbourhood(np.repeat(rows, 3, axis=0), 20)
    assert two_nn(twice) == two_nn(once)
    assert local_dimension(twice) == local_dimension(once)
    assert hubness(twice) == hubness(once)
    assert (twice.distances > 0).all()


def test_hubness_agrees_with_scipy_and_sees_hubs():
    rows = gaussian(500, 50)
    near = neighbourhood(rows, 10)
    counts = np.bincount(near.places.ravel(), minlength=500)
    assert hubness(near) == pytest.approx(float(skew(counts)), rel=1e-12)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert hubness(near) > 3.0  # 5.9 at 2000 rows
    assert hubness(neighbourhood(unit, 10)) < 0.6  # 0.2 to 0.33 at 2000 rows


def test_label_agreement_is_leave_one_out_nearest_neighbour():
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, 200)
    rows = gaussian(200, 8) + 2.0 * np.eye(4, 8)[labels]
    model = KNeighborsClassifier(1)
    wanted = [
        model.fit(np.delete(rows, i, 0), np.delete(labels, i)).predict(rows[i : i + 1])[0]
        == labels[i]
        for i in range(200)
    ]
    assert label_agreement(neighbourhood(rows, 1), labels) == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_rows_are_said_and_not_guessed_over(count):
    near = neighbourhood(gaussian(count, 3), 20)
    assert math.isnan(hubness(near))
    assert math.isnan(two_nn(near)) or count == 1
    assert math.isnan(label_agreement(near, np.zeros(count))) == (count < 2)


def test_one_distinct_row_has_no_dimension():
    near = neighbourhood(np.ones((50, 8)), 20)
    assert two_nn(near) == local_dimension(near) == 0.0
