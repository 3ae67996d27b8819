"""Two embeddings held against each other, by definition and by closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_doctor.metrics.paired import alignment, linear_cka, modality_gap, modality_gap_null


def gaussian(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def test_alignment_of_equal_opposite_and_independent_rows():
    rows = gaussian(4000, 32)
    assert alignment(rows, 3 * rows) == pytest.approx(0, abs=1e-12)
    assert alignment(rows, -rows) == pytest.approx(4)
    assert alignment(rows, gaussian(4000, 32, 1)) == pytest.approx(2, abs=0.03)
    assert alignment(rows, -rows, power=1) == pytest.approx(2)
    assert math.isnan(alignment(np.zeros((3, 2)), np.ones((3, 2))))


@pytest.mark.parametrize("shape", [(500, 20), (30, 200)])
def test_cka_is_blind_to_rotation_scale_and_shift_and_to_nothing_else(shape):
    rows = gaussian(*shape)
    turn = np.linalg.qr(gaussian(shape[1], shape[1], 1))[0]
    assert linear_cka(rows, 5 * rows @ turn + 3) == pytest.approx(1)
    assert linear_cka(rows, rows * np.linspace(0.1, 3, shape[1])) < 0.99


@pytest.mark.parametrize("shape", [(60, 8, 5), (20, 50, 30), (40, 10, 90)])
def test_cka_by_its_definition_over_row_kernels(shape):
    n, p, q = shape
    x, y = gaussian(n, p), gaussian(n, q, 1) + 2
    y[:, : min(p, q)] += x[:, : min(p, q)]
    centre = np.eye(n) - 1 / n
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    wanted = np.trace(k @ m) / math.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y) == pytest.approx(wanted)


def test_cka_of_independent_rows_reads_its_bias():
    assert linear_cka(gaussian(400, 100), gaussian(400, 100, 1)) == pytest.approx(0.2, abs=0.02)
    assert math.isnan(linear_cka(np.ones((5, 2)), gaussian(5, 2)))


def test_modality_gap_and_its_null():
    one, other = gaussian(500, 64) + 0.5, gaussian(300, 64, 1) + 0.5
    null = modality_gap_null(one, other)
    assert modality_gap(one, other) == pytest.approx(null, rel=0.4)
    assert modality_gap(one, other - 1.0) > 5 * null
    assert modality_gap([[1.0, 0.0]], [[-2.0, 0.0]]) == 2.0
