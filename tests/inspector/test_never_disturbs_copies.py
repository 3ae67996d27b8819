"""Copies, pickles and checkpoints of what is watched, and of the Inspector itself."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from collapse_doctor.api import Inspector
from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.hooks import ForwardHook
from tests.inspector.side_by_side import compare, steps

X = torch.linspace(-1, 1, 30).reshape(5, 6)


def network() -> Any:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))


def hooks_of(model: nn.Module) -> list[Any]:
    return [hook for module in model.modules() for hook in module._forward_hooks.values()]


def saved(model: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "torch.save": saved,
    "a copy of a copy": lambda model: saved(copy.deepcopy(saved(model))),
}


@pytest.mark.parametrize("when", ["before a step", "after a step", "after the block"])
@pytest.mark.parametrize("name", COPIES)
def test_a_copy_computes_and_trains_unwatched(name: str, when: str) -> None:
    copies = []

    def training(watch: Callable[..., Any]) -> Any:
        model, twin = network(), None
        with watch(model):
            if when == "before a step":
                twin = COPIES[name](model)
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            model(X).sum().backward()
            optimizer.step()
            if when == "after a step":
                twin = COPIES[name](model)
        twin = twin or COPIES[name](model)
        copies.append(twin)
        own = torch.optim.SGD(twin.parameters(), 0.1)
        twin(X).pow(2).sum().backward()
        own.step()
        return model, twin, list(model.state_dict()), list(twin.state_dict())

    inspector = compare(training)
    assert not any(isinstance(hook, ForwardHook) for twin in copies for hook in hooks_of(twin))
    assert name != "deepcopy" or not any(hooks_of(twin) for twin in copies)
    assert inspector.recording.tick is not None
    assert (steps(inspector), inspector.recording.tick.forwards) == (1, 1)


def test_a_copy_inside_the_block_is_not_taken_for_the_model() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        with watch(model):
            twin = copy.deepcopy(model)
            optimizer = torch.optim.SGD(twin.parameters(), 0.1)
            for _ in range(5):
                twin(X).pow(2).sum().backward()
                optimizer.step()
        return model, twin

    inspector = compare(training)
    assert steps(inspector) == 0
    assert not inspector.recording.measures


def test_a_shallow_copy_and_shared_memory() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        with watch(model):
            model.share_memory()
            twin = copy.copy(model)
            outputs = twin(X), model(X)
        assert not hooks_of(model)
        assert not hooks_of(twin)
        return outputs, model.state_dict()

    compare(training)


def test_a_saved_model_loads_where_this_package_is_not_installed(tmp_path: Path) -> None:
    model = network()
    with Inspector(model):
        model(X)
        torch.save(model, tmp_path / "model.pt")
        expected = model(X).sum().item()
    program = (
        "import sys; sys.modules['collapse_doctor'] = None\n"
        "import torch\n"
        f"model = torch.load({str(tmp_path / 'model.pt')!r}, weights_only=False)\n"
        "print(model(torch.linspace(-1, 1, 30).reshape(5, 6)).sum().item())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert float(done.stdout) == pytest.approx(expected)
    assert done.stderr == ""


class Trainer:
    """As people write them: it holds everything, and is copied and saved whole."""

    def __init__(self, inspector: Inspector, model: nn.Module) -> None:
        self.inspector = inspector
        self.model = model


@pytest.mark.parametrize("when", ["before", "inside", "after"])
@pytest.mark.parametrize(
    "how", [copy.deepcopy, copy.copy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_copy_of_an_inspector_is_what_it_recorded(
    when: str, how: Callable[[Any], Any], tmp_path: Path
) -> None:
    model = network()
    inspector = Inspector(model, out=tmp_path / "run")
    trainer = Trainer(inspector, model)
    copies = [how(inspector), how(trainer).inspector] if when == "before" else []
    with inspector:
        model(X)
        if when == "inside":
            copies = [how(inspector), how(trainer).inspector]
        model(X)
    copies = copies or [how(inspector), how(trainer).inspector]
    # A shallow copy shares its parts: here the recording, which goes on.
    forwards = {"before": 0, "inside": 2 if how is copy.copy else 1, "after": 2}[when]
    for twin in copies:
        if twin is inspector:  # inside of a shallow copy
            continue
        assert isinstance(twin, Inspector)
        twin.step(loss=1.0, labels=[1, 2])
        measures = [m for m in twin.recording.measures if m.layer == "output"]
        assert len(measures) == forwards
        assert "switched itself off" not in str(twin.diagnose())
        with pytest.raises(UsageError, match="entered before"):
            twin.__enter__()
    tick = inspector.recording.tick
    assert tick is not None
    assert (tick.forwards, tick.ended) == (2, True)
    assert not inspector.recording.losses


def test_a_model_that_holds_its_inspector_is_copied() -> None:
    model = network()
    with Inspector(model) as inspector:
        model.inspector = inspector
        model(X)
        twin = copy.deepcopy(model)
        twin(X)
        twin.inspector.step(loss=1.0)
    assert len(inspector.recording.measures) == 2
    assert not inspector.recording.losses


def test_an_inspector_keeps_no_model_alive() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Inspector(model, layers=[model[0]]) as inspector:
        model(X).sum().backward()
        optimizer.step()
    gone = [weakref.ref(model), weakref.ref(model[0].weight), weakref.ref(optimizer)]
    del model, optimizer
    gc.collect()
    assert [reference() for reference in gone] == [None] * 3
    assert inspector.diagnose().measurements is not None
