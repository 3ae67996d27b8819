"""Threads, replicas, workers and forks: only the training that was entered is watched."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor.api import Inspector, load
from collapse_doctor.recording.writer import RecordingWriter
from tests.inspector.side_by_side import compare, notices, steps


def network() -> Any:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))


def train(model: nn.Module, count: int, seed: int = 0) -> None:
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(count):
        x = torch.randn(8, 6, generator=draw)
        optimizer.zero_grad()
        F.mse_loss(model(x), model(x + 0.1).detach()).backward()
        optimizer.step()


def together(*tasks: Callable[[], Any]) -> None:
    """Run tasks in threads of their own, and raise what they raise."""
    raised: list[BaseException] = []

    def run(task: Callable[[], Any]) -> None:
        try:
            task()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def test_replicas_in_threads() -> None:
    """What DataParallel does: shallow copies of all modules, each called in its own thread."""

    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        x = torch.linspace(-1, 1, 48).reshape(8, 6)
        with watch(model):
            for _ in range(4):
                outputs: dict[int, Tensor] = {}

                def call(place: int, part: Tensor, into: dict[int, Tensor] = outputs) -> None:
                    replica = model._replicate_for_data_parallel()
                    for name, child in model._modules.items():
                        replica._modules[name] = child._replicate_for_data_parallel()
                        replica._modules[name]._parameters = child._parameters
                    into[place] = replica(part)

                together(*[lambda n=n, p=p: call(n, p) for n, p in enumerate(x.chunk(2))])
                loss = torch.cat([outputs[0], outputs[1]]).pow(2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    assert steps(compare(training)) == 4


def test_a_training_in_another_thread() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        with watch(model):
            together(lambda: train(model, 20))
        return model

    inspector = compare(training)
    assert not inspector.recording.measures
    assert "in this thread" in notices(inspector, "inspector")[0].text


def test_two_watches_in_two_threads_that_begin_and_end_at_any_time() -> None:
    """PyTorch walks through its hooks of optimizers in one thread while the other changes them."""

    def task(watch: Callable[..., Any], model: nn.Module, lengths: list[int]) -> None:
        for seed, length in enumerate(lengths):
            with watch(model, every=1):
                train(model, length, seed)

    def training(watch: Callable[..., Any]) -> Any:
        first, second = network(), network()
        together(
            lambda: task(watch, first, [3] * 12),
            lambda: task(watch, second, [40]),
            lambda: train(network(), 40),
        )
        return first, second

    compare(training)


class Idle(torch.optim.Optimizer):
    """Takes steps and moves nothing: two threads that moved one model would trip over autograd."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        pass


def test_steps_of_another_thread_while_this_one_is_watched() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, over = network(), threading.Event()

        def step() -> None:
            idle = Idle(model.parameters())
            while not over.is_set():
                idle.step()

        with watch(model, every=1):
            other = threading.Thread(target=step)
            other.start()
            train(model, 30)
            over.set()
            other.join()
        return model

    assert steps(compare(training)) > 0  # how many of whose, the scheduler decides


def test_nested_watches_of_one_model() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        outer, inner = watch(model), watch({"inner": model})
        outer.__enter__()
        train(model, 3)
        inner.__enter__()
        train(model, 20)
        outer.__exit__(None, None, None)
        train(model, 30)
        inner.__exit__(None, None, None)
        assert not any(module._forward_hooks for module in model.modules())
        return model

    inspector = compare(training)
    assert steps(inspector) == 23
    assert len(inspector.recording.comparisons) >= 8


def test_a_watch_entered_in_one_thread_and_left_in_another() -> None:
    model = network()
    inspector = Inspector(model)
    inspector.__enter__()
    train(model, 2)
    together(lambda: inspector.__exit__(None, None, None))
    seen = len(inspector.recording.comparisons)
    train(model, 2)
    assert len(inspector.recording.comparisons) == seen
    assert not any(module._forward_hooks for module in model.modules())
    inspector.__exit__(None, None, None)  # takes the deaf mode off this thread's stack


class Samples(Dataset[Tensor]):
    """Runs the watched model in the worker, as hard-negative miners and encoders of queries do."""

    def __init__(self, inspector: Any, model: nn.Module) -> None:
        self.inspector = inspector
        self.model = model

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            z = self.model(torch.full((2, 6), float(index)))
            F.cosine_similarity(z, z)
        self.inspector.step(loss=1.0)
        return torch.full((6,), float(index))


@pytest.mark.parametrize(("method", "workers"), [("fork", 2), ("spawn", 1)])
def test_workers_of_a_loader_record_nothing(method: str, workers: int, tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Inspector(model, out=tmp_path / "run") as inspector:
        loader = DataLoader(
            Samples(inspector, model),
            batch_size=4,
            num_workers=workers,
            persistent_workers=True,
            multiprocessing_context=method,
        )
        for _ in range(2):
            for x in loader:
                optimizer.zero_grad()
                model(x).pow(2).sum().backward()
                optimizer.step()
        processes = list(loader._iterator._workers)  # type: ignore[union-attr]
        loader._iterator._shutdown_workers()  # type: ignore[union-attr]
    assert [process.exitcode for process in processes] == [0] * workers
    assert steps(inspector) == 4
    for recording in (inspector.recording, load(tmp_path / "run").recording):
        assert [m.step for m in recording.measures if m.layer == "output"] == [0, 1, 2, 3]
        assert recording.comparisons == []
        assert recording.losses == []


def forked(inspector: Inspector, model: nn.Module, optimizer: Any, answers: Any) -> None:
    for _ in range(3):
        model(torch.ones(4, 6)).sum().backward()
        optimizer.step()
    inspector.step(loss=5.0)
    F.cosine_similarity(torch.ones(2, 3), torch.ones(2, 3))
    inspector.__exit__(None, None, None)
    answers.put(torch._C._len_torch_function_stack())


def written_by_now(inspector: Inspector) -> None:
    """Wait for the disk: this process writes a fraction of a second after it has seen something."""
    assert isinstance(inspector._sink, RecordingWriter)
    assert inspector._sink.flush(60)


def test_a_forked_child_goes_on_alone(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with Inspector(model, out=tmp_path / "run") as inspector:
        model(torch.ones(4, 6)).sum().backward()
        optimizer.step()
        written_by_now(inspector)
        before = sorted((p.name, p.stat().st_size) for p in (tmp_path / "run").iterdir())
        child = context.Process(target=forked, args=(inspector, model, optimizer, answers))
        child.start()
        child.join()
        after = sorted((p.name, p.stat().st_size) for p in (tmp_path / "run").iterdir())
    assert child.exitcode == 0
    assert answers.get() == 0, "the child's own stack is as it was without us"
    assert after == before
    assert steps(inspector) == 1
    assert os.getpid() != child.pid
