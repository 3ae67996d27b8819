"""Active tests leave the model, the batch and the process as they were, to the bit."""

from __future__ import annotations

import copy
import random
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from collapse_doctor.api import Inspector
from collapse_doctor.recording.observations import Probe
from tests.conftest import changes, process_state, random_state
from tests.inspector.side_by_side import frozen, same


class Counting(nn.Module):
    """Keeps in plain attributes what passes by, the last output and its graph among it."""

    names = ("count", "seen", "history", "memory")

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.count = 0
        self.seen = {"shapes": [torch.Size((0, 0))]}
        self.history: list[float] = []
        self.memory: list[Tensor] = [torch.zeros(2)]
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Any:
        self.count += 1
        self.seen["shapes"].append(x.shape)
        self.history.append(float(x.sum()))
        self.memory[0].add_(1)
        self.last = self.linear(x)
        return self.last


class Averaging(nn.Module):
    """Moves a teacher, a code book and a buffer inside of forward, some in train mode only."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = nn.Linear(6, 4), nn.Linear(6, 4)
        self.codes = nn.Parameter(torch.randn(3, 4), requires_grad=False)
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: Tensor) -> Any:
        z: Tensor = self.student(x)
        with torch.no_grad():
            self.mean.lerp_(z.mean(0), 0.1)
            self.teacher.weight.lerp_(self.student.weight, 0.5)
            if self.training:
                self.codes.copy_(z[:3])
        return z + self.teacher(x)


class Drawing(nn.Module):
    """Draws from every generator, and from one of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.drop = nn.Linear(6, 4), nn.Dropout(0.5)
        self.own = torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Any:
        noise = torch.rand(1, generator=self.own) + np.random.rand() + random.random()
        return self.drop(self.linear(x)) + noise.float()


class Switching(nn.Module):
    """Turns switches of the process, and leaves them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Any:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float64)
        torch.set_autocast_enabled("cpu", True)
        return self.linear(x.float()).float()


class Greedy(nn.Module):
    """Writes into what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Any:
        return self.linear(x.mul_(2).clamp_(-1, 1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 5, num_layers=2, dropout=0.3, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        return self.gru(x.unflatten(1, (2, 3)))[0][:, -1]


def partly_frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.BatchNorm1d(8), nn.Dropout(0.1))
    model[1].eval()
    model[0].weight.requires_grad_(False)
    return model


def built() -> nn.Module:
    model = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d())
    model(torch.randn(4, 6))
    return model


def hooked_by_torch() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(weight_norm(nn.Linear(6, 8)), spectral_norm(nn.Linear(8, 4)))


def parametrised() -> nn.Module:
    return nn.Sequential(
        parametrizations.spectral_norm(nn.Linear(6, 8)),
        parametrizations.weight_norm(nn.Linear(8, 8)),
        parametrizations.orthogonal(nn.Linear(8, 4)),
    )


MODELS: dict[str, Callable[[], nn.Module]] = {
    "counts in plain attributes": Counting,
    "averages in forward": Averaging,
    "draws random numbers": Drawing,
    "turns switches": Switching,
    "writes into its input": Greedy,
    "recurrent": Recurrent,
    "partly frozen": partly_frozen,
    "lazily built": built,
    "old normalisation of weights": hooked_by_torch,
    "parametrised weights": parametrised,
}


def everything(model: nn.Module) -> Any:
    """Return all there is of a model: values, versions, identities, modes, plain attributes."""
    parts = []
    for name, module in model.named_modules():
        held = [*module._parameters.items(), *module._buffers.items()]
        tensors = [
            (key, id(t), t._version, t.requires_grad, frozen(t), frozen(t.grad) if t.is_leaf else 0)
            for key, t in held
            if t is not None
        ]
        hooks = [list(module._forward_hooks), list(module._forward_pre_hooks)]
        plain = [copy.deepcopy(vars(module)[key]) for key in getattr(module, "names", ())]
        own = getattr(module, "own", None)
        draws = own.get_state() if isinstance(own, torch.Generator) else None
        last = id(vars(module).get("last"))
        kind = type(module).__name__
        parts.append([name, id(module), kind, module.training, tensors, hooks, plain, draws, last])
    return frozen(parts)


def trained(model: nn.Module) -> None:
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), 0.1)
    torch.manual_seed(0)
    for _ in range(3):
        with torch.autocast("cpu", enabled=False):
            loss = model(torch.randn(12, 6)).square().mean()
        torch.set_default_dtype(torch.float32)
        torch.set_autocast_enabled("cpu", False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def told(inspector: Inspector, test: str = "modes") -> list[Probe]:
    return [probe for probe in inspector.recording.probes if probe.test == test]


@pytest.mark.parametrize("name", MODELS)
def test_nothing_of_the_model_changes(name: str) -> None:
    model, probe = MODELS[name](), torch.randn(12, 6)
    given, process = probe.clone(), process_state()
    with Inspector(model, probe=probe) as inspector:
        trained(model)
        before, drawn = everything(model), random_state()
        hooks = [list(m._forward_hooks) for m in model.modules()]
    assert same(_unhooked(before), _unhooked(everything(model)))
    assert not changes(process, process_state())
    assert random_state() == drawn
    assert torch.equal(probe, given)
    assert any(hooks), "the model was watched"
    arms = [probe.arm for probe in told(inspector) if probe.layer == "output"]
    assert arms == ["train", "eval"], told(inspector)


def _unhooked(parts: Any) -> Any:
    """Leave out hooks: those of the watch are gone when its block is left."""
    return [[value for place, value in enumerate(part) if place != 5] for part in parts]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("late", [False, True])
def test_nothing_changes_when_the_pass_on_the_probe_raises(
    error: type[BaseException], late: bool
) -> None:
    class Failing(Averaging):
        fails = False

        def forward(self, x: Tensor) -> Any:
            random.random()
            torch.rand(1)
            if self.fails and not late:
                raise error("in the middle")
            z = super().forward(x)
            if self.fails:
                torch.set_default_dtype(torch.float64)
                raise error("at the end")
            return z

    model = Failing()
    inspector = Inspector(model, probe=torch.randn(12, 6))
    before, drawn = None, None

    def run() -> None:
        nonlocal before, drawn
        with inspector:
            trained(model)
            model.fails = True
            before, drawn = everything(model), random_state()

    if issubclass(error, Exception):
        run()
        assert "the forward pass on the probe failed (ValueError" in told(inspector)[0].reason
    else:
        with pytest.raises(error):
            run()
    assert same(_unhooked(before), _unhooked(everything(model)))
    assert random_state() == drawn
    assert inspector.recording.tick is not None
    assert inspector.recording.tick.ended


def test_a_graph_from_before_can_still_be_walked_back() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)).eval()
    with Inspector(model, probe=torch.randn(12, 6)):
        loss = model(torch.randn(12, 6)).square().mean()
    loss.backward()  # raises where running_mean was written to in between


def test_a_probe_is_not_recorded_as_training_nor_kept() -> None:
    model, probe = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)), torch.randn(12, 6)
    with Inspector(model, probe=probe) as inspector:
        trained(model)
        measured, forwards = len(inspector.recording.measures), inspector.recording.tick
    assert len(inspector.recording.measures) == measured
    assert forwards is not None
    assert inspector.recording.tick is not None
    assert inspector.recording.tick.forwards == forwards.forwards
    held = weakref.ref(probe), weakref.ref(model)
    del probe, model
    assert [reference() for reference in held] == [None, None]


def test_without_a_probe_the_model_is_not_called() -> None:
    model = Counting()
    with Inspector(model) as inspector:
        trained(model)
    assert model.count == 3
    assert not inspector.recording.probes


def test_no_pass_is_made_after_an_exception() -> None:
    model = Counting()
    inspector = Inspector(model, probe=torch.randn(12, 6))
    with pytest.raises(RuntimeError), inspector:
        raise RuntimeError("of the user's")
    assert "ended with an exception (RuntimeError)" in told(inspector)[0].reason


def test_no_pass_is_made_among_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    model = Drawing()
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert "wait for the others" in told(inspector)[0].reason


def test_a_hook_of_the_users_is_not_called() -> None:
    model, seen = nn.Linear(6, 4), []
    model.register_forward_hook(lambda _m, _i, output: seen.append(output))
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert len(seen) == 3
    assert "forward hook of yours" in told(inspector)[0].reason


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("kind", ["module", "parameter", "accumulated", "all"])
def test_no_hook_on_a_gradient_is_called(kind: str) -> None:
    model, seen = nn.Sequential(nn.Linear(6, 4), nn.ReLU()), list[Any]()
    first: Any = model[0]
    handle = None
    if kind == "module":
        first.register_full_backward_hook(lambda *call: seen.append(call))
    elif kind == "parameter":
        first.weight.register_hook(seen.append)
    elif kind == "accumulated":
        first.weight.register_post_accumulate_grad_hook(seen.append)
    else:
        register = nn.modules.module.register_module_full_backward_hook
        handle = register(lambda *call: seen.append(call))
    try:
        with Inspector(model, probe=torch.randn(12, 6)) as inspector:
            trained(model)
            during, before = len(seen), everything(model)
    finally:
        if handle is not None:
            handle.remove()
    assert during
    assert len(seen) == during
    assert same(_unhooked(before), _unhooked(everything(model)))
    shown = [probe for probe in told(inspector, "reach") if probe.layer == "output"]
    assert bool(shown) == (kind in ("parameter", "accumulated"))


def test_a_way_back_leaves_gradients_and_the_batch_alone() -> None:
    model, probe = nn.Sequential(nn.Linear(6, 4), nn.Tanh()), torch.randn(12, 6)
    weight: Any = model[0].weight
    held = torch.randn(12, 6, requires_grad=True)
    for given in (probe, held):
        model.zero_grad()
        with Inspector(model, probe=given) as inspector:
            model(torch.randn(12, 6)).sum().backward()
            gradient = weight.grad
            value = gradient.clone()
        assert [p.values["reached"] for p in told(inspector, "reach") if p.layer] == [2.0]
        assert weight.grad is gradient
        assert torch.equal(gradient, value)
        assert given.grad is None
        assert given.requires_grad == (given is held)


def test_weights_are_drawn_anew_in_a_copy_only() -> None:
    drawn: list[int] = []

    class Own(nn.Linear):
        def reset_parameters(self) -> None:
            drawn.append(id(self))
            super().reset_parameters()

    model = nn.Sequential(Own(6, 4))
    drawn.clear()
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
        before, state = everything(model), random_state()
    assert len(drawn) == 1
    assert id(model[0]) not in drawn
    assert same(_unhooked(before), _unhooked(everything(model)))
    assert random_state() == state
    assert [p.arm for p in told(inspector, "redrawn") if p.layer] == ["trained", "drawn"]


def test_a_hook_on_all_modules_is_not_called() -> None:
    model, seen = nn.Linear(6, 4), []
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        handle = nn.modules.module.register_module_forward_hook(lambda *call: seen.append(1))
    handle.remove()
    assert not seen
    assert "hooks on all modules" in told(inspector)[0].reason


def test_a_method_of_the_model_may_be_its_hook() -> None:
    class Remembering(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.kept = nn.Linear(6, 4), list[Tensor]()
            self.linear.register_forward_hook(self.keep)

        def keep(self, _module: nn.Module, _args: Any, output: Tensor) -> None:
            self.kept.append(output)

        def forward(self, x: Tensor) -> Any:
            self.linear(x)
            return self.kept[-1]

    model = Remembering()
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert len(model.kept) == 3
    assert len(told(inspector)) > 1


def test_what_cannot_be_copied_is_not_run() -> None:
    model = Counting()
    vars(model)["lock"] = threading.Lock()
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert "a copy of the model could not be made" in told(inspector)[0].reason
    assert model.count == 3


def test_a_forward_around_the_model_itself_is_not_called() -> None:
    model = Counting()
    inner = model.forward
    model.forward = lambda x: inner(x)  # type: ignore[method-assign]
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert model.count == 3
    assert "a function around the model" in told(inspector)[0].reason


def test_what_dynamo_was_told_to_leave_alone_is_not_called() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))
    torch.compiler.disable(model[1])
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
        before = everything(model)
    assert same(_unhooked(before), _unhooked(everything(model)))
    assert len(told(inspector)) in (1, 5), "either skipped, or run in a copy"


def test_a_part_that_copies_as_itself_is_not_run() -> None:
    class Only(Counting):
        def __deepcopy__(self, _memo: Any) -> nn.Module:
            return self

    model = nn.Sequential(Only())
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        trained(model)
    assert model[0].count == 3
    assert "its own copy" in told(inspector)[0].reason


def test_devices_that_are_used_later_are_seeded_by_their_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(torch.cuda, "_lazy_call", lambda call, **_options: queued.append(call))
    with Inspector(nn.Linear(6, 4), probe=torch.randn(12, 6)) as inspector:
        pass
    assert len(told(inspector)) > 1
    assert not queued


def test_what_is_not_built_yet_stays_so() -> None:
    model = nn.Sequential(nn.LazyLinear(4))
    with Inspector(model, probe=torch.randn(12, 6)) as inspector:
        pass
    assert "not built yet" in told(inspector)[0].reason
    assert isinstance(model[0], nn.LazyLinear)


@pytest.mark.parametrize("in_place", [False, True])
def test_nothing_is_compiled_for_a_probe(in_place: bool) -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 4))
    if in_place:
        model.compile(backend=counter)
        compiled: Any = model
    else:
        compiled = torch.compile(model, backend=counter)
    with Inspector(compiled, probe=torch.randn(9, 6)) as inspector:
        trained(compiled)
        graphs, before = counter.frame_count, everything(model)
        compiles = counters["stats"]["unique_graphs"]  # also of a copy, with a counter of its own
    assert same(_unhooked(before), _unhooked(everything(model)))
    assert graphs
    assert counters["stats"]["unique_graphs"] == compiles
    model.train()
    compiled(torch.randn(12, 6)).sum().backward()
    assert counter.frame_count == graphs, "what was compiled is still in use"
    assert [p.arm for p in told(inspector) if p.layer == "output"] == ["train", "eval"]
    torch._dynamo.reset()


def test_train_mode_is_that_of_the_training() -> None:
    model = partly_frozen()
    with Inspector(model, probe=torch.randn(32, 6)) as inspector:
        for _ in range(3):
            trained(model)
        model.eval()
    arms = {(p.layer, p.arm): p for p in told(inspector) if p.layer}
    frozen_layer, other = (arms[name, "train"].values["parting"] for name in ("1", "output"))
    assert frozen_layer == 0
    assert other
    assert other > 0.1
