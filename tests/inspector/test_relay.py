from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.optim.optimizer import (
    _global_optimizer_post_hooks,
    register_optimizer_step_post_hook,
)

from collapse_doctor.inspector.pacing.relay import Relay


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay(register_optimizer_step_post_hook)
    yield relay
    relay.remove(print)  # tidies what was not to be touched while it ran


@pytest.fixture
def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)


def test_one_hook_for_all_listeners(relay: Relay, optimizer: torch.optim.Optimizer) -> None:
    told: list[str] = []

    def first(*call: Any) -> None:
        told.append("first")

    def second(*call: Any) -> None:
        told.append("second")

    before = len(_global_optimizer_post_hooks)
    relay.add(first)
    relay.add(second)
    assert len(_global_optimizer_post_hooks) == before + 1
    optimizer.step()
    relay.remove(first)
    optimizer.step()
    relay.remove(second)
    relay.remove(second)
    assert len(_global_optimizer_post_hooks) == before
    optimizer.step()
    assert told == ["first", "second", "second"]


def test_a_listener_may_leave_while_it_is_told(
    relay: Relay, optimizer: torch.optim.Optimizer
) -> None:
    """With another hook to come, a change to PyTorch's dictionary would raise in the training."""
    told: list[str] = []

    def leaving(*call: Any) -> None:
        told.append("leaving")
        relay.remove(leaving)

    relay.add(leaving)
    handle = register_optimizer_step_post_hook(lambda *call: told.append("theirs"))
    optimizer.step()
    optimizer.step()
    handle.remove()
    assert told == ["leaving", "theirs", "theirs"]
    relay.remove(leaving)
    assert relay._handle is None


def test_another_thread_may_leave_while_one_is_told(
    relay: Relay, optimizer: torch.optim.Optimizer
) -> None:
    """One watch ends while another one measures in the optimizer's step."""

    def measuring(*call: Any) -> None:
        other = threading.Thread(target=relay.remove, args=(print,))
        other.start()
        other.join()

    relay.add(measuring)
    relay.add(print)
    relay.remove(print)
    handle = register_optimizer_step_post_hook(lambda *call: None)
    optimizer.step()
    relay.remove(measuring)
    handle.remove()


def test_a_listener_that_raises_leaves_it_tidy(
    relay: Relay, optimizer: torch.optim.Optimizer
) -> None:
    def raising(*call: Any) -> None:
        raise KeyboardInterrupt

    relay.add(raising)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step()
    relay.remove(raising)
    assert relay._handle is None
