"""What is remembered of forward passes: values and how they were called, and nothing alive."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.comparing.passes import (
    Passes,
    Run,
    are_twins,
    equal_inputs,
    is_doubled,
    two_views,
)
from collapse_doctor.inspector.comparing.prints import Fingerprint

NET = nn.Linear(4, 4)


def ran(passes: Passes, *inputs: Any, gives: Tensor | None = None, forward: int = 0) -> Run:
    run = passes.ran("model", forward, NET, (inputs, {}), None)
    run.outputs["output"] = Fingerprint(inputs[0] if gives is None else gives)
    return run


def rows(seed: int = 0, count: int = 6) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def test_equal_inputs_and_outputs_are_twins() -> None:
    passes, x = Passes(), rows()
    one = ran(passes, x)
    assert are_twins(one, ran(passes, x.clone()))
    assert not are_twins(one, ran(passes, rows(1)))
    assert not are_twins(one, ran(passes, x.clone(), gives=rows(2))), "dropout"
    assert not are_twins(one, ran(passes, x, torch.ones(3))), "another number of inputs"
    assert not are_twins(ran(passes, x, rows(1)), ran(passes, x, rows(2))), "the second differs"


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constants_are_nobodys_signature(value: float) -> None:
    passes, same = Passes(), torch.full((6, 4), value)
    assert not are_twins(ran(passes, same), ran(passes, same.clone()))
    assert not are_twins(ran(passes, "text", gives=same), ran(passes, "text", gives=same))
    assert not are_twins(ran(passes, rows(), gives=same), ran(passes, rows(), gives=same))


def test_two_objects_are_two_views_and_one_is_not() -> None:
    passes, x = Passes(), rows()
    one = ran(passes, x)
    assert not two_views(one, ran(passes, x))
    assert two_views(one, ran(passes, x.clone()))


def test_two_inputs_of_one_pass() -> None:
    passes, x, mask = Passes(), rows(), (rows() > 0).float()
    assert equal_inputs(ran(passes, x, mask, x.clone())) == (0, 2)
    assert equal_inputs(ran(passes, x, mask, rows(1), mask.clone())) is None, "masks do not count"


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bfloat16, torch.bool, torch.int64])
def test_inputs_of_any_dtype(dtype: torch.dtype) -> None:
    passes, x = Passes(), (10 * rows()).to(dtype)
    run = ran(passes, torch.cat([x, x]), torch.cat([x, x]))
    assert is_doubled(run) == (equal_inputs(run) is not None) == (dtype is not torch.bool)


@pytest.mark.parametrize("shape", [(8, 4), (64, 3, 5, 5), (4, 70_000)])
def test_a_batch_that_holds_each_row_twice(shape: tuple[int, ...]) -> None:
    passes, x = Passes(), torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert is_doubled(ran(passes, torch.cat([x, x])))
    assert is_doubled(ran(passes, x.repeat_interleave(2, dim=0)))
    assert not is_doubled(ran(passes, x))
    assert not is_doubled(ran(passes, torch.cat([x, x + 1e-3])))
    assert not is_doubled(ran(passes, torch.cat([x, x])[:-1])), "an odd number"
    assert not is_doubled(ran(passes, torch.zeros_like(x)))


def test_nothing_is_kept_alive() -> None:
    passes, x = Passes(), rows()
    seen = weakref.ref(x)
    run = passes.ran("model", 0, NET, ((x,), {}), sys._getframe())
    del x
    gc.collect()
    assert seen() is None
    assert run.call is not None
    assert run.call.callee == "passes.ran"
    assert run.call.frame.f_globals == {}, "the user's names may hold a model"


def test_tokens_of_what_is_gone_are_given_up() -> None:
    passes = Passes()
    for seed in range(600):
        ran(passes, rows(seed))
    assert len(passes._tokens) <= 300
