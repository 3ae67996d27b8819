"""What the user's program raises passes through as it is, and what was seen can be diagnosed."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import load
from tests.inspector.side_by_side import compare


class TheirError(Exception):
    """An exception of the user's that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Failing(nn.Module):
    """Fails in its third forward pass if told to; its parts are watched."""

    def __init__(self) -> None:
        super().__init__()
        self.lower = nn.Linear(6, 16)
        self.upper = nn.Linear(16, 8)
        self.calls = 0
        self.error: BaseException | None = None

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.lower(x).relu()
        self.calls += 1
        if self.error is not None and self.calls == 3:
            raise self.error
        z: Tensor = self.upper(hidden)
        return z


def in_forward(model: Failing, optimizer: Any, error: BaseException) -> None:
    model.error = error


def in_backward(model: Failing, optimizer: Any, error: BaseException) -> None:
    count = []

    def fail(gradient: Tensor) -> None:
        count.append(1)
        if len(count) == 3:
            raise error

    model.upper.weight.register_hook(fail)


def in_the_optimizer(model: Failing, optimizer: Any, error: BaseException) -> None:
    count = []

    def fail(*call: Any) -> None:
        count.append(1)
        if len(count) == 3:
            raise error

    optimizer.register_step_pre_hook(fail)


class Loss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self.calls = 0

    def forward(self, z1: Tensor, z2: Tensor) -> Any:
        loss = 1 - F.cosine_similarity(z1, z2)
        self.calls += 1
        if self.error is not None and self.calls == 3:
            raise self.error
        return loss.mean()


def in_the_loss(model: Failing, optimizer: Any, error: BaseException) -> None:
    optimizer.loss.error = error


def in_a_hook_of_theirs(model: Failing, optimizer: Any, error: BaseException) -> None:
    def fail(*call: Any) -> None:
        if model.calls == 3:
            raise error

    model.register_forward_hook(fail)


def frames(error: BaseException) -> list[str]:
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, TheirError, GeneratorExit])
@pytest.mark.parametrize(
    "place", [in_forward, in_backward, in_the_optimizer, in_the_loss, in_a_hook_of_theirs]
)
def test_it_passes_through_as_it_is(
    place: Callable[..., None], kind: type[BaseException], tmp_path: Path
) -> None:
    caught: list[BaseException] = []

    def training(watch: Callable[..., Any]) -> Any:
        model, error = Failing(), kind()
        optimizer: Any = torch.optim.SGD(model.parameters(), 0.1)
        optimizer.loss = Loss()
        place(model, optimizer, error)

        def run() -> None:
            with watch(model):
                for _ in range(5):
                    x = torch.randn(8, 6)
                    loss = optimizer.loss(model(x), x.roll(1, 1) @ torch.ones(6, 8))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()

        with pytest.raises(kind) as raised:
            run()
        assert raised.value is error
        assert (error.__cause__, error.__context__) == (None, None)
        caught.append(error)
        assert not any(module._forward_hooks for module in model.modules() if module is not model)
        return model, model.calls

    inspector = compare(training, out=tmp_path / "run")
    alone, watched = map(frames, caught)
    ours = [file for file in watched if "collapse_doctor" in file.replace("tests", "")]
    assert [Path(file).name for file in ours] in ([], ["mode.py"]), "the mode runs what fails"
    torchs = [file for file in watched if file not in ours]
    assert len([f for f in torchs if "/torch/" not in f]) == len(
        [f for f in alone if "/torch/" not in f]
    )
    for recording in (inspector.recording, load(tmp_path / "run").recording):
        assert {m.step for m in recording.measures} >= {0, 1}
        assert recording.tick is not None
        assert recording.tick.ended
        assert recording.tick.reason.startswith(kind.__name__)
    assert str(inspector.diagnose())


def test_after_an_exception_inside_the_block_training_goes_on() -> None:
    """Out of memory, a bad batch: people catch it, skip the batch and go on."""

    def training(watch: Callable[..., Any]) -> Any:
        model = Failing()
        model.error = ValueError("a bad batch")
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with watch(model, every=1):
            for _ in range(6):
                try:
                    loss = model(torch.randn(8, 6)).pow(2).mean()
                except ValueError:
                    continue
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    inspector = compare(training)
    outputs = [(m.step, m.rows) for m in inspector.recording.measures if m.layer == "output"]
    assert outputs == [(step, 8) for step in range(5)]
