"""One training run twice, unwatched and watched, and held against itself to the bit.

A training is a function that takes ``watch`` and uses it as users do: ``with watch(model) as
inspector``. What it returns (numbers, tensors, modules, optimizers, nested as it likes) and where
it leaves the random number generators must be the same whether ``watch`` is an Inspector or not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from collapse_doctor.api import Inspector
from tests.conftest import random_state

Training = Callable[[Callable[..., Any]], Any]


class Unwatched:
    """Stands in for an Inspector in the run without one."""

    def __init__(self, *_models: Any, **_options: Any) -> None:
        """Take what an Inspector takes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def step(self, **_told: Any) -> None:
        pass


def compare(training: Training, *, faults: bool = False, **options: Any) -> Inspector:
    """Run a training without and with an Inspector; fail where they differ; return the latter.

    ``options`` go to the Inspector. Unless ``faults`` are expected it must not have switched
    itself off.
    """
    alone = _run(training, Unwatched)
    made: list[Inspector] = []

    def watch(model: Any, **more: Any) -> Inspector:
        made.append(Inspector(model, **(options | more)))
        return made[-1]

    watched = _run(training, watch)
    for part in alone:
        assert same(alone[part], watched[part]), f"{part} differ"
    for inspector in made:
        told = [notice.text for notice in notices(inspector, "inspector")]
        assert faults or not any("switched itself off" in text for text in told), told
    return made[0]


def notices(inspector: Inspector, about: str = "") -> list[Any]:
    """Return the notices of a recording, or those about one thing."""
    return [n for n in inspector.recording.notices if about in ("", n.about)]


def steps(inspector: Inspector) -> int:
    """Return how many steps an Inspector has counted."""
    tick = inspector.recording.tick
    assert tick is not None
    return tick.steps


def _run(training: Training, watch: Callable[..., Any]) -> dict[str, Any]:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    result = frozen(training(watch))
    return {"results": result, "random numbers": random_state()}


def frozen(value: Any) -> Any:
    """Take the numbers out of whatever a training returns, as they are now."""
    match value:
        case Tensor():
            return value.detach().clone()
        case nn.Module():
            gradients = [p.grad for p in value.parameters()]
            return frozen((value.state_dict(), gradients))
        case torch.optim.Optimizer():
            return frozen(value.state_dict())
        case Mapping():
            return {key: frozen(item) for key, item in value.items()}
        case list() | tuple():
            return [frozen(item) for item in value]
        case _:
            return value


def same(left: Any, right: Any) -> bool:
    """Tell whether two frozen values are equal to the bit (NaN equals NaN)."""
    match left:
        case Tensor():
            return left.dtype == right.dtype and torch.equal(*map(_bits, (left, right)))
        case dict():
            return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
        case list():
            return len(left) == len(right) and all(map(same, left, right))
        case float():
            return left == right or (left != left and right != right)
        case _:
            return bool(left == right)


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(torch.uint8) if tensor.dim() else tensor[None].view(torch.uint8)
