"""A store is as old as its last write; one that nobody saw is of the step that notices it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.memory.stores import Kept, Stores
from collapse_doctor.recording.observations import CallSite

SITE = CallSite("train.py", 9)


def filled(*steps: int) -> tuple[Stores, torch.Tensor]:
    stores, bank = Stores(), torch.zeros(12, 4)
    for step in steps:
        bank[:4] = step
        stores.written(bank, step, SITE)
    return stores, bank


def test_first_and_last_write_are_remembered() -> None:
    stores, bank = filled(3, 5)
    assert stores.of(bank) == Kept(3, 5, SITE)
    assert stores.of(bank[2:]) == Kept(3, 5, SITE), "a view lies in the same memory"
    assert stores.of(torch.zeros(12, 4)) is None


def test_what_is_read_is_as_old_as_the_store() -> None:
    stores, bank = filled(3, 5)
    rows = bank[torch.tensor([1, 7])]
    stores.read(bank, [rows])
    bank[:4] = 6.0
    assert stores.of(bank) is None, "written by nobody knows whom"
    assert stores.of(rows) == Kept(3, 5, SITE), "what was read before has not changed"
    later = bank[torch.tensor([1, 7])]
    stores.read(bank, [later])
    assert stores.of(later) is None


def test_a_write_that_is_seen_after_one_that_was_not_is_the_last() -> None:
    stores, bank = filled(3)
    bank[:4] = 1.0
    bank[4:] = 2.0
    stores.written(bank, 8, SITE)
    assert stores.of(bank) == Kept(3, 8, SITE)


def test_a_write_that_nobody_saw_is_as_late_as_it_can_be() -> None:
    stores, bank = filled(3)
    now = 40
    stores.follow(lambda: now)
    bank[:4] = 1.0
    rows = bank[torch.tensor([1, 7])]
    stores.read(bank, [rows])
    assert stores.of(bank) == stores.of(rows) == Kept(3, 40, SITE)
    now = 60
    assert stores.of(bank) == Kept(3, 40, SITE), "and is not written every time it is read"
    bank[:4] = 2.0
    assert stores.of(bank) == Kept(3, 60, SITE)
    assert stores.of(rows) == Kept(3, 40, SITE)


def train(renewed: Callable[[int], bool], steps: int = 72) -> list[tuple[str, int | None]]:
    """Hold rows against those of a bank that is written by now and then, most times unseen."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    bank, samples = F.normalize(torch.randn(48, 8), dim=1), torch.randn(48, 12)
    with Inspector(model) as inspector:
        for step in range(steps):
            rows = torch.arange(16) + 16 * (step % 3)
            z = F.normalize(model(samples[rows] + 0.1 * torch.randn(16, 12)), dim=1)
            own = (z * bank[rows]).sum(1, keepdim=True)
            others = z @ bank[torch.randint(48, (24,))].T
            loss = F.cross_entropy(torch.cat([own, others], 1) / 0.3, torch.zeros(16).long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if renewed(step):
                bank[rows] = z.detach()
    return [(f.code, f.where.step) for f in inspector.diagnose().findings if f.code == "CD106"]


def test_a_bank_whose_last_writes_nobody_saw_is_found_to_be_old() -> None:
    ((_, step),) = train(lambda step: step < 12)
    assert step in (12, 13)


@pytest.mark.parametrize(
    "renewed",
    [
        lambda _: True,
        lambda step: step % 12 < 3,  # every fourth epoch
        lambda step: step < 12 or step % 24 < 3,
        lambda step: step >= 12,
    ],
)
def test_a_bank_that_is_renewed_is_not(renewed: Callable[[int], bool]) -> None:
    assert train(renewed) == []


def test_memory_that_is_gone_is_forgotten() -> None:
    stores, bank = filled(3)
    del bank
    stores.sweep()
    assert not stores._spots
