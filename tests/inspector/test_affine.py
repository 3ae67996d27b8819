"""Rows that are scaled and shifted are known, in every stored precision; near misses are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.affine import Fit, fit_affine
from collapse_doctor.inspector.comparing.relations import relate


def rows(seed: int = 0, dtype: torch.dtype = torch.float32, width: int = 16) -> Tensor:
    return torch.randn(32, width, generator=torch.Generator().manual_seed(seed)).to(dtype)


def fit(left: Tensor, right: Tensor) -> Fit | None:
    return fit_affine(left.double(), right.double(), torch.finfo(left.dtype).eps)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("factor", [2.0, 1.0, -0.7])
def test_one_factor_and_one_vector_for_all_rows(dtype: torch.dtype, factor: float) -> None:
    z = rows(dtype=dtype)
    found = fit(z, (factor * z.double() + rows(1)[0].double()).to(dtype))
    assert found is not None
    assert found.lowest == found.highest == pytest.approx(factor, rel=1e-2)
    assert 0.3 < found.offset < 1.2
    assert found.correlation > 0.999


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_factor_and_a_number_for_each_row(dtype: torch.dtype) -> None:
    z = rows(dtype=dtype)
    found = fit(z, F.layer_norm(z, (16,)))
    assert found is not None
    assert found.highest > 1.5 * found.lowest > 0


def test_the_relation_is_told_apart_from_multiples() -> None:
    z = rows()
    kinds = [relate(z, other) for other in (z.clone(), 3 * z, 3 * z + 1, -z, 1 - z)]
    assert [found.kind if found else None for found in kinds] == [
        "equal",
        "scalar-multiple",
        "affine",
        "scalar-multiple",
        "affine",
    ]
    assert kinds[-1] is not None
    assert kinds[-1].scales == pytest.approx((-1.0, -1.0))


@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-5])
def test_what_is_only_near_is_no_copy(noise: float) -> None:
    z = rows()
    assert fit(z, 2 * z + 1 + noise * rows(2)) is None


def test_normalising_columns_is_not_one_factor() -> None:
    z = rows()
    assert fit(z, F.batch_norm(z, None, None, training=True)) is None
    assert fit(z, z * torch.arange(1.0, 17.0) + 1) is None


def test_a_network_that_has_just_left_its_copy_is_no_affine_copy() -> None:
    z = rows()
    assert fit(z, z + 1e-6) is None
    assert fit(z, z + 1e-5 * rows(1)[0]) is None


def test_rows_that_are_all_alike_prove_nothing() -> None:
    one = rows()[:1].expand(32, 16)
    assert fit(one, 2 * one + 1) is None
    line = one * torch.arange(1.0, 33.0)[:, None]
    other = rows(1)[:1] * torch.arange(1.0, 33.0)[:, None]
    assert fit(line, other) is None


def test_too_little_to_be_held_against_anything() -> None:
    narrow = rows(width=3)
    assert fit(narrow, 2 * narrow + 1) is None
    assert fit(rows()[:0], rows()[:0]) is None
    two = rows()[:2]
    assert fit(two, rows(1)[:2]) is None
    assert fit(rows()[:1], 2 * rows()[:1] + 1) is not None


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_values_without_a_direction(value: float) -> None:
    z = torch.full((32, 16), value)
    assert fit(z, 2 * z + 1) is None


def test_an_offset_that_drowns_the_rows_in_a_coarse_precision_is_not_judged() -> None:
    z = rows(dtype=torch.bfloat16)
    assert fit(z, z + 100) is None
    assert fit(z, (2 * z + 8 + 0.1 * rows(1)).bfloat16()) is None, "near, but who can tell"
    assert fit(z.float(), z.float() + 100) is not None
