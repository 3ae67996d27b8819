"""One batch, measured at once: the numbers of the summary, and nothing that was not asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import Tensor

from collapse_doctor.batch import BatchMoments, measure_batch, moments_of
from collapse_doctor.errors import InputError
from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

SHAPES = [(1, 5), (2, 5), (3, 1), (64, 64), (65, 64), (64, 65), (200, 24), (150, 300)]

KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "isotropic": lambda z: z,
    "offset": lambda z: z + 5,
    "uneven": lambda z: z * torch.linspace(1, 0.01, z.shape[1]),
    "repeated": lambda z: z[torch.arange(len(z)) // 2],
    "dead coordinate": lambda z: z * (torch.arange(z.shape[1]) != 1) + 0.5,
    "half precision": lambda z: z.to(torch.bfloat16),
    "double precision": lambda z: z.double() * 1e30,
    "rounding": lambda z: 1 + (z > 0) * 2.0**-23,  # 1 or the next number of float32
    "whole numbers": lambda z: (z * 3).round().to(torch.int8) * 2 + 1,
}


def rows_of(n: int, d: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(n * d))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numbers_are_those_of_the_summary(kind, shape):
    rows = KINDS[kind](rows_of(*shape))
    found, expected = measure_batch(rows), measure(EmbeddingSummary.of(rows))
    assert isinstance(moments_of(rows), BatchMoments)
    assert list(found) == list(expected)
    # Of eigenvalues that are zero but for rounding the square roots are still 1e-8 of the first.
    deficient = {"effective_rank", "rankme"} if kind in ("repeated", "rounding") else set()
    for name, value in expected.items():
        near = 1e-5 if name in deficient else 1e-12
        assert found[name] == pytest.approx(value, rel=near, abs=1e-14, nan_ok=True), name


CAREFUL: dict[str, Callable[[Tensor], Tensor]] = {
    "NaN": lambda z: z.index_fill(0, torch.tensor([2]), math.nan),
    "infinity": lambda z: z.index_fill(0, torch.tensor([2]), math.inf),
    "zero": lambda z: z.index_fill(0, torch.tensor([2]), 0.0),
    "all zero": lambda z: z * 0,
    "all NaN": lambda z: z * math.nan,
    "huge": lambda z: z.double() * 1e200,
    "tiny": lambda z: z.double() * 1e-200,
    "none": lambda z: z[:0],
}


@pytest.mark.parametrize("kind", CAREFUL)
def test_rows_that_need_care_get_it(kind):
    rows = CAREFUL[kind](rows_of(9, 6))
    np.testing.assert_equal(measure_batch(rows), measure(EmbeddingSummary.of(rows)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_eigenvalues_are_squared_singular_values(shape):
    n, d = shape
    rows = rows_of(n, d) + 3
    held, exact = moments_of(rows), rows.double().numpy()
    centred = np.linalg.svd(exact - exact.mean(axis=0), compute_uv=False)[: min(n - 1, d)]
    raw = np.linalg.svd(exact, compute_uv=False)
    np.testing.assert_allclose(
        np.asarray(held.eigenvalues()), centred**2 / max(n - 1, 1), atol=1e-11
    )
    np.testing.assert_allclose(np.asarray(held.raw_eigenvalues()), raw**2 / n, atol=1e-11 * n)


def test_rows_that_are_all_one_are_collapsed_to_the_last_digit():
    found = measure_batch(rows_of(1, 300).expand(64, 300) / 3)
    assert (found["relative_dispersion"], found["direction_dispersion"]) == (0.0, 0.0)
    assert (found["mean_cosine"], found["effective_rank"]) == (1.0, 1.0)
    assert found["distinct_share"] == 1 / 64


def test_a_collapse_keeps_its_digits():
    rows = rows_of(100, 32).double() * 1e-9 + 1
    exact = rows / rows.norm(dim=1, keepdim=True)
    spread = exact - exact[0]  # a difference of neighbours in float64 is exact
    spread -= spread.mean(dim=0)
    found = measure_batch(rows, ["direction_dispersion"])["direction_dispersion"]
    assert found == pytest.approx(float(spread.square().sum() / 100) ** 0.5, rel=1e-6)


def test_different_rows_whose_bits_have_the_same_sum_are_told_apart():
    rows = torch.cat([torch.eye(6), torch.eye(6)[:2]])
    assert measure_batch(rows, ["distinct_share"])["distinct_share"] == 6 / 8


def test_the_sign_of_zero_makes_no_difference():
    rows = torch.tensor([[1.0, 0.0], [1.0, -0.0], [2.0, 0.5]])
    assert measure_batch(rows, ["distinct_share"])["distinct_share"] == pytest.approx(2 / 3)


def test_nothing_is_worked_out_that_was_not_asked_for(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("expected no eigenvalues")

    monkeypatch.setattr(torch.linalg, "eigvalsh", refuse)
    names = ["norm_mean", "mean_cosine", "relative_dispersion", "dead_share", "distinct_share"]
    assert list(measure_batch(rows_of(20, 5), names)) == names
    with pytest.raises(AssertionError, match="no eigenvalues"):
        measure_batch(rows_of(20, 5), ["stable_rank"])


def test_each_spectrum_is_worked_out_once(monkeypatch):
    eigvalsh = Mock(wraps=torch.linalg.eigvalsh)
    monkeypatch.setattr(torch.linalg, "eigvalsh", eigvalsh)
    measure_batch(rows_of(20, 5))
    assert eigvalsh.call_count == 2  # of centred rows, and of the rows themselves


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_rows_stay_as_they_are(dtype):
    rows = rows_of(100, 7).to(dtype).requires_grad_()
    before = rows.detach().clone()
    measure_batch(rows)
    assert torch.equal(rows, before)
    assert rows.grad_fn is None
    assert rows.grad is None


@pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(2, 2, dtype=torch.complex64)])
def test_what_is_no_rows_is_refused(bad):
    with pytest.raises(InputError, match="expected"):
        measure_batch(bad)
