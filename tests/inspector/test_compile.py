"""Watching what is compiled: the same graphs, the same losses, and a word on what was not seen."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn import functional as F

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.inspector.comparing.operands import SEEN
from collapse_doctor.inspector.compiler.compiled import anything_compiled, compiled_parts, is_inside
from collapse_doctor.inspector.compiler.compiling import Compiling
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.measurements import from_recording
from collapse_doctor.recording.memory import Recording
from collapse_doctor.reports.notices import complete
from tests.inspector.arrangements import CASES, STEPS, Net, Run, both, loss_of, run

# Dynamo and inductor warn of what they do themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
]


@pytest.mark.parametrize(("name", "fullgraph"), CASES)
def test_graphs_and_losses_are_those_of_the_unwatched_program(name: str, fullgraph: bool) -> None:
    alone = run(name, watched=False, fullgraph=fullgraph)
    watched = run(name, watched=True, fullgraph=fullgraph)
    assert alone.graphs[-1] > 0, "something was compiled"
    assert watched.compiled == alone.compiled
    assert watched.losses == alone.losses


BLOCKS = {"blocks.0", "blocks.1"}


@pytest.mark.parametrize(
    ("name", "seen", "inside"),
    [
        ("before_the_block", set(), "blocks.0, blocks.1, head"),
        ("inside_the_block", set(), "blocks.0, blocks.1, head"),
        ("inside_the_block_after_eager_steps", BLOCKS, "blocks.0, blocks.1, head"),
        ("original_watched", set(), "blocks.0, blocks.1, head"),
        ("compiled_and_called_before", set(), "blocks.0, blocks.1, head"),
        ("in_place", set(), "blocks.0, blocks.1, head"),
        ("in_place_inside_the_block", BLOCKS, "blocks.0, blocks.1, head"),
        ("forward_method", set(), "blocks.0, blocks.1, head"),
        ("submodule", BLOCKS, ""),
        ("every_block", BLOCKS, ""),
        ("part_taken_out", {"blocks.1"}, "blocks.0, head"),
        ("graph_break", set(), "blocks.0, blocks.1, head"),
        ("hooks_of_the_users_own", set(), "blocks.0, blocks.1, head"),
        ("two_watches", set(), "blocks.0, blocks.1, head"),
    ],
)
def test_outputs_and_eager_comparisons_are_seen_and_layers_inside_are_named(
    name: str, seen: set[str], inside: str
) -> None:
    watched = run(name, watched=True)
    assert watched.layers() == {"output", *seen}
    (notice,) = watched.notices("model")
    assert "compiled" in notice
    assert (inside in notice) if inside else ("of its layers" not in notice)
    assert watched.comparisons() >= STEPS
    assert not watched.notices("comparisons")
    assert not watched.notices("inspector")
    assert watched.recording is not None
    kinds = {layer.name: layer.kind for layer in watched.recording.manifest.models[0].layers}
    assert kinds["output"] == ("Broken" if name == "graph_break" else "Net")
    assert kinds["blocks.0"] == "Block"


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("loss_function", {*BLOCKS, "output"}),
        ("loss_called_before", {*BLOCKS, "output"}),
        ("every_block_inside_the_block", {*BLOCKS, "output"}),
        ("model_and_loss", {"output"}),
    ],
)
def test_comparisons_that_could_not_be_watched_are_skipped_and_not_passed(
    name: str, seen: set[str]
) -> None:
    watched = run(name, watched=True)
    assert watched.layers() == seen
    (why,) = watched.notices("comparisons")
    reasons = {skipped.code: skipped.reason for skipped in watched.diagnosis.skipped}
    assert reasons["CD101"] == reasons["CD106"] == why
    assert "not observed" in why


@pytest.mark.parametrize("name", ["forward_and_loss_in_one_function", "whole_training_step"])
def test_a_model_that_only_ran_inside_a_compiled_function_passes_nothing(name: str) -> None:
    watched = run(name, watched=True)
    (caution,) = watched.notices("inspector")
    assert "no forward pass" in caution
    assert "compiled training step" in caution
    assert watched.diagnosis.passed == ()
    assert not complete(watched.diagnosis)


def test_a_model_that_vanished_into_a_compiled_function_is_told() -> None:
    model = Net()
    made = Run(watched=True)
    with made.watching(model):
        made.steps(both(model), model)
        made.steps(made.compile(both(model)), model)
    torch._dynamo.reset()
    (caution,) = made.notices("inspector")
    assert f"no forward pass was seen after step {STEPS - 1} of {2 * STEPS}" in caution
    (why,) = made.notices("comparisons")
    assert "from here on" in why


def test_an_alias_beside_a_compiled_model_is_found() -> None:
    model = Net()
    compiled: Any = torch.compile(model, backend="eager")
    with Watch({"model": compiled}) as watch:
        for _ in range(2):
            z = compiled(torch.randn(5, 8))
            F.cosine_similarity(z, z)
    torch._dynamo.reset()
    found = diagnose(from_recording(watch.recording, title="run"))
    assert [finding.code for finding in found.findings] == ["CD101"]


def test_a_fault_while_compiling_is_ours_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alone = run("inside_the_block", watched=False)
    monkeypatch.setattr(Compiling, "_be_blind", broken)
    monkeypatch.setattr(ModeWindow, "rest", broken)
    watched = run.__wrapped__("inside_the_block", watched=True)
    assert watched.losses == alone.losses
    assert caplog.text.count("broken on purpose") == 1
    assert watched.compiled["listening"] == 0


def broken(*_args: Any) -> None:
    raise RuntimeError("broken on purpose")


def test_a_mode_that_is_on_while_something_compiles_only_costs_a_graph() -> None:
    torch._dynamo.reset()
    window = ModeWindow(SEEN, lambda *call: None)
    backend = CompileCounter()
    compiled = torch.compile(Net(), backend=backend)
    graphs = []
    window.enter()
    for opened in (True, True, False, False):
        window.set(opened)
        compiled(torch.randn(5, 8))
        graphs.append(backend.frame_count)
    window.leave()
    torch._dynamo.reset()
    assert graphs == [1, 1, 2, 2]


def test_nothing_is_read_back_while_a_cuda_graph_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    capturing = [False]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing[0])
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch({"model": model}) as watch:
        model(torch.randn(5, 8))
        capturing[0] = True
        loss_of(*(model(view) for view in torch.randn(2, 5, 8))).backward()
        optimizer.step()
        assert isinstance(watch._sink, Recording)
        assert watch._sink.measures == []
        assert watch._sink.comparisons == []
        capturing[0] = False
    assert {measure.forward for measure in watch.recording.measures} == {0}


def test_what_backward_compiles_is_never_called_under_the_mode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Watch({"model": Net()}) as watch:
        with monkeypatch.context() as backward:
            backward.setattr(torch._C, "_current_graph_task_id", lambda: 1)
            watch._compiling._begins()
        assert watch._window.is_open
        watch._compiling._begins()
        assert not watch._window.is_open


@pytest.mark.skipif(not torch.cuda.is_available(), reason="without a GPU, compiling takes minutes")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_cuda_graphs_are_recorded_and_replayed_as_without_us() -> None:  # pragma: no cover
    def losses(*, watched: bool) -> list[float]:
        torch._dynamo.reset()
        torch.manual_seed(0)
        made, model = Run(watched), Net().cuda()
        compiled: Any = torch.compile(model, mode="reduce-overhead", fullgraph=True)
        with made.watching(compiled):
            made.steps(lambda one, two: both(compiled)(one.cuda(), two.cuda()), model)
        return made.losses

    assert losses(watched=True) == losses(watched=False)


def test_compiled_parts_are_those_whose_call_runs_compiled_code() -> None:
    def parts(model: Any) -> list[str]:
        return compiled_parts(model)

    net = Net()
    assert parts(net) == []
    net.blocks[0].compile()
    net.head = torch.compile(net.head)  # type: ignore[assignment]
    net.blocks[1] = torch.compiler.disable(net.blocks[1])
    assert parts(net) == ["blocks.0", "head"]
    whole: Any = torch.compile(net)
    assert parts(whole) == parts(nn.DataParallel(whole)) == [""]
    inner = {"blocks.0": False, "blocks.0.linear": True, "blocks.1.linear": False, "head": False}
    assert {name: is_inside(net, name) for name in inner} == inner
    assert is_inside(whole, "blocks.0")
    assert not is_inside(whole, "blocks.1.linear"), "it was taken out again"


def test_compiled_code_counts_while_it_can_be_called() -> None:
    torch._dynamo.reset()

    def double(x):
        return x * 2

    function = torch.compile(double, backend="eager")
    model = Net()
    compiled = torch.compile(model, backend="eager")
    assert not anything_compiled(), "nothing was called yet"
    compiled(torch.randn(5, 8))
    assert anything_compiled()
    del function
    assert not anything_compiled([model])
    function = torch.compile(double, backend="eager")
    function(torch.randn(5, 8))
    assert anything_compiled([model])
    del function
    assert not anything_compiled([model])
    torch._dynamo.reset()
    assert not anything_compiled()


FRESH = """
import contextlib, sys, torch
from torch import nn
from torch.nn import functional as F
from collapse_doctor import Inspector
assert "torch._dynamo" not in sys.modules
model, graphs = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), []
backend = lambda graph, _: graphs.append(1) or graph.forward
with (Inspector(model) if sys.argv[1] == "watched" else contextlib.nullcontext()) as inspector:
    loss_of = torch.compile(lambda a, b: F.cosine_similarity(a, b).mean(), backend=backend)
    fast = torch.compile(model, backend=backend)
    for _ in range(20):
        loss_of(fast(torch.randn(3, 4)), fast(torch.randn(3, 4))).backward()
        if inspector is not None:
            inspector.step()
print(len(graphs))
"""


def test_dynamo_is_listened_to_before_anything_loads_it() -> None:
    """Without an optimizer nothing has loaded it when the block begins; its first call is seen."""
    command = [sys.executable, "-c", FRESH]
    printed = [
        subprocess.run([*command, arm], capture_output=True, text=True, check=True).stdout
        for arm in ("bare", "watched")
    ]
    assert printed == ["2\n", "2\n"]
