"""Class measures against the simplex, sklearn and plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from collapse_doctor.metrics.classes import (
    classifier_agreement,
    classifier_alignment,
    equiangularity,
    lidar,
    variability,
    variability_ratio,
    within_over_between,
)

K, PER_CLASS, WIDTH, SIGMA = 10, 400, 32, 0.3


def simplex(classes: int, width: int) -> np.ndarray:
    """Return the unit vertices of a simplex, turned at random."""
    centred = np.eye(classes) - 1.0 / classes
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(width, classes)))[0]
    return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True) @ turn.T)


def data(sigma: float = SIGMA, seed: int = 1):
    labels = np.repeat(np.arange(K), PER_CLASS)
    noise = np.random.default_rng(seed).normal(size=(K * PER_CLASS, WIDTH))
    return simplex(K, WIDTH)[labels] + sigma * noise, labels


def moments(rows: np.ndarray, labels: np.ndarray):
    classes = np.unique(labels)
    counts = np.array([(labels == k).sum() for k in classes])
    means = np.stack([rows[labels == k].mean(0) for k in classes])
    squares = np.array([np.square(rows[labels == k] - means[k]).sum() for k in classes])
    deviations = rows - means[labels]
    return counts, means, squares, deviations.T @ deviations / len(rows)


def test_closed_forms_on_a_simplex_with_isotropic_noise():
    counts, means, squares, within = moments(*data())
    assert variability_ratio(within, simplex(K, WIDTH)) == pytest.approx(
        SIGMA**2 * (K - 1) ** 2 / K, rel=0.02
    )
    # between the unit vertices of a simplex: ‖μᵢ - μⱼ‖² = 2K/(K - 1), and tr Σ_B = 1
    assert variability(counts, means, squares) == pytest.approx(
        SIGMA**2 * WIDTH * (K - 1) / (2 * K), rel=0.02
    )
    assert within_over_between(counts, means, squares) == pytest.approx(SIGMA**2 * WIDTH, rel=0.02)
    assert equiangularity(means) == pytest.approx(0.0198 * math.sqrt(10), rel=0.2)  # noise alone


def test_the_ratio_does_not_depend_on_the_rows_per_class():
    """The noise of class means is taken off: ten rows a class read what four hundred do."""
    rows, labels = data(sigma=0.5)
    few = np.concatenate([np.flatnonzero(labels == k)[:10] for k in range(K)])
    found = [
        within_over_between(*moments(rows[part], labels[part])[:3]) for part in (few, slice(None))
    ]
    assert found[0] == pytest.approx(found[1], rel=0.2)
    plain = np.square(moments(rows[few], labels[few])[1]).sum(1).mean()
    assert moments(rows[few], labels[few])[2].sum() / len(few) / plain < 0.8 * found[1]


def test_neural_collapse_reads_0_everywhere():
    counts, means, squares, within = moments(*data(sigma=0.0))
    assert variability(counts, means, squares) == pytest.approx(0, abs=1e-20)
    assert within_over_between(counts, means, squares) == pytest.approx(0, abs=1e-20)
    assert variability_ratio(within, means) == pytest.approx(0, abs=1e-20)
    assert equiangularity(means) == pytest.approx(0, abs=1e-12)
    assert classifier_alignment(3.0 * (means - means.mean(0)), means) == pytest.approx(0, abs=1e-12)


def test_nc1_by_a_plain_pseudo_inverse():
    rows = np.random.default_rng(4).normal(size=(300, 6))
    labels = np.random.default_rng(5).integers(0, 9, 300)  # more classes than coordinates
    _, means, _, within = moments(rows, labels)
    centred = means - means.mean(0)
    wanted = np.trace(within @ np.linalg.pinv(centred.T @ centred / 9)) / 9
    assert variability_ratio(within, means) == pytest.approx(wanted)


def test_means_that_are_one():
    counts, squares = np.array([5, 5]), np.array([1.0, 1.0])
    means = np.ones((2, 3))
    assert variability(counts, means, squares) == math.inf
    assert within_over_between(counts, means, squares) == math.inf
    assert math.isnan(equiangularity(means))
    assert lidar(np.eye(3), means) == 1.0


def test_nc4_is_the_nearest_mean():
    rows, labels = data(sigma=1.0)
    _, means, _, _ = moments(rows, labels)
    nearest = np.linalg.norm(rows[:, None] - means[None], axis=2).argmin(1)
    assert classifier_agreement(nearest, rows, means) == 1.0
    assert classifier_agreement(labels, rows, means) == pytest.approx((nearest == labels).mean())


def test_lidar_spectrum_is_that_of_linear_discriminant_analysis():
    rows, labels = data()
    rows = rows * np.linspace(0.5, 2.0, WIDTH)
    _, means, _, within = moments(rows, labels)
    lda = LinearDiscriminantAnalysis(solver="eigen").fit(rows, labels)
    shares = lda.explained_variance_ratio_[: K - 1]
    wanted = math.exp(-float((shares * np.log(shares)).sum()))
    assert lidar(within, means, delta=0.0) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_lidar_at_full_collapse_is_lowest_and_not_highest(scale):
    """Entropy over nothing but its floor reads the width: the published code's mistake."""
    one = scale * np.random.default_rng(0).normal(size=WIDTH)
    means = np.tile(one, (K, 1))
    assert lidar(np.zeros((WIDTH, WIDTH)), means) == 1.0
    assert lidar(np.zeros((WIDTH, WIDTH)), means * (1 + 1e-16)) == 1.0
    _, means, _, within = moments(*data())
    assert lidar(within * scale**2, means * scale) == pytest.approx(lidar(within, means), rel=1e-9)


def test_lidar_of_noise_is_far_above_1():
    """Why it must be held against permuted labels: 100 samples of 10 views of pure noise."""
    rows = np.random.default_rng(0).normal(size=(1000, 64))
    means = rows.reshape(100, 10, 64).mean(1)
    deviations = (rows.reshape(100, 10, 64) - means[:, None]).reshape(-1, 64)
    assert lidar(deviations.T @ deviations / 900, means) == pytest.approx(44, abs=3)
