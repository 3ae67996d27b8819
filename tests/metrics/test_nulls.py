"""Nulls against published values, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy.special import digamma

from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.spectrum import effective_rank, stable_rank, top_share


@pytest.mark.parametrize(
    ("rows", "width", "expected"),
    [
        (64, 768, 63.3),
        (256, 768, 244.1),
        (768, 768, 618),
        (1024, 768, 673),
        (4096, 768, 749),
        (25600, 768, 765),
        (128, 128, 103),
        (1024, 128, 125.9),
    ],
)
def test_effective_rank_of_isotropic_matrices(rows, width, expected):
    assert nulls.effective_rank(rows, width) == pytest.approx(expected, abs=0.5)
    assert nulls.effective_rank(width, rows) == nulls.effective_rank(rows, width)


def test_effective_rank_follows_from_the_marchenko_pastur_density():
    ratio = 0.3
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2

    def moment(function):
        def integrand(x):
            density = math.sqrt(max((high - x) * (x - low), 0)) / (2 * math.pi * ratio * x)
            return function(math.sqrt(x)) * density

        return integrate.quad(integrand, low, high, limit=200)[0]

    first, entropy = moment(lambda s: s), moment(lambda s: s * math.log(s))
    expected = 300 * first * math.exp(-entropy / first)
    assert nulls.effective_rank(300, 1000) == pytest.approx(expected, rel=1e-6)


def test_a_square_matrix_has_the_rank_of_the_quarter_circle_law():
    """E[s] = 8/(3π) and E[s ln s]/E[s] = ln 2 + (ψ(1) - ψ(5/2))/2 for s on [0, 2]."""
    expected = 8 / (3 * math.pi) * math.exp(-math.log(2) - (digamma(1) - digamma(2.5)) / 2)
    assert nulls.effective_rank(5000, 5000) / 5000 == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(0.805, abs=1e-3)


@pytest.mark.parametrize(("rows", "width"), [(40, 200), (120, 120), (600, 60)])
def test_spectral_nulls_agree_with_simulation(rows, width):
    ranks, tops = [], []
    for seed in range(4):
        data = np.random.default_rng(seed).normal(size=(rows + 1, width))
        values = np.linalg.svd(data - data.mean(axis=0), compute_uv=False) ** 2
        values = values[: min(rows, width)]
        ranks.append(effective_rank(values))
        tops.append(top_share(values))
        assert stable_rank(values) == pytest.approx(1 / tops[-1])
    assert np.mean(ranks) == pytest.approx(nulls.effective_rank(rows, width), rel=0.005)
    assert np.mean(tops) == pytest.approx(nulls.top_share(rows, width), rel=0.07)
    assert nulls.stable_rank(rows, width) == pytest.approx(1 / nulls.top_share(rows, width))


@pytest.mark.parametrize(
    ("rows", "expected"), [(32, 29.8), (64, 58.2), (256, 191), (1024, 438), (4096, 647)]
)
def test_participation_ratio_of_isotropic_rows(rows, expected):
    assert nulls.participation_ratio(rows - 1, 768) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("width", [64, 512, 2048])
def test_mean_top_share_agrees_with_simulation(width):
    top = min(max(1, width // 100), 3)
    squares = np.sort(np.random.default_rng(0).normal(size=(2000, width)) ** 2, axis=1)
    simulated = (squares[:, -top:].sum(axis=1) / squares.sum(axis=1)).mean()
    assert nulls.mean_top_share(width, top) == pytest.approx(simulated, rel=0.04)


def test_spread_of_cosines_agrees_with_simulation():
    random, rows, width = np.random.default_rng(0), 20, 30
    means, pairs = [], []
    for _ in range(2000):
        unit = random.normal(size=(rows, width))
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        gram = unit @ unit.T
        pairs.append(gram[0, 1])
        means.append((gram.sum() - rows) / (rows * (rows - 1)))
    assert np.std(pairs) == pytest.approx(nulls.pair_cosine_deviation(width), rel=0.05)
    assert np.std(means) == pytest.approx(nulls.cosine_deviation(rows, width), rel=0.05)


def test_relu_cone_narrows_as_published_and_as_a_random_network_does():
    depths = {0: 0.0, 1: 0.318, 2: 0.494, 3: 0.605, 10: 0.872, 20: 0.948}
    for layers, expected in depths.items():
        assert nulls.relu_cone(0.0, layers) == pytest.approx(expected, abs=1e-3)
    random, rows = np.random.default_rng(0), np.eye(2, 2048)
    for layers in range(1, 4):
        weights = random.normal(size=(rows.shape[1], 2048)) * math.sqrt(2 / 2048)
        rows = np.maximum(rows @ weights, 0)
        cosine = rows[0] @ rows[1] / np.linalg.norm(rows[0]) / np.linalg.norm(rows[1])
        assert cosine == pytest.approx(nulls.relu_cone(0.0, layers), abs=0.04)
    assert nulls.relu_cone(1.0, 5) == pytest.approx(1.0)


def test_sizes_without_a_null_give_nan():
    values = [
        nulls.effective_rank(0, 5),
        nulls.participation_ratio(0, 5),
        nulls.top_share(0, 5),
        nulls.stable_rank(0, 5),
        nulls.dispersion(1),
        nulls.cosine_deviation(1, 5),
    ]
    assert np.isnan(values).all()
    assert nulls.top_share(1, 5) == 1.0  # two rows span one direction
