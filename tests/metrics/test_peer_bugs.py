"""Inputs on which tools like this one are known to read wrong: what is right is read here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from collapse_doctor.api import analyze
from collapse_doctor.batch import measure_batch
from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.classes import lidar
from collapse_doctor.metrics.decay import power_law
from collapse_doctor.metrics.neighbours import local_dimension, neighbourhood, two_nn
from collapse_doctor.metrics.spectrum import rankme
from collapse_doctor.summary import EmbeddingSummary


def normal(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def measured(rows: np.ndarray, *names: str) -> dict[str, float]:
    return measure_batch(torch.from_numpy(rows), names or None)


def codes(rows: np.ndarray) -> set[str]:
    return {one.code for one in analyze(torch.from_numpy(rows)).findings}


@pytest.mark.parametrize("width", [64, 128, 512])
@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_lidar_is_lowest_and_not_maximal_at_total_collapse(width, noise):
    """With its floor under eigenvalues of zero, entropy over nothing reads the width."""
    means = normal(1, width) + np.zeros((100, 1)) + noise * 1e-12 * normal(100, width)
    assert lidar(np.zeros((width, width)), means) == 1.0


def test_lidar_of_noise_is_no_better_than_with_its_labels_dealt_out_anew():
    """100 clusters read 64 and noise 65 in a peer's default: only beside a null it tells."""
    labels = np.repeat(np.arange(50), 10)
    noise = normal(500, 32)
    clusters = noise + 5 * normal(50, 4, 1)[labels] @ normal(4, 32, 2)

    def of(rows: np.ndarray, ids: np.ndarray) -> float:
        means = np.stack([rows[ids == k].mean(axis=0) for k in range(50)])
        deviations = rows - means[ids]
        return lidar(deviations.T @ deviations / 450, means)

    dealt = np.random.default_rng(3).permutation(labels)
    assert of(noise, labels) == pytest.approx(of(noise, dealt), rel=0.15)
    assert of(clusters, labels) < 0.5 * of(noise, labels), "four directions of 32"


def test_centred_measures_call_a_point_with_noise_healthy_and_the_diagnosis_does_not():
    rows = normal(1, 128, 1) + 1e-6 * normal(1000, 128)
    found = measured(rows.astype("f4"))
    assert found["effective_rank"] > 100
    assert found["relative_dispersion"] < 1e-5
    assert codes(rows.astype("f4")) == {"CD301"}


def test_isoscore_of_a_constant_is_its_lowest_and_not_nan():
    assert measured(np.ones((100, 16)), "isoscore") == {"isoscore": 0.0}


def test_isoscore_does_not_take_columns_for_rows():
    """A peer's file wants d x N, its package N x d, and neither says when it is given the other."""
    rows = normal(500, 16) * np.arange(1, 17) ** -0.5
    squares = np.square(np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False))
    ratio = squares.sum() ** 2 / np.square(squares).sum()
    assert measured(rows, "isoscore")["isoscore"] == pytest.approx((ratio - 1) / 15)


@pytest.mark.parametrize("share", [0.0, 0.002, 0.5])
def test_intrinsic_dimension_is_that_of_the_distinct_rows(share):
    """One pair of equal rows makes a peer's estimate 0, half of them being equal 17 for 10."""
    rows = normal(1500, 10)
    copied = np.concatenate([rows, rows[: int(share * len(rows))]])
    near, alone = neighbourhood(copied, 20), neighbourhood(rows, 20)
    assert two_nn(near) == pytest.approx(two_nn(alone))
    assert local_dimension(near) == pytest.approx(local_dimension(alone))


def test_mean_cosine_does_not_see_a_line_and_the_diagnosis_does():
    """lightly's standard deviation reads 0.80 of healthy here: its healthy runs read 0.64."""
    rows = np.random.default_rng(0).choice([-1.0, 1.0], (1000, 1)) * normal(1, 128, 1)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit.std(axis=0, ddof=1).mean() * math.sqrt(128) > 0.7
    assert abs(measured(rows, "mean_cosine")["mean_cosine"]) < 0.02
    assert "CD302" in codes(rows)


def test_lightlys_standard_deviation_is_the_mean_cosine_in_disguise():
    rows = normal(400, 64) + 0.5
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    total = unit.var(axis=0, ddof=1).sum()
    assert total == pytest.approx(1 - measured(rows, "mean_cosine")["mean_cosine"], abs=1e-12)


@pytest.mark.parametrize("rows", [2, 3, 4, 8])
def test_a_handful_of_isotropic_rows_is_not_collapsed(rows):
    """Divided by min(n, d), two healthy rows read half collapsed."""
    cloud = normal(rows, 768, rows)
    found = measured(cloud, "effective_rank")["effective_rank"]
    assert found / nulls.effective_rank(rows - 1, 768) == pytest.approx(1.0, abs=0.02)
    assert codes(cloud) == {"CD601"}


def test_a_zero_row_in_half_precision_is_counted_and_makes_no_nan():
    """An eps of 1e-12 is 0 in float16, and 0 / 0 is not a number."""
    rows = normal(200, 32).astype("f2")
    rows[3] = 0
    found = measured(rows, "zero_share", "mean_cosine", "direction_dispersion", "uniformity")
    assert found["zero_share"] == pytest.approx(1 / 200)
    assert all(math.isfinite(value) for value in found.values())


def test_a_common_offset_lowers_rankme_and_not_the_effective_rank():
    rows = normal(1000, 128)
    offset = rows + 100.0
    assert measured(offset, "rankme")["rankme"] < 3
    assert measured(offset, "effective_rank") == pytest.approx(measured(rows, "effective_rank"))


def test_the_floor_of_rankme_is_the_papers_and_effective_rank_has_none():
    one = np.zeros(2048)
    one[0] = 1.0
    assert rankme(one) == pytest.approx(1.0033, abs=1e-4)
    assert rankme(one, epsilon=1e-5) == pytest.approx(1.2657, abs=1e-3)
    line = np.outer(normal(100, 1), normal(1, 512, 1))
    assert measured(line, "effective_rank")["effective_rank"] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("rows", [32, 64, 256, 1024])
def test_the_participation_ratio_does_not_depend_on_the_number_of_rows(rows):
    """The plug-in value is 30 of 768 for 32 isotropic rows."""
    found = np.mean(
        [
            measured(normal(rows, 256, seed), "participation_ratio")["participation_ratio"]
            for seed in range(5)
        ]
    )
    assert found == pytest.approx(256, rel=0.08)


def test_the_exponent_of_a_narrow_spectrum_is_read_with_its_fit_and_no_error():
    """The fixed range 11 to 100 is an error at width 64, and reads 18 where the rank is 50."""
    law = power_law(np.arange(1, 65.0) ** -1.2)
    assert law is not None
    assert law.exponent == pytest.approx(1.2)
    assert law.last <= 32
    cut = measured(normal(2000, 50) @ normal(50, 128, 1), "spectral_exponent")
    assert 0 < cut["spectral_exponent"] < 1.5


def test_koleo_at_its_plateau_is_a_collapse_here_and_not_a_high_score():
    """-mean log(min distance + eps) reads 15.9 for one vector, higher than for any real rows."""
    rows = np.tile(normal(1, 128), (64, 1))
    found = measured(rows, "uniformity", "two_nn", "mean_cosine")
    assert found == pytest.approx({"uniformity": 0.0, "two_nn": 0.0, "mean_cosine": 1.0})
    assert "CD301" in codes(rows)


def test_the_effective_rank_is_of_singular_values_and_not_of_covariance_shares():
    """On the eigenvalues of the covariance a power law of 256 reads 72 instead of 207."""
    found = measured(normal(20_000, 256) * np.arange(1, 257) ** -0.5, "rankme", "effective_rank")
    assert found["rankme"] == pytest.approx(207, rel=0.02)
    assert found["effective_rank"] == pytest.approx(207, rel=0.02)


def test_variance_far_from_the_origin_is_not_lost():
    """E[x²] - E[x]² of float32 rows about 10⁴ reads 8, 8, 0 and 0 for a variance of 1."""
    rows = (normal(2000, 4) + 1e4).astype("f4")
    summary = EmbeddingSummary.of(torch.from_numpy(rows))
    variance = summary.vectors.squares.numpy() / 1999
    np.testing.assert_allclose(variance, rows.astype("f8").var(axis=0, ddof=1), rtol=1e-9)
