from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.fuse import Fuse, reason_of


class Functions(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


class Dispatches(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


def in_aside(work: Callable[[], None]) -> None:
    with Aside():
        work()


def guarded(work: Callable[[], None]) -> None:
    fuse = Fuse(lambda reason: None)
    fuse.guard(work)()
    assert not fuse.blown


@pytest.mark.parametrize("run", [in_aside, guarded])
def test_what_we_compute_is_neither_seen_nor_changed(run: Callable[..., None]) -> None:
    results: list[torch.Tensor] = []
    rows = torch.full((4, 3), 1.001)

    def work() -> None:
        results.append(rows @ rows.T)
        results.append(torch.ones(2))

    functions, dispatches = Functions(), Dispatches()
    around = torch.autocast("cpu", torch.bfloat16)
    with torch.device("meta"), around, functions, dispatches:
        run(work)
        after = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")
        assert (functions.seen, dispatches.seen) == ([], [])
        torch.zeros(1)
        assert (len(functions.seen), len(dispatches.seen)) == (1, 1), "and they are back"
    assert after == (torch.bfloat16, True)
    assert results[0].dtype == torch.float32
    assert results[1].device.type == "cpu"


def test_gradients_are_off_and_on_again() -> None:
    weight = torch.ones(2, requires_grad=True)
    with Aside():
        assert not (weight * 2).requires_grad
    assert (weight * 2).requires_grad


def test_a_forked_child_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    guarded = Fuse(lambda reason: None).guard(lambda: calls.append(1))
    guarded()
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    guarded()
    assert calls == [1]


def test_errors_are_told_in_words_if_they_have_any() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError("mute")

    assert reason_of(None) == ""
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
    assert reason_of(MuteError()) == "MuteError: (without words)"
