"""Spectral measures of streamed rows against a singular value decomposition in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

SPECTRAL = (
    "effective_rank",
    "participation_ratio",
    "stable_rank",
    "top_share",
    "isoscore",
    "rankme",
)


def expected(rows: np.ndarray) -> dict[str, float]:
    """Return the spectral measures by the book: float64, centred, one SVD."""
    exact = rows.astype("f8")
    n, d = exact.shape
    singular = np.linalg.svd(exact - exact.mean(axis=0), compute_uv=False)
    raw = np.linalg.svd(exact, compute_uv=False)
    values = singular**2 / (n - 1)
    power = float((values**2).sum() / values.sum() ** 2)
    corrected = (n - 2 * power) / ((n - 1) * power - 1)
    return {
        "effective_rank": entropy_rank(singular / singular.sum()),
        "participation_ratio": min(max(corrected, 1.0), d),
        "stable_rank": float(values.sum() / values[0]),
        "top_share": float(values[0] / values.sum()),
        "isoscore": (1 / power - 1) / (d - 1),
        "rankme": entropy_rank(raw / raw.sum() + 1e-7),
    }


def entropy_rank(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return math.exp(-float((shares * np.log(shares)).sum()))


def streamed(rows: torch.Tensor, parts: int = 9) -> dict[str, float]:
    summary = EmbeddingSummary(rows.shape[1], dtype=str(rows.dtype))
    for part in rows.tensor_split(parts):
        summary.add(part)
    return measure(summary, SPECTRAL)


def assert_near(found: dict[str, float], wanted: dict[str, float], within: float) -> None:
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=within), name


@pytest.mark.parametrize("spread", [1e-1, 1e-2, 1e-3, 1e-4])
def test_rows_about_a_mean_of_one_are_within_one_per_cent(spread):
    """20 000 float32 rows of width 256: their uncentred Gram matrix has no digit left of 1e-4."""
    random = np.random.default_rng(0)
    scales = spread * np.arange(1, 257) ** -0.25
    rows = (1.0 + scales * random.normal(size=(20_000, 256))).astype("f4")
    assert_near(streamed(torch.from_numpy(rows)), expected(rows), within=0.01)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int8, torch.int32])
def test_rows_of_coarse_dtypes_are_measured_as_the_numbers_they_are(dtype):
    rows = (20 * torch.randn(600, 24, generator=torch.Generator().manual_seed(0))).to(dtype)
    assert_near(streamed(rows), expected(rows.double().numpy()), within=1e-9)


def test_rows_that_do_not_lie_one_after_another_are_read_as_they_are():
    whole = torch.randn(48, 900, generator=torch.Generator().manual_seed(1))
    rows = whole.T[::3, ::2]
    assert not rows.is_contiguous()
    assert_near(streamed(rows), expected(rows.numpy()), within=1e-6)


def test_sparse_rows_are_refused_with_what_to_do():
    from collapse_doctor.errors import InputError

    with pytest.raises(InputError, match="dense"):
        EmbeddingSummary.of(torch.eye(8).to_sparse())


def test_rows_with_nan_are_counted_and_left_out_of_the_spectrum():
    rows = torch.randn(500, 16, generator=torch.Generator().manual_seed(2))
    rows[7, 3], rows[100], rows[499, 0] = math.nan, math.inf, -math.inf
    summary = EmbeddingSummary.of(rows)
    assert (summary.nonfinite_rows, summary.count) == (3, 497)
    kept = rows[rows.isfinite().all(dim=1)].numpy()
    assert_near(measure(summary, SPECTRAL), expected(kept), within=1e-6)


def test_few_very_wide_rows_are_measured_by_the_smaller_gram_matrix():
    rows = torch.randn(500, 16_384, generator=torch.Generator().manual_seed(3))
    rows *= torch.arange(1, 16_385) ** -0.3
    summary = EmbeddingSummary(16_384)
    for part in rows.split(64):
        summary.add(part)
    assert summary.spectrum_rows == 500
    assert len(summary.eigenvalues()) == 499
    exact = rows.double() - rows.double().mean(dim=0)
    wanted = torch.linalg.eigvalsh(exact @ exact.T).flip(0)[:499] / 499
    torch.testing.assert_close(summary.eigenvalues(), wanted, rtol=1e-6, atol=1e-9)
