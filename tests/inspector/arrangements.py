"""Ways to compile what is trained: each as one training that can be watched or not."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch._dynamo
from torch import nn
from torch._dynamo.callback import callback_handler
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters
from torch.nn import functional as F

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.findings import Diagnosis
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.measurements import from_recording
from collapse_doctor.recording.memory import Recording

STEPS = 4


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        return x + F.relu(self.norm(self.linear(x)))


class Net(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width) for _ in range(2))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(width, 6)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(self.drop(x))


class Broken(Net):
    """A model with a graph break between its blocks."""

    def forward(self, x):
        x = self.blocks[0](x)
        torch._dynamo.graph_break()
        return self.head(self.blocks[1](x))


def loss_of(one, two):
    return F.mse_loss(F.normalize(one, dim=1), F.normalize(two, dim=1)) + one.pow(2).mean()


@dataclass
class Run:
    """One training, watched or not, and what was compiled for it."""

    watched: bool
    fullgraph: bool = False
    backend: CompileCounter = field(default_factory=CompileCounter)
    losses: list[float] = field(default_factory=list)
    graphs: list[int] = field(default_factory=list)
    watch: Watch | None = None
    recording: Recording | None = None
    compiled: dict[str, Any] = field(default_factory=dict)

    def compile(self, what: Any, **options: Any) -> Any:
        return torch.compile(what, backend=self.backend, fullgraph=self.fullgraph, **options)

    @contextlib.contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        if not self.watched:
            yield
            return
        with Watch({"model": model}) as watch:
            self.watch = watch
            yield
        self.recording = watch.recording

    def steps(self, step: Callable[[Any, Any], Any], model: nn.Module, count: int = STEPS) -> None:
        """Train: ``step`` returns a loss of two views, with or without its own backward."""
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for number in range(count):
            one, two = torch.randn(2, 5, 8)
            loss = step(one, two)
            if loss.grad_fn is not None:
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            self.losses.append(loss.item())
            self.graphs.append(self.backend.frame_count)
            if number == 0 and self.watch is not None:
                self.watch.step(loss=loss)

    def counted(self) -> dict[str, Any]:
        breaks = sum(counters["graph_break"].values())
        listening = len(callback_handler.start_callbacks) + len(callback_handler.end_callbacks)
        operations = self.backend.op_count
        return {"graphs": self.graphs, "ops": operations, "breaks": breaks, "listening": listening}

    @property
    def diagnosis(self) -> Diagnosis:
        assert self.recording is not None
        return diagnose(from_recording(self.recording, title="run"))

    def notices(self, about: str) -> list[str]:
        assert self.recording is not None
        return [n.text for n in self.recording.notices if n.about == about]

    def comparisons(self) -> int:
        assert self.recording is not None
        return len(self.recording.comparisons)

    def layers(self) -> set[str]:
        assert self.recording is not None
        return {measure.layer for measure in self.recording.measures}


Arrangement = Callable[[Run], None]
ARRANGEMENTS: dict[str, Arrangement] = {}


def arrangement(function: Arrangement) -> Arrangement:
    ARRANGEMENTS[function.__name__] = function
    return function


def both(model: Any) -> Callable[[Any, Any], Any]:
    return lambda one, two: loss_of(model(one), model(two))


@arrangement
def before_the_block(run: Run) -> None:
    model = run.compile(Net())
    with run.watching(model):
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def inside_the_block(run: Run) -> None:
    model = Net()
    with run.watching(model):
        compiled = run.compile(model)
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def inside_the_block_after_eager_steps(run: Run) -> None:
    model = Net()
    with run.watching(model):
        run.steps(both(model), model)
        compiled = run.compile(model)
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def original_watched(run: Run) -> None:
    model = Net()
    compiled = run.compile(model)
    with run.watching(model):
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def compiled_and_called_before(run: Run) -> None:
    model = run.compile(Net())
    run.steps(both(model), model)
    with run.watching(model):
        run.steps(both(model), model, 12)
    run.steps(both(model), model)


@arrangement
def in_place(run: Run) -> None:
    model = Net()
    model.compile(backend=run.backend, fullgraph=run.fullgraph)
    with run.watching(model):
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def in_place_inside_the_block(run: Run) -> None:
    model = Net()
    with run.watching(model):
        run.steps(both(model), model)
        model.compile(backend=run.backend, fullgraph=run.fullgraph)
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def submodule(run: Run) -> None:
    model = Net()
    model.head = run.compile(model.head)
    model.blocks[0] = run.compile(model.blocks[0])
    with run.watching(model):
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def every_block(run: Run) -> None:
    model = Net()
    for block in model.blocks:
        block.compile(backend=run.backend, fullgraph=run.fullgraph)
    with run.watching(model):
        run.steps(both(model), model, 12)
    run.steps(both(model), model)


@arrangement
def every_block_inside_the_block(run: Run) -> None:
    model = Net()
    with run.watching(model):
        for block in model.blocks:
            block.compile(backend=run.backend, fullgraph=run.fullgraph)
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def forward_method(run: Run) -> None:
    model = Net()
    model.forward = run.compile(model.forward)  # type: ignore[method-assign]
    with run.watching(model):
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def loss_function(run: Run) -> None:
    model, loss = Net(), run.compile(loss_of)
    with run.watching(model):
        run.steps(lambda one, two: loss(model(one), model(two)), model, 12)
    run.steps(lambda one, two: loss(model(one), model(two)), model)


@arrangement
def model_and_loss(run: Run) -> None:
    model, loss = run.compile(Net()), run.compile(loss_of)
    with run.watching(model):
        run.steps(lambda one, two: loss(model(one), model(two)), model, 12)
    run.steps(lambda one, two: loss(model(one), model(two)), model)


@arrangement
def loss_called_before(run: Run) -> None:
    model, loss = Net(), run.compile(loss_of)
    run.steps(lambda one, two: loss(model(one), model(two)), model)
    with run.watching(model):
        run.steps(lambda one, two: loss(model(one), model(two)), model)
    run.steps(lambda one, two: loss(model(one), model(two)), model)


@arrangement
def forward_and_loss_in_one_function(run: Run) -> None:
    model = Net()
    step = run.compile(both(model))
    with run.watching(model):
        run.steps(step, model, 12)
    run.steps(step, model)


@arrangement
def hooks_of_the_users_own(run: Run) -> None:
    model = Net()
    model.blocks[0].register_forward_hook(lambda module, args, output: output * 2)
    compiled = run.compile(model)
    with run.watching(compiled):
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def shapes_and_modes_that_change(run: Run) -> None:
    model = run.compile(Net())
    with run.watching(model):
        for rows in (5, 7, 9, 5, 6):
            for training in (True, False):
                model.train(training)
                run.losses.append(model(torch.randn(rows, 8)).sum().item())
                run.graphs.append(run.backend.frame_count)


@arrangement
def nested_compilation(run: Run) -> None:
    model = Net()
    for block in model.blocks:
        block.compile(backend=run.backend, fullgraph=run.fullgraph)
    compiled = run.compile(model)
    with run.watching(compiled):
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def graph_break(run: Run) -> None:
    model = run.compile(Broken())
    with run.watching(model):
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def part_taken_out(run: Run) -> None:
    model = Net()
    model.blocks[1] = torch.compiler.disable(model.blocks[1])
    compiled = run.compile(model)
    with run.watching(compiled):
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def whole_training_step(run: Run) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    @run.compile
    def step(one, two):
        loss = loss_of(model(one), model(two))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if run.watch is not None:
            run.watch.step(loss=loss)
        return loss.detach()

    with run.watching(model):
        run.steps(step, nn.Linear(1, 1))
    run.steps(step, nn.Linear(1, 1))


@arrangement
def optimizer_step(run: Run) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    update = run.compile(lambda: optimizer.step())

    def step(one, two):
        loss = loss_of(model(one), model(two))
        loss.backward()
        update()
        optimizer.zero_grad()
        return loss.detach()

    with run.watching(model):
        run.steps(step, nn.Linear(1, 1))
    run.steps(step, nn.Linear(1, 1))


@arrangement
def forgotten_inside_the_block(run: Run) -> None:
    model = run.compile(Net())
    with run.watching(model):
        run.steps(both(model), model)
        torch._dynamo.reset()
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def forgotten_before_the_first_compilation(run: Run) -> None:
    model = Net()
    with run.watching(model):
        run.steps(both(model), model)
        torch._dynamo.reset()
        compiled = run.compile(model)
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


@arrangement
def under_a_mode_of_the_users(run: Run) -> None:
    model = run.compile(Net())
    with run.watching(model), torch.device("cpu"):
        run.steps(both(model), model)
    with torch.device("cpu"):
        run.steps(both(model), model)


@arrangement
def a_call_that_fails(run: Run) -> None:
    model = run.compile(Net())
    with run.watching(model):
        run.steps(both(model), model)
        with contextlib.suppress(Exception):
            model(torch.randn(5, 7))
        run.steps(both(model), model)
    run.steps(both(model), model)


@arrangement
def hooks_of_the_users_own_inside_the_block(run: Run) -> None:
    model = Net()
    model.blocks[0].register_forward_hook(lambda module, args, output: output * 2)
    with run.watching(model):
        run.steps(both(run.compile(model)), model)


@arrangement
def guards_on_hooks(run: Run) -> None:
    model = Net()
    with torch._dynamo.config.patch(skip_nnmodule_hook_guards=False), run.watching(model):
        run.steps(both(run.compile(model)), model)


@arrangement
def two_watches(run: Run) -> None:
    model = Net()
    compiled = run.compile(model)
    with run.watching(model):
        with run.watching(model):
            run.steps(both(compiled), model)
        run.steps(both(compiled), model)
    run.steps(both(compiled), model)


WHOLE = (before_the_block, inside_the_block, in_place, submodule, every_block)
CASES = [*((name, False) for name in ARRANGEMENTS), *((f.__name__, True) for f in WHOLE)]


@functools.cache
def run(name: str, *, watched: bool, fullgraph: bool = False) -> Run:
    """Run one arrangement as in a fresh process; what ran is only looked at afterwards."""
    torch._dynamo.reset()
    counters.clear()
    made = Run(watched, fullgraph)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ARRANGEMENTS[name](made)
    made.compiled, made.watch = made.counted(), None  # keeps no compiled code alive
    torch._dynamo.reset()
    return made
