"""A step with a number of forward passes that none had before is one to look at."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.moment import Tally
from collapse_doctor.inspector.pacing.rhythm import MOST_COUNTS, Rhythm


def told(counts: list[int]) -> list[int]:
    """Return the steps at which something was new, of steps with these numbers of passes."""
    tally = Tally()
    rhythm = Rhythm(tally)
    found = []
    for step, count in enumerate(counts):
        tally.passes += count
        first = rhythm.is_new(step)
        assert rhythm.is_new(step) is first, "asked again, it says the same"
        found += [step] if first else []
    return found


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([2, 2, 2, 2], [0]),
        ([2, 2, 1, 1, 2], [0, 2]),
        ([2, 2, 12, 2, 12], [0, 2]),  # an evaluation after every other step
        ([0, 0, 1], [0, 2]),
        ([*range(1, 30)], [*range(MOST_COUNTS)]),  # sequences of any length: no rhythm at all
    ],
)
def test_what_is_new(counts: list[int], expected: list[int]) -> None:
    assert told(counts) == expected


@pytest.mark.parametrize("late", [30, 57, 100])
def test_a_mistake_that_begins_late_is_seen_one_step_later(late: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Inspector(model) as inspector:
        for step in range(late + 12):
            x = torch.randn(16, 8)
            z = model(x)
            other = model(x + 0.1 * torch.randn(16, 8)) if step < late else z
            loss = F.mse_loss(z, other) + (z.std(0) - 1).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (finding,) = (f for f in inspector.diagnose().findings if f.code == "CD101")
    assert finding.where.step is not None
    assert late <= finding.where.step <= late + 1
