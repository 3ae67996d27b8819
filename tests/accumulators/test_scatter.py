"""Spectra and axes against numpy's singular value decomposition, from rows and from a scatter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from collapse_doctor.accumulators.scatter import (
    Scatter,
    centred_axes,
    centred_spectrum,
    raw_spectrum,
)


@pytest.fixture(params=[(9, 20), (20, 20), (50, 8)], ids=["wide", "square", "tall"])
def rows(request) -> torch.Tensor:
    count, width = request.param
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(count, width, generator=generator, dtype=torch.float64) + 3
    return data * torch.linspace(1, 2, width)


@pytest.mark.parametrize("form", [Scatter.of, lambda rows: rows], ids=["scatter", "rows"])
def test_spectra_are_squared_singular_values(rows, form):
    count, width = rows.shape
    data = rows.numpy()
    centred = np.linalg.svd(data - data.mean(axis=0), compute_uv=False)[: min(count - 1, width)]
    raw = np.linalg.svd(data, compute_uv=False)
    np.testing.assert_allclose(centred_spectrum(form(rows)), centred**2 / (count - 1), rtol=1e-9)
    np.testing.assert_allclose(raw_spectrum(form(rows)), raw**2 / count, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", [Scatter.of, lambda rows: rows], ids=["scatter", "rows"])
def test_axes_are_right_singular_vectors_with_a_fixed_sign(rows, form):
    data = rows.numpy()
    expected = np.linalg.svd(data - data.mean(axis=0))[2][:3]
    found = centred_axes(form(rows), 3).numpy()
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=1)), 1.0, rtol=1e-9)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-12)
    assert (found[np.arange(3), np.abs(found).argmax(axis=1)] > 0).all()


def test_axes_stay_orthonormal_where_nothing_varies():
    found = centred_axes(torch.ones(5, 9, dtype=torch.float64), 2).numpy()
    np.testing.assert_allclose(found @ found.T, np.eye(2), atol=1e-12)


def test_sizes_at_the_edge():
    assert len(centred_spectrum(torch.ones(1, 3, dtype=torch.float64))) == 0
    assert len(raw_spectrum(torch.ones(1, 3, dtype=torch.float64))) == 1
    assert len(centred_spectrum(torch.ones(0, 3, dtype=torch.float64))) == 0
    assert len(raw_spectrum(torch.ones(0, 3, dtype=torch.float64))) == 0
    assert centred_axes(torch.eye(2, 5, dtype=torch.float64), 4).shape == (1, 5)


def test_overflowing_squares_are_nan_not_an_error():
    rows = torch.tensor([[1e200, 0.0], [0.0, 1e200], [0.0, 0.0]], dtype=torch.float64)
    assert centred_spectrum(rows).isnan().all()
