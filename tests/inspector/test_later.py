"""Values that are looked at when they have arrived, and not before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from collapse_doctor.inspector.pacing import later as later_module
from collapse_doctor.inspector.pacing.later import Later, send


class Slow:
    """A transfer that is under way until it is told otherwise."""

    arrived = False

    def __init__(self, tensors: list[Tensor]) -> None:
        self._tensors = tensors

    def is_ready(self) -> bool:
        return self.arrived

    def read(self) -> list[Tensor]:
        return self._tensors


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr(later_module, "send", Slow)
    monkeypatch.setattr(Slow, "arrived", False)
    return Slow


def test_what_is_on_the_host_is_there() -> None:
    sent = send([torch.ones(3, requires_grad=True)])
    assert sent.is_ready()
    (values,) = sent.read()
    assert values.tolist() == [1, 1, 1]
    assert not values.requires_grad


def test_nothing_is_read_before_it_has_arrived(slow: type[Slow]) -> None:
    queue, seen = Later(), list[Any]()
    queue.put([torch.ones(2)], seen.append)
    assert queue.work() is None
    queue.work_off()
    assert not seen
    slow.arrived = True
    assert queue.work() is not None
    assert len(seen) == 1


def test_the_first_in_is_the_first_out(slow: type[Slow]) -> None:
    queue, seen = Later(), list[Any]()
    for number in range(3):
        queue.put([torch.tensor(number)], lambda values: seen.append(int(values[0])))
    slow.arrived = True
    queue.work_off()
    assert seen == [0, 1, 2]


def test_draining_waits_for_what_is_under_way(slow: type[Slow]) -> None:
    queue, seen = Later(), list[Any]()
    queue.put([torch.ones(2)], seen.append)
    queue.drain()
    assert len(seen) == 1
    assert len(queue) == 0


def test_it_knows_what_it_holds() -> None:
    queue = Later()
    queue.put([torch.zeros(10, 4), torch.zeros(6, dtype=torch.float64)], lambda _: None)
    assert queue.held == 160 + 48
    queue.drain()
    assert queue.held == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: values come from one")
def test_values_come_over_from_a_gpu_without_waiting() -> None:
    torch.cuda.set_sync_debug_mode("error")
    try:
        values = torch.arange(1000, device="cuda").float()
        sent = send([values * 2])
        torch.cuda.current_stream().query()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert sent.read()[0].tolist() == [2.0 * n for n in range(1000)]
