"""What is left of the watch in steps that are not looked at: next to nothing. All comes back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector import embeddings as embeddings_module
from collapse_doctor.inspector.pacing.attention import FEEL_EVERY
from collapse_doctor.inspector.watch import Watch

STEPS = 60


def network() -> nn.Sequential:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    return nn.Sequential(block, nn.Sequential(nn.Linear(8, 8), nn.ReLU()), nn.Linear(8, 4))


class Training:
    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), 0.01)
        self.batch = torch.randn(16, 8)

    def step(self) -> None:
        out: Tensor = self.model(self.batch)
        self.optimizer.zero_grad()
        out.square().mean().backward()
        self.optimizer.step()


def hooked(model: nn.Module) -> list[str]:
    """Return the names of the modules that carry a hook of any kind."""
    modules = model.named_modules()
    return [name for name, m in modules if m._forward_hooks or m._forward_pre_hooks]


def rested(watch: Watch, training: Training) -> None:
    """Train until nothing is looked at in the step to come."""
    training.step()
    while not watch._idle:
        training.step()


def test_between_two_looks_only_the_model_itself_has_a_hook() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        assert len(hooked(training.model)) > 1
        rested(watch, training)
        assert hooked(training.model) == [""]
        assert not training.model._forward_pre_hooks
        while watch._idle:
            training.step()
        assert len(hooked(training.model)) > 1
    assert not hooked(training.model)


def test_the_hooks_are_gone_when_the_watch_ends_while_it_rests() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        rested(watch, training)
    assert not hooked(training.model)
    assert not any(m._forward_hooks_with_kwargs for m in training.model.modules())


def test_inner_layers_are_seen_at_every_look_though_their_hooks_come_and_go() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        for _ in range(STEPS):
            training.step()
    steps = {m.step for m in watch.recording.measures if m.layer != "output"}
    assert {0, 1, 2, 3} < steps
    assert max(steps) > STEPS // 2


def test_hooks_stay_where_they_are_once_something_was_compiled() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        rested(watch, training)
        watch._compiling._begins()
        watch._compiling._ends()
        assert len(hooked(training.model)) > 1
        for _ in range(STEPS):
            training.step()
            assert len(hooked(training.model)) > 1


def test_passes_at_which_one_only_glances_are_counted() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        for _ in range(STEPS):
            training.step()
    assert watch.recording.tick is not None
    assert watch.recording.tick.forwards == watch.recording.tick.steps == STEPS


def test_between_two_looks_most_passes_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        monkeypatch.setattr(watch._budget, "affords", lambda _seconds=0.0: False)
        for _ in range(600):
            training.step()
        rested(watch, training)
        felt: list[int] = []
        pass_by = watch._hearing._pass_by

        def passing(*call: Any) -> None:
            felt.append(watch._clock.steps)
            pass_by(*call)

        monkeypatch.setattr(watch._hearing, "_pass_by", passing)
        begun = watch._clock.steps
        while watch._attention.is_idle:
            training.step()
        rest = range(begun, watch._clock.steps)
    assert len(rest) > 16
    assert felt == [step for step in rest if step % FEEL_EVERY == 0]


def test_labels_told_for_the_first_time_after_passes_that_were_only_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        monkeypatch.setattr(watch._budget, "affords", lambda _seconds=0.0: False)
        for _ in range(300):
            training.step()
        while watch._attention.next_turn - watch._clock.steps < 8 or not watch._attention.is_felt:
            training.step()
        training.step()  # the one that is felt
        for _ in range(3):
            training.step()
            watch.step(labels=torch.zeros(len(training.batch), dtype=torch.long))
        last = watch._clock.steps - 1
    told = watch.recording.labels
    assert [one.step for one in told] == [last - 2, last - 1, last]
    assert [one.sizes for one in told] == [(), (16,), (16,)], "of the first none were noted"


def test_weights_that_become_one_memory_between_two_looks_are_told_at_that_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = network(), network()
    training = Training(one)
    with Watch({"one": one, "other": other}) as watch:
        monkeypatch.setattr(watch._budget, "affords", lambda _seconds=0.0: False)
        for _ in range(100):
            training.step()
        while not watch._idle or watch._attention.next_turn - watch._clock.steps < 3:
            training.step()
        training.step()
        for left, right in zip(other.parameters(), one.parameters(), strict=True):
            left.data = right.data
        step = watch._clock.steps
        training.step()
    (shared,) = watch.recording.manifest.shared
    assert shared.step == step


def test_a_nan_between_two_looks_is_found_within_eight_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        monkeypatch.setattr(watch._budget, "affords", lambda _seconds=0.0: False)
        for _ in range(200):
            training.step()
        rested(watch, training)
        broken = watch._clock.steps
        training.batch = training.batch * float("nan")
        for _ in range(9):
            training.step()
    found = [m.step for m in watch.recording.measures if m.values["nonfinite_share"]]
    assert broken <= min(found) <= broken + 8


def test_a_model_left_in_eval_mode_between_two_looks_is_looked_at() -> None:
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        for _ in range(100):
            training.step()
        rested(watch, training)
        training.model.eval()
        training.step()
        assert not watch._idle


def test_what_no_file_waits_for_is_measured_when_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[None] = []
    measure = measure_batch

    def counting(*args, **kwargs):
        measured.append(None)
        return measure(*args, **kwargs)

    monkeypatch.setattr(embeddings_module, "measure_batch", counting)
    training = Training(network())
    with Watch({"model": training.model}) as watch:
        monkeypatch.setattr(watch._budget, "has_time", lambda _seconds: False)
        for _ in range(10):
            training.step()
    assert not measured
    assert len(watch.recording.measures) == len(measured) > 10
    assert {update.step for update in watch.recording.updates} == set(range(10))
    assert len(watch.recording.measures) == len(measured)


def test_what_a_file_waits_for_is_in_it_at_the_end(tmp_path) -> None:
    training = Training(network())
    with Watch({"model": training.model}, out=tmp_path / "run") as watch:
        for _ in range(10):
            training.step()
    assert (tmp_path / "run").exists()
    assert not watch._is_behind
    assert {measure.step for measure in watch.recording.measures} >= set(range(10))
