"""A store is as old as its last write, and nothing is known of it after a write nobody saw."""

from __future__ import annotations

import torch

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


def test_memory_that_is_gone_is_forgotten() -> None:
    stores, bank = filled(3)
    del bank
    stores.sweep()
    assert not stores._spots
