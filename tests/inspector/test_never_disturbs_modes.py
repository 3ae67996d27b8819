"""Whatever the user has switched on around, inside or across the block."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from collapse_doctor.api import analyze
from tests.inspector.side_by_side import compare, steps

STEPS = 12  # longer than the mode stays on at first


class Counting(TorchFunctionMode):
    """A user's own mode: it counts what it sees, so that it sees what it must and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


def depth() -> int:
    return torch._C._len_torch_function_stack()


def train(model: nn.Module, count: int = STEPS) -> Iterator[None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(count):
        x = torch.randn(8, 6)
        loss = F.mse_loss(model(x), model(x + 0.1).detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


AROUND: dict[str, Callable[[], Any]] = {
    "device": lambda: torch.device("cpu"),
    "another mode": Counting,
    "float64 by default": lambda: default_dtype(torch.float64),
    "bfloat16 by default": lambda: default_dtype(torch.bfloat16),
    "deterministic algorithms": deterministic,
    "numpy raises": lambda: np.errstate(all="raise"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", AROUND)
def test_around_the_block(name: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        with AROUND[name]():
            model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
            with watch(model) as inspector:
                for _ in train(model):
                    inspector.step(loss=1.0, labels=[0, 1, 2, 3, 4, 5, 6, 7])
            if hasattr(inspector, "diagnose"):
                assert inspector.diagnose().measurements is not None
        return model

    inspector = compare(training)
    assert steps(inspector) == STEPS
    assert len(inspector.recording.comparisons) >= 8


def test_a_mode_of_the_users_sees_the_same_with_and_without() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        outer, inner = Counting(), Counting()
        model = nn.Linear(6, 8)
        with outer, watch(model) as inspector, inner:
            for _ in train(model):
                inspector.step(loss=torch.ones(()))
        return outer.seen.count("mse_loss"), outer.seen, inner.seen

    assert len(compare(training).recording.comparisons) >= 8


def test_the_line_of_a_comparison_is_that_of_the_call_and_not_of_a_mode() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Linear(6, 8)
        with Counting(), watch(model), Counting():
            for _ in train(model):
                pass

    sites = {c.site.source for c in compare(training).recording.comparisons}
    assert sites == {"loss = F.mse_loss(model(x), model(x + 0.1).detach())"}


@pytest.mark.parametrize("first", ["mode", "watch"])
def test_modes_and_the_block_left_in_another_order(first: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, mode = nn.Linear(6, 8), Counting()
        watching = watch(model)
        order = [mode, watching] if first == "mode" else [watching, mode]
        for one in order:
            one.__enter__()
        for _ in train(model):
            pass
        for one in order:  # the first comes out first
            one.__exit__(None, None, None)
        assert depth() == 0
        seen = len(mode.seen)
        model(torch.randn(8, 6))
        return seen, len(mode.seen), model

    compare(training)


def test_modes_that_come_and_go_at_every_step() -> None:
    """Opened in one step and closed in the next, on either side of our own coming and going."""

    def training(watch: Callable[..., Any]) -> Any:
        model, seen = nn.Linear(6, 8), []
        with watch(model), contextlib.ExitStack() as stack:
            for step in train(model, 40):
                assert step is None
                stack.pop_all().close()
                mode = stack.enter_context(Counting())
                seen.append(mode.seen)
        assert depth() == 0
        return seen, model

    assert steps(compare(training)) == 40


def test_a_default_device_set_inside_the_block() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, places = nn.Linear(6, 8), []
        with watch(model):
            try:
                torch.set_default_device("meta")
                places.append(str(torch.ones(1).device))
                torch.set_default_device("cpu")
                for _ in train(model, 60):
                    with torch.device("meta"):
                        places.append(str(torch.ones(1).device))
                    places.append(str(torch.ones(1).device))
            finally:
                torch.set_default_device(None)
        return places, model

    inspector = compare(training)
    later = [c.step for c in inspector.recording.comparisons if c.step > 10]
    assert later, "a default device does not keep the mode from coming back"


def test_the_stack_of_a_mode_left_inside_the_block_is_not_mistaken() -> None:
    """One mode goes, another comes: as many as before, but ours must not come above it."""

    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Linear(6, 8)
        first, second = Counting(), Counting()
        first.__enter__()
        watching = watch(model)
        watching.__enter__()
        for _ in train(model, 11):  # ours is off by now
            pass
        first.__exit__(None, None, None)
        second.__enter__()
        for _ in train(model, 20):
            pass
        second.__exit__(None, None, None)
        left = depth()
        watching.__exit__(None, None, None)
        assert depth() == 0
        return left, len(second.seen)

    compare(training)


def test_the_mode_stays_while_autograd_runs_and_goes_after_it() -> None:
    """Where optimizers step inside backward the stack is a copy, and changes to it are lost."""

    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Linear(6, 8)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        model.bias.register_post_accumulate_grad_hook(lambda _: optimizer.step())
        with watch(model):
            for _ in range(STEPS):
                model(torch.randn(8, 6)).sum().backward()
            depths = depth()
        return depths, model

    assert steps(compare(training)) == STEPS


def loop(watch: Callable[..., Any], model: nn.Module, ends: list[str]) -> Iterator[int]:
    with watch(model):
        try:
            for step, _ in enumerate(train(model)):
                yield step
        finally:
            ends.append("ended")


@pytest.mark.parametrize("end", ["close", "throw", "forget", "exhaust"])
def test_a_generator_that_holds_the_block_open(end: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, ends = nn.Linear(6, 8), []  # type: ignore[var-annotated]
        running = loop(watch, model, ends)
        seen = list(running if end == "exhaust" else itertools.islice(running, 5))
        with Counting() as mode:
            model(torch.randn(2, 6))
            if end == "close":
                running.close()  # type: ignore[attr-defined]
            elif end == "throw":
                with pytest.raises(KeyError):
                    running.throw(KeyError("theirs"))  # type: ignore[attr-defined]
            del running
            model(torch.randn(2, 6))
        assert depth() == 0
        assert not model._forward_hooks
        return seen, ends, mode.seen, model

    inspector = compare(training)
    tick = inspector.recording.tick
    assert tick is not None
    assert tick.ended
    kinds = {"close": "GeneratorExit", "throw": "KeyError", "forget": "GeneratorExit"}
    assert tick.reason.partition(":")[0] == kinds.get(end, "")


@pytest.mark.parametrize("name", ["device", "another mode", "bfloat16 by default", "numpy raises"])
def test_a_diagnosis_is_the_same_inside(name: str) -> None:
    rows = torch.randn(200, 16, generator=torch.Generator().manual_seed(0))
    around = torch.device("meta") if name == "device" else AROUND[name]()
    with around:
        inside = str(analyze(rows))
    assert inside == str(analyze(rows))
    assert not isinstance(around, Counting) or around.seen == []
