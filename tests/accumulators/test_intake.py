"""What is refused, and in which words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_doctor.accumulators.intake import (
    Waiting,
    check_rows,
    coarser,
    dtype_named,
    joined,
    label_list,
    resolution,
)
from collapse_doctor.errors import InputError


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        (torch.zeros(3), r"shape \(3,\)"),
        (torch.zeros(2, 3, 4), r"shape \(2, 3, 4\)"),
        (torch.zeros(2, 5), r"shape \(2, 5\)"),
        (np.zeros((2, 4)), "a ndarray"),
        (torch.zeros(2, 4, dtype=torch.complex64), "complex64"),
        (torch.zeros(2, 4, device="meta"), "meta"),
        (torch.eye(4).to_sparse(), "sparse"),
    ],
)
def test_what_are_no_rows(rows, got):
    with pytest.raises(InputError, match=got):
        check_rows(rows, 4)


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 3],
        (3, 1, 3),
        np.array([3, 1, 3]),
        pd.Series([3, 1, 3]),
        torch.tensor([3, 1, 3]),
        torch.tensor([[3], [1], [3]]),
    ],
)
def test_labels_become_plain_values(labels):
    names = label_list(labels, 3)
    assert names == [3, 1, 3]
    assert all(type(name) is int for name in names)


def test_labels_that_do_not_fit_say_both_lengths():
    with pytest.raises(InputError, match=r"expected 3 labels, one per row, got shape \(2,\)"):
        label_list([1, 2], 3)
    with pytest.raises(InputError, match=r"shape \(3, 10\)"):
        label_list(torch.zeros(3, 10), 3)
    with pytest.raises(InputError, match="a list"):
        label_list([[1], [2], [3]], 3)  # type: ignore[list-item]


def test_runs_of_one_kind_are_joined_in_order():
    pieces = [torch.full((n, 2), float(n)) for n in (1, 2, 3)]
    waiting: list[Waiting] = [(pieces[0], None), (pieces[1], None), (pieces[2], [7, 8, 9])]
    waiting.append((pieces[0].half(), [5]))
    blocks = list(joined(waiting))
    assert [rows[:, 0].tolist() for rows, _ in blocks] == [[1, 2, 2], [3, 3, 3], [1]]
    assert [names for _, names in blocks] == [None, [7, 8, 9], [5]]
    assert list(joined([])) == []


def test_dtypes_by_name_and_by_resolution():
    assert dtype_named("torch.float16") is dtype_named("float16") is torch.float16
    assert coarser(torch.float32, torch.bfloat16) is torch.bfloat16
    assert coarser(torch.float32, torch.float64) is torch.float32
    assert resolution(torch.int8) == np.finfo(np.float64).eps
    with pytest.raises(InputError, match="nn"):
        dtype_named("nn")
