"""A fault of ours, wherever it happens: training goes on, one warning, and the report says so."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_post_hook

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.fuse import Fuse
from collapse_doctor.reports.notices import cautions, complete
from tests.inspector.side_by_side import Unwatched, compare, notices

Callback = Callable[..., None]


def training(watch: Callable[..., Any]) -> Any:
    """Uses all that is offered: towers, layers, comparisons, labels, a look at what was seen."""
    towers: Any = {"left": nn.Sequential(nn.Linear(6, 8), nn.ReLU()), "right": nn.Linear(6, 8)}
    parameters = [p for tower in towers.values() for p in tower.parameters()]
    optimizer = torch.optim.SGD(parameters, 0.1, momentum=0.9)
    told: list[str] = []
    losses = []
    with watch(towers, layers=["0"]) as inspector:
        # Registered after ours, and so walked through after ours, whatever becomes of ours.
        handle = register_optimizer_step_post_hook(lambda *call: told.append("stepped"))
        for step in range(12):
            x = torch.randn(8, 6)
            loss = F.mse_loss(towers["left"](x), F.normalize(towers["right"](x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=torch.arange(8))
            losses.append(loss)
            if step == 6 and not isinstance(inspector, Unwatched):
                assert inspector.recording is not None
        handle.remove()
    model = nn.ModuleDict(towers)
    assert not any(module._forward_hooks for module in model.modules())
    return losses, model, optimizer, told


@contextmanager
def every_callback(replace: Callable[[Callback], Callback]) -> Iterator[None]:
    """Let ``replace`` have every callback that is guarded, on its way to the guard."""
    original = Fuse.guard

    def guard(fuse: Fuse, callback: Callback) -> Callback:
        replaced = replace(callback)
        functools.update_wrapper(replaced, callback)
        return original(fuse, replaced)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fuse, "guard", guard)
        yield


def counted() -> Counter[str]:
    """Return how often each guarded callback runs in the training."""
    calls: Counter[str] = Counter()

    def count(callback: Callback) -> Callback:
        def counting(*args: Any, **kwargs: Any) -> None:
            calls[callback.__qualname__] += 1
            callback(*args, **kwargs)

        return counting

    with every_callback(count), torch.random.fork_rng():
        training(Inspector)
    return calls


CALLS = counted()
PLACES = [(name, nth) for name, count in sorted(CALLS.items()) for nth in (1, 5) if nth <= count]


def test_the_callbacks_are_those_that_are_known() -> None:
    """So that one which escaped the guard, or was renamed, is missed."""
    assert len(CALLS) >= 9
    named = " ".join(CALLS)
    for word in ("hook", "called", "step", "told", "tell", "attach", "let_go", "close", "weights"):
        assert word in named, word


@pytest.mark.parametrize(("name", "nth"), PLACES)
@pytest.mark.parametrize("after", [False, True])
def test_training_goes_on_and_it_is_said(
    name: str, nth: int, after: bool, caplog: pytest.LogCaptureFixture
) -> None:
    calls: Counter[str] = Counter()

    def sabotage(callback: Callback) -> Callback:
        def failing(*args: Any, **kwargs: Any) -> None:
            calls[callback.__qualname__] += 1
            fails = callback.__qualname__ == name and calls[name] == nth
            if not fails or after:
                callback(*args, **kwargs)
            if fails:
                raise RuntimeError("broken on purpose")

        return failing

    with every_callback(sabotage), caplog.at_level(logging.WARNING):
        inspector = compare(training, faults=True)
    assert calls[name] >= nth, "the fault was there"
    assert [r.name for r in caplog.records] == ["collapse_doctor"]
    assert "broken on purpose" in caplog.text
    (notice,) = notices(inspector, "inspector")[:1]
    assert "switched itself off" in notice.text
    diagnosis = inspector.diagnose()
    assert not complete(diagnosis)
    assert "broken on purpose" in " ".join(cautions(diagnosis))
    text = " ".join(str(diagnosis).split())
    assert "broken on purpose" in text
    assert "Healthy" not in text


@pytest.mark.parametrize("speaks", [True, False])
def test_a_log_handler_of_theirs_that_fails_is_not_our_fault(speaks: bool) -> None:
    class SilentError(RuntimeError):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError("the log is full")

    def broken(callback: Callback) -> Callback:
        def failing(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("broken on purpose") if speaks else SilentError

        def unbroken(*args: Any, **kwargs: Any) -> None:
            callback(*args, **kwargs)

        return failing if callback.__qualname__.endswith("hook") else unbroken

    logger, handler = logging.getLogger("collapse_doctor"), Broken()
    logger.addHandler(handler)
    try:
        with every_callback(broken):
            inspector = compare(training, faults=True)
    finally:
        logger.removeHandler(handler)
    assert "switched itself off" in notices(inspector, "inspector")[0].text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_inside_of_ours_is_theirs(
    name: str, kind: type[BaseException], after: bool
) -> None:
    """Ctrl-C may be pressed while our code runs: it ends their training, and leaves nothing."""

    def interrupted(callback: Callback) -> Callback:
        def interrupting(*args: Any, **kwargs: Any) -> None:
            now = callback.__qualname__ == name and not done
            if not now or after:
                callback(*args, **kwargs)
            if now:
                done.append(name)
                raise kind

        return interrupting

    done: list[str] = []
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def run() -> None:
        with Inspector(model) as inspector:
            for _ in range(3):
                z = F.normalize(model(torch.randn(8, 6)))
                z.sum().backward()
                optimizer.step()
                inspector.step(loss=1.0)
            assert inspector.recording.losses

    with every_callback(interrupted), pytest.raises(kind):
        run()
    assert done == [name]
    assert not any(module._forward_hooks for module in model.modules())
