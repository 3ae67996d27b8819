"""Whether what is written into a batch was drawn, by the source of the line that writes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.names import MOST_LEVELS
from collapse_doctor.inspector.source.callsite import still
from collapse_doctor.inspector.source.drawn import is_drawn

found: list[bool] = []


class Batch:
    """Stands for a tensor; asks, whenever it is written into, whether that was drawn."""

    def __init__(self) -> None:
        self.values = torch.zeros(2, 2)

    def _ask(self) -> Batch:
        found.append(is_drawn(still(sys._getframe(2), MOST_LEVELS)))
        return self

    def __setitem__(self, index: object, value: object) -> None:
        self._ask()

    def add_(self, _other: object) -> Batch:
        return self._ask()

    def mul_(self, _other: object) -> Batch:
        return self._ask()

    def masked_fill_(self, _mask: object, _value: float) -> Batch:
        return self._ask()


def cells(x: Batch) -> None:
    hidden = torch.rand_like(x.values) < 0.5
    x[hidden] = 0.0


def block(x: Batch) -> None:
    begin = int(torch.randint(0, 2, ()))
    x[:, begin : begin + 1] = 0.0


def noise(x: Batch) -> None:
    x.add_(0.1 * torch.randn(2, 2))


def hide(x: Batch, mask: Tensor) -> Batch:
    return x.masked_fill_(mask, 0.0)


def by_the_caller(x: Batch) -> None:
    mask = torch.bernoulli(torch.full((2, 2), 0.5)).bool()
    hide(x, mask)


def coin() -> Tensor:
    return torch.rand(2, 2) > 0.5


def by_a_helper(x: Batch) -> None:
    x.mul_(coin())


def gaps(x: Batch) -> None:
    missing = torch.isnan(x.values)
    x[missing] = 0.0


def gaps_of_the_caller(x: Batch) -> None:
    missing = torch.isnan(x.values)
    hide(x, missing)


def of_drawn_data() -> None:
    x = Batch()
    x.values = torch.randn(2, 2)
    x[x.values > 1] = 1.0


@pytest.mark.parametrize("write", [cells, block, noise, by_the_caller, by_a_helper])
def test_what_is_drawn(write: Callable[[Batch], None]) -> None:
    found.clear()
    write(Batch())
    assert found == [True]


@pytest.mark.parametrize("write", [gaps, gaps_of_the_caller])
def test_what_mends_is_not_drawn(write: Callable[[Batch], None]) -> None:
    found.clear()
    write(Batch())
    assert found == [False]


def test_that_the_data_were_drawn_says_nothing_of_what_is_written() -> None:
    found.clear()
    of_drawn_data()
    assert found == [False]
