from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.relations import (
    are_tied,
    mean_cosine,
    relate,
    same_elements,
)


def embeddings(dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(16, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)


def kind(left: Tensor, right: Tensor, dim: int = -1) -> str | None:
    found = relate(left, right, dim)
    return found.kind if found is not None else None


def test_the_ladder_from_the_strongest_down() -> None:
    z = embeddings().requires_grad_()
    assert kind(z, z) == "same-object"
    assert kind(z, z[:]) == "shared-storage"
    assert kind(z, z.detach()) == "detached"
    assert kind(z, z.detach().clone()) == "detached"
    assert kind(z, z.clone()) == "equal"
    assert kind(z, 2 * z) == "scalar-multiple"
    assert kind(z, embeddings(seed=1)) is None


def test_without_gradients_a_copy_is_equal_not_detached() -> None:
    z = embeddings()
    assert kind(z, z.clone()) == "equal"
    assert kind(z, z.detach()) == "shared-storage"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("factor", [3.0, 1.7, -0.31])
def test_multiples_are_known_in_the_precision_they_were_stored_in(
    dtype: torch.dtype, factor: float
) -> None:
    z = embeddings(dtype)
    found = relate(z, (z.double() * factor).to(dtype))
    assert found is not None
    assert found.kind == "scalar-multiple"
    assert found.by_value
    assert found.scale == pytest.approx(factor, rel=1e-2)


def test_each_row_may_have_its_own_scale() -> None:
    z = embeddings()
    assert kind(z, torch.nn.functional.normalize(z)) == "scalar-multiple"


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-5])
def test_well_aligned_is_not_proportional(angle: float) -> None:
    z = embeddings()
    noise = embeddings(seed=1)
    assert kind(z, z + angle * noise) is None


def test_equal_because_everything_is_equal_is_no_relation() -> None:
    one = embeddings()[:1].expand(16, 8).clone()
    assert kind(one, one.clone()) is None
    assert kind(one, 2 * one) is None
    nearly = one + 1e-7 * embeddings(seed=1)
    assert kind(nearly, one + 1e-7 * embeddings(seed=2)) is None


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_values_without_a_direction_are_no_relation(value: float) -> None:
    z = torch.full((16, 8), value)
    assert kind(z, z.clone()) is None


def test_no_rows_have_no_relation() -> None:
    """A last, empty batch of a loader or a mask that selects nothing."""
    none = torch.zeros(0, 8)
    assert kind(none, none.clone()) is None
    assert mean_cosine(none, none.clone()) is None


@pytest.mark.parametrize(("value", "expected"), [(0.0, "equal"), (float("inf"), None)])
def test_one_row_without_a_direction(value: float, expected: str | None) -> None:
    z = embeddings()
    z[3] = value
    assert kind(z, z.clone()) == expected
    assert kind(z, 2 * z) is None, "the scale of that row is not known"


def test_two_numbers_are_proportional_too_easily() -> None:
    z = embeddings()[:, :1]
    assert kind(z, 2 * z) is None


def test_a_single_vector() -> None:
    row = embeddings()[0]
    assert kind(row, row.clone(), 0) == "equal"
    assert kind(row, embeddings()[1], 0) is None


def test_rows_lie_along_the_other_dimension() -> None:
    z = embeddings()
    other = z * torch.arange(1.0, 9.0)  # proportional in columns, not in rows
    assert kind(z, other, dim=1) is None
    assert kind(z, other, dim=0) == "scalar-multiple"


def test_views_that_overlap_are_not_the_same_elements() -> None:
    z = embeddings()
    assert not same_elements(z[:-1], z[1:])
    assert not same_elements(z[::2], z[1::2])
    assert not same_elements(*z.chunk(2))
    assert same_elements(z.chunk(2)[0], z.chunk(2)[0])
    assert not same_elements(z[:, :8], z[:8].T.contiguous())
    assert not same_elements(torch.empty(0, 3), torch.empty(0, 3)), "nothing has no address"


def test_large_operands_are_sampled() -> None:
    z = torch.randn(5000, 8, generator=torch.Generator().manual_seed(0))
    assert kind(z, z.clone()) == "equal"


def test_mean_cosine() -> None:
    z = embeddings()
    expected = torch.nn.functional.cosine_similarity(z.double(), embeddings(seed=1).double())
    assert mean_cosine(z, embeddings(seed=1)) == pytest.approx(float(expected.mean()), abs=1e-12)
    assert mean_cosine(torch.zeros(3, 4), torch.zeros(3, 4)) is None


def test_rows_of_length_zero_are_left_out_of_the_mean() -> None:
    z = embeddings()
    z[3] = 0.0
    assert mean_cosine(z, -z) == pytest.approx(-1.0)


def test_rows_of_the_same_samples_are_tied_and_strangers_are_not() -> None:
    z = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
    assert are_tied(z, z + noise)
    assert not are_tied(z, noise)
    assert not are_tied(z, z.roll(1, 0))
    assert not are_tied(z[:9], z[:9]), "nine tosses prove nothing at one in a thousand"
    assert are_tied(z[:, :1], z[:, :1] + 0.1 * noise[:, :1])


def test_strangers_are_seldom_taken_for_tied() -> None:
    draws = torch.randn(2000, 2, 32, 8, generator=torch.Generator().manual_seed(0))
    assert sum(are_tied(one, other) for one, other in draws) <= 8, "one in a thousand: 2 expected"


def test_columns_of_numbers_are_tied_sample_by_sample() -> None:
    old = torch.randn(32, 1, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(32, 1, generator=torch.Generator().manual_seed(1))
    assert are_tied(old, old + 0.1 * noise)
    assert not are_tied(old, noise)
