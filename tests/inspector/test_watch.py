"""The watch as a whole: it sees, it does not disturb, and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import copy
import gc
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from collapse_doctor.errors import CollapseDoctorError, UsageError
from collapse_doctor.inspector import embeddings as embeddings_module
from collapse_doctor.inspector import watch as watch_module
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.clock import PATIENCE
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.observations import Use


class Unwatched(contextlib.AbstractContextManager):
    """Stands in for a watch in the run without one."""

    def __init__(self, _model: nn.Module) -> None:
        """Take what a watch takes."""

    def __exit__(self, *_error: object) -> None:
        pass

    def step(self, **_told: Any) -> None:
        pass


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4 * 36, 16)

    def forward(self, x):
        x = self.drop(F.relu(self.norm(self.conv(x)), inplace=True))
        return {"z": self.head(x.flatten(1)), "map": x}


def train(
    make: Callable[[nn.Module], Any], steps: int = 40
) -> tuple[list[float], dict[str, Any], Any]:
    """A training with augmentation, dropout, momentum and every kind of random number."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    with make(model) as watch:
        for _ in range(steps):
            x = torch.rand(12, 1, 8, 8)
            views = [x + 0.1 * torch.randn_like(x) * random.random(), x * float(np.random.rand())]
            z1, z2 = (model(view)["z"] for view in views)
            loss = F.cosine_embedding_loss(z1, z2, torch.randint(0, 2, (12,)) * 2 - 1, margin=0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            watch.step(loss=loss, labels=torch.arange(12))
    state = {
        "parameters": copy.deepcopy(model.state_dict()),
        "optimizer": copy.deepcopy(optimizer.state_dict()["state"]),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(legacy=False)["state"],
        "random": random.getstate(),
    }
    return losses, state, watch


def same(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    return bool(np.array_equal(left, right)) if isinstance(left, np.ndarray) else left == right


def watching(model: nn.Module, **options: Any) -> Watch:
    return Watch({"model": model}, **options)


@pytest.mark.parametrize("every", [None, 1])
def test_bit_identical_with_and_without(every: int | None) -> None:
    losses, state, _ = train(Unwatched)
    watched_losses, watched_state, watch = train(lambda model: watching(model, every=every))
    assert losses == watched_losses
    for part in state:
        assert same(state[part], watched_state[part]), part
    assert len(watch.recording.measures) > 40, "and it did watch"


def test_bit_identical_while_recording_to_a_folder(tmp_path) -> None:
    losses, state, _ = train(Unwatched)
    watched_losses, watched_state, _ = train(lambda model: watching(model, out=tmp_path / "run"))
    assert losses == watched_losses
    assert same(state["parameters"], watched_state["parameters"])


def test_what_is_recorded() -> None:
    _, _, watch = train(watching)
    recording = watch.recording
    layers = {(measure.layer, measure.width) for measure in recording.measures}
    assert layers == {
        ("conv", 4),
        ("norm", 4),
        ("head", 16),
        ("output['z']", 16),
        ("output['map']", 4),
    } - {("head", 16)}, "the head's output is the model's: one thing, one name"
    assert recording.tick is not None
    assert (recording.tick.steps, recording.tick.clock) == (40, "optimizer")
    assert recording.tick.ended
    assert [loss.step for loss in recording.losses] == list(range(40))
    assert recording.labels[3].distinct == 12
    assert recording.labels[3].batch == 12
    both_views = [m.rows for m in recording.measures if m.layer == "output['z']"]
    assert set(both_views) == {24}
    assert any("mean over 6x6 positions" in notice.text for notice in recording.notices)


def test_labels_belong_to_the_step_of_the_forward_pass() -> None:
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model) as watch:
        for step in range(3):
            loss = model(torch.randn(5, 4)).sum()
            if step == 1:
                watch.step(labels=torch.ones(5))  # before the optimizer steps
            loss.backward()
            optimizer.step()
            if step != 1:
                watch.step(labels=torch.ones(5))  # after it
    assert [labels.step for labels in watch.recording.labels] == [0, 1, 2]


def test_without_an_optimizer_forward_passes_are_told() -> None:
    model = nn.Linear(4, 4)
    with watching(model) as watch:
        for _ in range(5):
            model(torch.randn(3, 4))
    assert [(m.step, m.forward) for m in watch.recording.measures] == [(0, n) for n in range(5)]
    assert watch.recording.tick is not None
    assert (watch.recording.tick.clock, watch.recording.tick.forwards) == ("forward", 5)


def test_evaluation_in_between_is_not_measured_and_that_is_said() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, every=1) as watch:
        for _ in range(3):
            model.train()
            model(torch.randn(3, 4)).sum().backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():
                model(torch.randn(100, 4))
    outputs = [m for m in watch.recording.measures if m.layer == "output"]
    assert [(m.rows, m.training) for m in outputs] == [(3, True)] * 3
    assert any("eval mode" in notice.text for notice in watch.recording.notices)


def test_nothing_is_left_on_the_model() -> None:
    model = Net()
    with watching(model):
        assert model._forward_hooks
        model(torch.rand(2, 1, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())


def test_no_graph_outlives_its_step() -> None:
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model):
        for _ in range(3):
            output = model(torch.randn(3, 4))
            other = output.detach() + 0
            F.cosine_similarity(output, other)
            output.sum().backward()
            optimizer.step()
            seen = weakref.ref(output), weakref.ref(other)
            del output, other
            gc.collect()
            assert [reference() for reference in seen] == [None, None]


def test_an_error_of_the_users_passes_and_what_was_seen_stays() -> None:
    model = nn.Linear(4, 4)
    watch = watching(model)

    def training() -> None:
        with watch:
            model(torch.randn(3, 4))
            raise ZeroDivisionError("the user's own")

    with pytest.raises(ZeroDivisionError):
        training()
    assert len(watch.recording.measures) == 1
    assert watch.recording.tick is not None
    assert watch.recording.tick.reason.startswith("ZeroDivisionError")
    assert not model._forward_hooks


@pytest.mark.parametrize(
    "method",
    ["_returned", "_listener", "_called", "_ticked", "_told", "_take_in", "_attach", "_close"],
)
def test_a_fault_of_ours_switches_us_off_and_nothing_else(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    losses, state, _ = train(Unwatched)

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(watch_module.Watch, method, broken)
    watched_losses, watched_state, watch = train(watching)
    assert watched_losses == losses
    assert same(state["parameters"], watched_state["parameters"])
    assert caplog.text.count("broken on purpose") == 1
    if method != "_close":
        assert any("switched itself off" in n.text for n in watch._sink.notices)


def test_inspecting_inside_the_block() -> None:
    model = nn.Linear(4, 4)
    with watching(model) as watch:
        model(torch.randn(3, 4))
        assert len(watch.recording.measures) == 1
        model(torch.randn(3, 4))
        assert len(watch.recording.measures) == 2


def test_what_waits_to_be_measured_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "MOST_WAITING", 20)
    monkeypatch.setattr(Budget, "has_time", lambda *_: False)
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model, every=1) as watch:
        for step in range(100):
            model(torch.randn(3, 4)).sum().backward()
            optimizer.step()
            assert len(watch._senses.embeddings._waiting) == min(step + 1, 20)
    assert [m.step for m in watch.recording.measures] == list(range(100))


def test_passes_without_any_step_do_not_pile_up() -> None:
    model = nn.Linear(4, 4)
    with watching(model, every=1) as watch:
        for _ in range(3000):
            model(torch.randn(3, 4))
        assert len(watch._senses.embeddings._pending) < 64
        assert len(watch._senses.embeddings._waiting) <= 512 + 64
    assert len(watch.recording.measures) > 1000


def test_two_towers() -> None:
    towers = {"image": nn.Linear(4, 8), "text": nn.Linear(6, 8)}
    parameters = [p for tower in towers.values() for p in tower.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    with Watch(towers) as watch:
        for _ in range(3):
            image, text = towers["image"](torch.randn(5, 4)), towers["text"](torch.randn(5, 6))
            F.mse_loss(image, text).backward()
            optimizer.step()
    assert {(m.model, m.step) for m in watch.recording.measures} == {
        (name, step) for name in towers for step in range(3)
    }
    operands = watch.recording.comparisons[0].operands
    assert [o.origin.model for o in operands if o.origin] == ["image", "text"]


@pytest.mark.parametrize(
    ("head", "through", "dimensions"),
    [
        (nn.Identity(), False, 5),
        (nn.Linear(6, 3), True, 2),
        (nn.Sequential(nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 4)), True, 3),
    ],
)
def test_what_is_classified_is_told_from_what_is_compared(head, through, dimensions) -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        F.cross_entropy(head(model(torch.randn(5, 4))), torch.tensor([0, 1, 2, 0, 1]))
    assert watch.recording.uses == [Use("model", "output", "classified", through, dimensions)]


def test_one_logit_tells_two_classes_apart() -> None:
    model, head = nn.Linear(4, 6), nn.Linear(6, 1)
    with watching(model) as watch:
        scores = head(model(torch.randn(5, 4))).squeeze(1)
        F.binary_cross_entropy_with_logits(scores, torch.ones(5))
        F.binary_cross_entropy(torch.sigmoid(scores), torch.ones(5))
    assert watch.recording.uses == [Use("model", "output", "classified", True, 1)]


def test_a_regression_through_a_head_is_no_comparison_of_embeddings() -> None:
    model, head = nn.Linear(4, 6), nn.Linear(6, 2)
    with watching(model) as watch:
        F.mse_loss(head(model(torch.randn(50, 4))), torch.randn(50, 2))
    assert watch.recording.uses == [Use("model", "output", "regressed", True, 2)]


def test_arguments_that_cannot_work() -> None:
    with pytest.raises(UsageError, match=r"nn\.Module.*got str for 'model'"):
        watching("resnet")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="empty dict"):
        Watch({})
    with pytest.raises(UsageError, match="never entered"):
        _ = watching(nn.Linear(1, 1)).recording


def test_a_watch_is_for_one_training() -> None:
    watch = watching(nn.Linear(1, 1))
    with watch:
        pass
    with pytest.raises(UsageError, match="entered before"):
        watch.__enter__()


def test_a_taken_folder_is_refused_before_the_training(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(CollapseDoctorError, match=r"notes\.txt|folder|empty"),
        watching(nn.Linear(1, 1), out=tmp_path),
    ):
        pytest.fail("entered")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_masked_scores_are_not_measured_and_that_is_said() -> None:
    model = nn.Linear(4, 4)
    layer = nn.Sequential(model)
    layer.register_forward_hook(lambda *call: call[2].masked_fill(torch.eye(4) > 0, -torch.inf))
    with watching(layer) as watch:
        layer(torch.randn(4, 4))
    assert not [m for m in watch.recording.measures if m.layer == "output"]
    assert any("masked scores" in notice.text for notice in watch.recording.notices)


def test_an_argument_that_is_not_understood_is_said_and_harmless() -> None:
    model = nn.Linear(4, 4)
    with watching(model) as watch:
        model(torch.randn(3, 4))
        watch.step(loss={"total": 1.0}, labels=torch.arange(3))
        watch.step(labels=torch.arange(3))
        model(torch.randn(3, 4))
    notices = [notice for notice in watch.recording.notices if notice.about == "inspector.step"]
    assert len(notices) == 1
    assert len(watch.recording.labels) == 2
    assert len(watch.recording.measures) == 2


def test_all_numbers_of_rows_of_a_step_are_told_with_its_labels() -> None:
    model = nn.LSTM(4, 6)
    with watching(model) as watch:
        model(torch.randn(7, 5, 4))
        model(torch.randn(7, 3, 4))
        watch.step(labels=torch.arange(3))
    (labels,) = watch.recording.labels
    assert {7, 5, 3, 35, 21} <= set(labels.sizes)


def test_a_cross_entropy_by_hand_makes_logits() -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        scores = F.log_softmax(model(torch.randn(5, 4)), dim=-1)
        scores.gather(1, torch.zeros(5, 1, dtype=torch.long))
    assert watch.recording.uses == [Use("model", "output", "classified", False, 5)]


def test_our_own_computations_are_not_seen() -> None:
    seen = []

    class Counting(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    model, x = nn.Linear(4, 6), torch.randn(3, 4)
    with Counting():
        model(x)
        alone = len(seen)
        with watching(model):
            seen.clear()
            model(x)
            watched = len(seen)
    assert watched == alone


def test_a_model_that_was_never_trained_is_told_from_one_that_was() -> None:
    fresh, trained = nn.Linear(20, 16), nn.Linear(20, 16)
    with torch.no_grad():
        trained.weight.mul_(1.5)
    with Watch({"fresh": fresh, "trained": trained}) as watch:
        fresh(torch.randn(3, 20))
    assert {m.name: m.fresh for m in watch.recording.manifest.models} == {
        "fresh": True,
        "trained": False,
    }


@pytest.mark.parametrize(("affords", "lag"), [(True, 0), (False, 8)])
def test_the_first_step_with_nan_is_measured_whenever_it_comes(
    affords: bool, lag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "affords", lambda *_: affords)
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watching(model) as watch:
        for step in range(60):
            x = torch.randn(3, 4)
            model(x.fill_(torch.nan) if step >= 45 else x).sum().backward()
            optimizer.step()
    broken = [m.step for m in watch.recording.measures if m.values["nonfinite_share"]]
    assert not watch._schedule.measures(45)
    assert 45 <= broken[0] <= 45 + lag


def test_a_fit_of_some_columns_says_nothing_of_the_rest() -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        z = model(torch.randn(50, 4))
        F.mse_loss(z[:, :2], torch.randn(50, 2))
        F.cross_entropy(z[torch.arange(20)], torch.zeros(20, dtype=torch.long))
    assert watch.recording.uses == [Use("model", "output", "classified", False, 5)]


def test_losses_by_hand_tell_uses_too() -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        (model(torch.randn(50, 4)) - torch.randn(50, 6)).pow(2).mean()
    assert [use.purpose for use in watch.recording.uses] == ["regressed"]
    with watching(model) as watch:
        model(torch.randn(50, 4)).gather(1, torch.zeros(50, 1, dtype=torch.long))
    assert [use.purpose for use in watch.recording.uses] == ["classified"]
    with watching(model) as watch:
        z = model(torch.randn(50, 4))
        z - z.mean(0)
        z.max()
        F.normalize(z)
    assert [use.purpose for use in watch.recording.uses] == ["directed"]


def quantiles_less(z, y):
    return y[:, None] - z


def quantiles_greater(z, y):
    return z - y.unsqueeze(1)


def pairs_of_quantiles(z, y):
    return torch.stack([y, y + 1], 1)[:, None, :] - z[:, :, None]


@pytest.mark.parametrize("error", [quantiles_less, quantiles_greater, pairs_of_quantiles])
def test_a_fit_to_numbers_that_are_held_against_many_needs_one_dimension(error) -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        error(model(torch.randn(50, 4)), torch.randn(50)).square().mean()
    assert watch.recording.uses == [Use("model", "output", "regressed", False, 1)]


def numbers_less_the_output(z):
    return torch.randn(50, 6) - z


def likelihood(z):
    return torch.distributions.Normal(z, torch.ones(6)).log_prob(torch.randn(50, 6))


def likelihood_of_a_mean_second(z):
    mean = torch.broadcast_tensors(torch.ones(6), z)[1]
    return torch.randn(50, 6) - mean


@pytest.mark.parametrize(
    "error", [numbers_less_the_output, likelihood, likelihood_of_a_mean_second]
)
def test_a_fit_is_seen_whichever_is_taken_off_the_other(error) -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        error(model(torch.randn(50, 4))).square().mean()
    assert watch.recording.uses == [Use("model", "output", "regressed", False, 6)]


def test_what_is_broadcast_beside_an_output_is_not_the_output() -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        deviation = torch.broadcast_tensors(model(torch.randn(50, 4)), torch.ones(6))[1]
        torch.randn(50, 6) - deviation
    assert watch.recording.uses == []


def own_maximum_taken_off(z):
    return z - z.max(1, keepdim=True).values.detach()


def own_mean_taken_off(z):
    return z.detach().mean(1, keepdim=True) - z


def distances_to_a_few(z):
    return z[:, None] - torch.randn(50, 7, 6)


def centre_taken_off(z):
    return z - torch.randn(1, 6)


def one_number_taken_off(z):
    return z - torch.randn(1, 1)


def table_of_all_rows(z):
    return z - torch.randn(50, 50, 1)


@pytest.mark.parametrize(
    "centred",
    [
        own_maximum_taken_off,
        own_mean_taken_off,
        distances_to_a_few,
        centre_taken_off,
        one_number_taken_off,
        table_of_all_rows,
    ],
)
def test_what_is_taken_off_as_a_vector_or_from_itself_is_no_fit(centred) -> None:
    model = nn.Linear(4, 6)
    with watching(model) as watch:
        centred(model(torch.randn(50, 4))).square().mean()
    assert "regressed" not in [use.purpose for use in watch.recording.uses]


def test_values_of_actions_are_numbers_and_no_embedding() -> None:
    towers = {"q": nn.Linear(4, 3), "target": nn.Linear(4, 3)}
    with Watch(towers) as watch:
        chosen = towers["q"](torch.randn(8, 4)).gather(1, torch.zeros(8, 1, dtype=torch.long))
        best = towers["target"](torch.randn(8, 4)).max(1).values
        F.smooth_l1_loss(chosen.squeeze(1), best.detach())
    assert {(use.model, use.purpose) for use in watch.recording.uses} == {
        ("q", "classified"),
        ("target", "classified"),
    }


class StudentAndTeacher(nn.Module):
    """One module that returns the rows of both."""

    def __init__(self) -> None:
        super().__init__()
        self.student = nn.Linear(20, 16)
        self.teacher = copy.deepcopy(self.student)

    def forward(self, x):
        return self.student(x), self.teacher(x).detach()


def test_two_outputs_of_one_model_may_be_equal_at_first() -> None:
    model = StudentAndTeacher()
    optimizer = torch.optim.SGD(model.student.parameters(), lr=0.1)
    with watching(model) as watch:
        for _ in range(4):
            student, teacher = model(torch.randn(8, 20))
            loss = F.mse_loss(student, teacher) + student.pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [c for c in watch.recording.comparisons if c.relations]


def test_rows_are_those_the_layer_returned_though_the_next_one_writes_into_them() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 4))
    x = torch.randn(32, 4)
    with torch.no_grad():
        before = model[0](x).norm(dim=1).mean()
    with watching(model) as watch:
        model(x)
    (measured,) = [m for m in watch.recording.measures if m.layer == "0"]
    assert measured.values["norm_mean"] == pytest.approx(float(before), rel=1e-5)


def test_numbers_of_rows_are_those_of_the_step_alone() -> None:
    model = nn.Linear(4, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watching(model) as watch:
        for rows in (7, 5):
            model(torch.randn(rows, 4)).sum().backward()
            optimizer.step()
            watch.step(labels=torch.arange(rows))
    assert [labels.sizes for labels in watch.recording.labels] == [(7,), (5,)]


def test_it_steps_aside_for_another_training_and_comes_back() -> None:
    model, other = nn.Linear(6, 5), nn.Linear(6, 5)
    nets: tuple[nn.Module, ...] = (model, other)
    optimizers = {net: torch.optim.SGD(net.parameters(), lr=0.01) for net in nets}

    def step(net: nn.Module) -> None:
        z = net(torch.randn(7, 6))
        loss = 1 - nn.functional.cosine_similarity(z, z).mean() + z.square().mean()
        optimizers[net].zero_grad()
        loss.backward()
        optimizers[net].step()

    with Watch({"model": model}) as watch:
        for _ in range(PATIENCE - 1):
            step(other)
        assert torch._C._len_torch_function_stack() == 1
        step(other)
        assert torch._C._len_torch_function_stack() == 0
        step(model)
        assert torch._C._len_torch_function_stack() == 1
        for _ in range(3):  # a critic's steps are no other training
            step(other)
            step(model)
        assert torch._C._len_torch_function_stack() == 1
    own = [c for c in watch.recording.comparisons if c.operands[0].origin is not None]
    assert {c.step for c in own if c.relations} == {0, 1, 2, 3}
