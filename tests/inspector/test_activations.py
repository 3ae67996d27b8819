"""What is measured at activations, against the same written out over all numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor import Inspector
from collapse_doctor.inspector.activations import MOST_SHARED
from collapse_doctor.recording.observations import Activation

# Shapes, the memory format, and how many dimensions are added up for one unit.
SHAPES = [
    ((64, 512), torch.contiguous_format),
    ((16, 24, 96), torch.contiguous_format),
    ((24, 12, 10, 10), torch.contiguous_format),
    ((24, 12, 10, 10), torch.channels_last),
]


class Activated(nn.Module):
    """Units with offsets of their own: some are at an end for every input, some for none."""

    def __init__(self, shape: tuple[int, ...], memory: torch.memory_format, act: nn.Module) -> None:
        super().__init__()
        self.unit = 1 if len(shape) == 4 else len(shape) - 1
        width = shape[self.unit]
        sizes = [width if dim == self.unit else 1 for dim in range(len(shape))]
        # Every other unit is low: what looks at every other number only is far off.
        offsets = torch.linspace(-12, 12, width).reshape(2, -1).T
        self.offset = nn.Parameter(offsets.reshape(sizes))
        self.memory = memory
        self.act = act
        self.last: Tensor | None = None

    def forward(self, given: Tensor) -> Tensor:
        before = (given + self.offset).contiguous(memory_format=self.memory)
        activated: Tensor = self.act(before)
        self.last = activated.detach().clone()
        return activated.flatten(1)


def _seen(model: Activated, shape: tuple[int, ...]) -> Activation:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with Inspector(model) as inspector:
        model(torch.randn(shape, generator=torch.Generator().manual_seed(0))).sum().backward()
        optimizer.step()
    (activation,) = inspector.recording.activations
    return activation


@pytest.mark.parametrize(("shape", "memory"), SHAPES)
@pytest.mark.parametrize("act", [nn.ReLU(), nn.Tanh(), nn.Sigmoid()])
def test_units_at_one_end_for_all_inputs_are_counted_exactly(
    shape: tuple[int, ...], memory: torch.memory_format, act: nn.Module
) -> None:
    model = Activated(shape, memory, act)
    seen = _seen(model, shape)
    assert model.last is not None
    rows = model.last.movedim(model.unit, -1).flatten(0, -2)
    if isinstance(act, nn.ReLU):
        stuck = (rows <= 0).all(0)
    else:
        low = -1.0 if isinstance(act, nn.Tanh) else 0.0
        margin = (1.0 - low) / 400
        stuck = (rows <= low + margin).all(0) | (rows >= 1.0 - margin).all(0)
    assert 0 < stuck.float().mean() < 1
    assert seen.stuck == pytest.approx(float(stuck.float().mean()))
    assert seen.units == rows.shape[1]


@pytest.mark.parametrize(("shape", "memory"), SHAPES)
def test_the_share_at_an_end_is_that_of_numbers_spread_over_all(
    shape: tuple[int, ...], memory: torch.memory_format
) -> None:
    model = Activated(shape, memory, nn.ReLU())
    seen = _seen(model, shape)
    assert model.last is not None
    assert model.last.numel() > MOST_SHARED
    # Units decide here, not chance: what counts each unit equally is off by hardly anything.
    assert seen.ends == pytest.approx(float((model.last <= 0).float().mean()), abs=0.02)
