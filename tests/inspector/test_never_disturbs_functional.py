"""Transforms, traces, exports and everything else that runs a model in its own way."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, jacrev, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from collapse_doctor.api import Inspector
from tests.inspector.side_by_side import compare, steps

X = torch.linspace(-1, 1, 60).reshape(5, 12)


class Normed(nn.Module):
    """A model whose forward holds a comparison, so that all of us is awake inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.lower = nn.Linear(12, 16)
        self.upper = nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        z = F.normalize(self.upper(torch.tanh(self.lower(x))), dim=-1)
        return z * F.cosine_similarity(z, z.roll(1, -1), dim=-1)[..., None]


def parameters_of(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters())


def per_sample_gradients(model: nn.Module) -> Any:
    def loss(weights: dict[str, Tensor], x: Tensor) -> Any:
        return functional_call(model, weights, (x[None],)).pow(2).sum()

    return vmap(grad(loss), in_dims=(None, 0))(parameters_of(model), X)


def jacobian(model: nn.Module) -> Any:
    return jacrev(model)(X[0])


def ensemble(model: nn.Module) -> Any:
    models = [copy.deepcopy(model) for _ in range(3)]
    weights, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(model).to("meta")

    def one(weight: Any, buffer: Any, x: Tensor) -> Any:
        return functional_call(skeleton, (weight, buffer), (x,))

    return vmap(one, in_dims=(0, 0, None))(weights, buffers, X)


def outer_gradient_step(model: nn.Module) -> Any:
    weights = parameters_of(model)
    loss = functional_call(model, weights, (X,)).pow(2).mean()
    inner = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    moved = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), inner, strict=True)}
    return functional_call(model, moved, (X,)).pow(2).mean()


def traced(model: nn.Module) -> Any:
    with pytest.warns(DeprecationWarning, match="jit"):
        graph = torch.jit.trace(model, X)
    return [node.kind() for node in graph.inlined_graph.nodes()], graph(X)


def exported(model: nn.Module) -> Any:
    program = torch.export.export(model, (X,), strict=False)
    return program.graph_module.code, program.module()(X)


def symbolically_traced(model: nn.Module) -> Any:
    graph = torch.fx.symbolic_trace(model)
    return graph.code, graph(X)


def proxied(model: nn.Module) -> Any:
    weights = parameters_of(model)

    def call(weights: dict[str, Tensor], x: Tensor) -> Any:
        return functional_call(model, weights, (x,))

    return [make_fx(call, tracing_mode=mode)(weights, X).code for mode in ("real", "fake")]


def faked(model: nn.Module) -> Any:
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        shape = model(mode.from_tensor(X)).shape
    return list(shape)


def counted(model: nn.Module) -> Any:
    with FlopCounterMode(display=False) as flops:
        z = model(X)
        F.cosine_similarity(z, model(X + 1)).sum().backward()
    return flops.get_total_flops(), str(flops.get_flop_counts())


def dispatched(model: nn.Module) -> Any:
    """A dispatch mode over a step and what is told of it sees the training's operations only."""
    seen = []

    class Seeing(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(X).sum().backward()
    with Seeing():
        optimizer.step()
        F.mse_loss(model(X), X[:, :8])
    return seen


def profiled(model: nn.Module) -> Any:
    with torch.profiler.profile(record_shapes=True) as profile:
        loss = model(X).sum()
        loss.backward()
    return loss, len(profile.events()) > 0


def watched_for_anomalies(model: nn.Module) -> Any:
    with torch.autograd.detect_anomaly(check_nan=True):
        loss = model(X).pow(2).sum()
        loss.backward()
    return loss


def saved_elsewhere(model: nn.Module) -> Any:
    """What is saved for backward is counted: nothing of ours is among it."""
    packed = []

    def pack(tensor: Tensor) -> Tensor:
        packed.append(tuple(tensor.shape))
        return tensor.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cosine_similarity(model(X), model(X + 1)).mean()
    loss.backward()
    return loss, packed


def evaluated(model: nn.Module) -> Any:
    with torch.inference_mode():
        inferred = model(X)
        distance = F.mse_loss(inferred, model(X + 1))
    with torch.no_grad():
        return inferred, distance, model(X), F.mse_loss(inferred, model(X))


def only_inferred(model: nn.Module) -> Any:
    with torch.inference_mode():
        return [model.eval()(X + n) for n in range(20)]


def hessian(model: nn.Module) -> Any:
    loss = model(X).pow(2).sum()
    first = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    norm = torch.stack([gradient.pow(2).sum() for gradient in first]).sum()
    return torch.autograd.grad(norm, list(model.parameters()))


RUNS = {
    run.__name__: run
    for run in (
        per_sample_gradients,
        jacobian,
        ensemble,
        outer_gradient_step,
        exported,
        traced,
        symbolically_traced,
        proxied,
        faked,
        counted,
        dispatched,
        profiled,
        watched_for_anomalies,
        saved_elsewhere,
        evaluated,
        only_inferred,
        hessian,
    )
}


# Anomaly detection warns of itself, and so does a profile of few steps.
@pytest.mark.filterwarnings("ignore:Anomaly Detection", "ignore:Warning. Profiler clears")
@pytest.mark.parametrize("name", RUNS)
def test_runs_of_another_kind_amid_a_training(name: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Normed()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        results = []
        with watch(model) as inspector:
            for step in range(4):
                if step in (0, 2):
                    results.append(RUNS[name](model))
                    model.train()
                loss = F.mse_loss(model(torch.randn(5, 12)), torch.randn(5, 8))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
        return results, model

    inspector = compare(training, every=1)
    assert steps(inspector) >= 4
    assert {m.step for m in inspector.recording.measures if m.layer == "output"} >= {1, 3}
    assert not any(relation for c in inspector.recording.comparisons for relation in c.relations)


def test_a_training_made_of_transforms_only() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Normed()
        with watch(model):
            for _ in range(4):
                gradients = per_sample_gradients(model)
                with torch.no_grad():
                    for name, parameter in model.named_parameters():
                        parameter.sub_(0.1 * gradients[name].mean(0))
        return model

    inspector = compare(training)
    assert not inspector.recording.measures
    assert "no forward pass" in inspector.recording.notices[-1].text


def spectral(model: Normed) -> Any:
    return parametrizations.spectral_norm(model.lower)


def weight(model: Normed) -> Any:
    return parametrizations.weight_norm(model.lower)


def old_spectral(model: Normed) -> Any:
    return nn.utils.spectral_norm(model.lower)


def pruned(model: Normed) -> Any:
    return prune.l1_unstructured(model.lower, "weight", amount=0.3)


def orthogonal(model: Normed) -> Any:
    return parametrizations.orthogonal(model.upper)


# Still in use, though torch announces their successors.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("change", [spectral, weight, old_spectral, pruned, orthogonal])
@pytest.mark.parametrize("late", [False, True])
def test_weights_that_are_computed(change: Callable[[Normed], Any], late: bool) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Normed()
        if not late:
            change(model)
        with watch(model):
            if late:
                change(model)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(4):
                optimizer.zero_grad()
                F.mse_loss(model(torch.randn(5, 12)), torch.randn(5, 8)).backward()
                optimizer.step()
        return model

    assert steps(compare(training, every=1)) == 4


def test_modules_that_a_tool_swaps_take_our_hooks_along() -> None:
    """As quantization does: hooks are moved to another module, and called without keywords."""

    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 8))
        results = []
        with watch(model):
            results.append(model(X))
            swapped = nn.Linear(12, 16)
            for hook in model[0]._forward_hooks.values():
                swapped.register_forward_hook(hook)
            model[0] = swapped
            results.append(model(X))
        results.append(model(X))
        return results

    inspector = compare(training)
    rows = [(m.forward, m.layer) for m in inspector.recording.measures]
    assert (1, "0") in rows
    assert max(rows)[0] == 1


def test_lazy_modules_get_their_shape_inside_the_block() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(8))
        with watch(model):
            model(X)
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(3):
                model(X).sum().backward()
                optimizer.step()
        return model

    assert steps(compare(training)) == 3


def test_scripting_outside_the_block_works_and_inside_it_says_what_to_do() -> None:
    def script(model: nn.Module) -> Any:
        with pytest.warns(DeprecationWarning, match="jit"):
            return torch.jit.script(model)(X)

    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Sequential(nn.Linear(12, 16), nn.ReLU())
        first = script(model)
        with watch(model) as inspector:
            model(X)
            twin = copy.deepcopy(model)
            if inspector.__class__.__name__ == "Inspector":
                with pytest.raises(AttributeError, match="before the block or after it"):
                    script(model)
        return first, script(model), script(twin)

    compare(training)


@pytest.mark.parametrize("transform", [torch.func.vmap, lambda f: f], ids=["vmap", "plain"])
def test_a_comparison_inside_a_transform_is_not_looked_at_and_it_is_said(
    transform: Callable[..., Any],
) -> None:
    def cosine(a: Tensor, b: Tensor) -> Tensor:
        return F.cosine_similarity(a, b, dim=-1)

    model = nn.Linear(12, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Inspector(model) as inspector:
        for _ in range(4):
            z = model(torch.randn(5, 12))
            loss = 1 - transform(cosine)(z, z).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    said = [notice for notice in inspector.recording.notices if notice.about == "torch.func"]
    diagnosis = inspector.diagnose()
    found = "CD101" in {finding.code for finding in diagnosis.findings}
    if transform is torch.func.vmap:
        assert not found
        reasons = {skipped.code: skipped.reason for skipped in diagnosis.skipped}
        assert said[0].text in reasons["CD101"]
        assert said[0].text.startswith("F.cosine_similarity ran inside a transform")
    else:
        assert found
        assert not said
