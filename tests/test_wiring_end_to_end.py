"""From a training to its diagnosis: gradients that do not arrive, parameters that do not move.

Each sick program is written the way people write it; each innocent one looks much like it.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.findings import Finding, Severity

STEPS = 24
Program = Callable[[Callable[..., Any]], None]
"""Trains something inside ``with watch(model):``."""

SICK: dict[str, tuple[str, Program]] = {}
INNOCENT: dict[str, Program] = {}


def sick(code: str) -> Callable[[Program], Program]:
    def add(program: Program) -> Program:
        SICK[program.__name__] = code, program
        return program

    return add


def innocent(program: Program) -> Program:
    INNOCENT[program.__name__] = program
    return program


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 12))


def trained() -> nn.Sequential:
    """A network that is no longer as it was drawn."""
    model = network()
    for parameter in model.parameters():
        parameter.data.mul_(1.7)
    return model


def batch() -> tuple[Tensor, Tensor]:
    labels = torch.randint(0, 4, (24,))
    return torch.randn(24, 16) + 2 * F.one_hot(labels, 16), labels


def contrast(a: Tensor, b: Tensor) -> Tensor:
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
    return F.cross_entropy(logits, torch.arange(len(a)))


def views() -> tuple[Tensor, Tensor]:
    x, _ = batch()
    return x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)


def diagnose(program: Program) -> Diagnosis:
    torch.manual_seed(0)
    watched: list[Any] = []

    def watch(*args: Any) -> Any:
        watched.append(Inspector(*args))
        return watched[-1]

    program(watch)
    recording = watched[0].recording
    assert not [notice for notice in recording.notices if notice.about == "inspector"]
    diagnosis: Diagnosis = watched[0].diagnose()
    assert not [skipped for skipped in diagnosis.skipped if "failed" in skipped.reason]
    return diagnosis


def wiring(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {f.code: f for f in diagnosis.findings if f.code.startswith("CD20")}


def marked(program: Program, mark: str) -> int | None:
    lines, first = inspect.getsourcelines(program)
    places = [first + n for n, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return places[0] if places else None


# CD201: the gradient does not arrive


def head_behind(watch: Any, cut: Callable[[nn.Module, Tensor], Any]) -> None:
    model, head = network(), nn.Linear(12, 4)
    optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=1e-2)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            loss = F.cross_entropy(head(cut(model, x)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@sick("CD201")
def detached(watch: Any) -> None:
    def cut(model: nn.Module, x: Tensor) -> Any:
        return model(x).detach()  # here

    head_behind(watch, cut)


@sick("CD201")
def data_of_the_embedding(watch: Any) -> None:
    def cut(model: nn.Module, x: Tensor) -> Any:
        z = model(x)
        return z.data  # here

    head_behind(watch, cut)


@sick("CD201")
def under_no_grad(watch: Any) -> None:
    def cut(model: nn.Module, x: Tensor) -> Any:
        with torch.no_grad():  # here
            return model(x)

    head_behind(watch, cut)


@sick("CD201")
def through_numpy(watch: Any) -> None:
    def cut(model: nn.Module, x: Tensor) -> Any:
        z = model(x).detach().numpy()  # here
        return torch.from_numpy(z).requires_grad_()

    head_behind(watch, cut)


@sick("CD201")
def hard_assignment(watch: Any) -> None:
    codes = torch.randn(12, 12)

    def cut(model: nn.Module, x: Tensor) -> Any:
        return codes[model(x).argmax(1)]  # here

    head_behind(watch, cut)


@sick("CD201")
def rounded(watch: Any) -> None:
    def cut(model: nn.Module, x: Tensor) -> Any:
        return torch.round(model(x))  # here

    head_behind(watch, cut)


@sick("CD201")
def new_tensor_of_the_loss(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            loss = contrast(model(a), model(b))
            loss = torch.tensor(loss.item(), requires_grad=True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@sick("CD201")
def never_backward(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            optimizer.zero_grad()
            contrast(model(a), model(b))
            optimizer.step()


@sick("CD201")
def loss_of_something_else(watch: Any) -> None:
    model, head = network(), nn.Linear(16, 12)
    optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            model(a)
            optimizer.zero_grad()
            contrast(head(a), head(b)).backward()
            optimizer.step()


class Hashing(nn.Module):
    def __init__(self, harden: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 12), nn.Tanh())
        self.harden = harden

    def forward(self, x: Tensor) -> Tensor:
        soft = self.net(x)
        return self.harden(soft)


def agree(model: nn.Module, watch: Any) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            codes = model(x)
            same = (labels[:, None] == labels).float()
            optimizer.zero_grad()
            (codes @ codes.T / 12 - same).square().mean().backward()
            optimizer.step()


@sick("CD201")
def bits_inside_the_model(watch: Any) -> None:
    agree(Hashing(torch.sign), watch)


@sick("CD201")
def rounded_inside_the_model(watch: Any) -> None:
    agree(Hashing(lambda soft: (4 * soft).round() / 4), watch)


@innocent
def bits_with_a_gradient_beside_them(watch: Any) -> None:
    agree(Hashing(lambda soft: soft + (soft.sign() - soft).detach()), watch)


# CD202: the parameters do not move


def train(model: nn.Module, optimizer: Any, steps: int = STEPS) -> None:
    for _ in range(steps):
        a, b = views()
        optimizer.zero_grad()
        contrast(model(a), model(b)).backward()
        optimizer.step()


@sick("CD202")
def created_anew(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.ASGD(model.parameters())
    model = network()  # here
    with watch(model):
        train(model, optimizer)


@sick("CD202")
def optimizer_of_a_copy(watch: Any) -> None:
    model = trained()
    optimizer = torch.optim.RMSprop(copy.deepcopy(model).parameters())  # here
    model.eval()
    with watch(model):
        train(model, optimizer)


@sick("CD202")
def head_only(watch: Any) -> None:
    model, head = network(), nn.Linear(12, 4)
    optimizer = torch.optim.Adagrad(head.parameters())  # here
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            optimizer.zero_grad()
            F.cross_entropy(head(model(x)), labels).backward()
            optimizer.step()


@sick("CD202")
def generator_used_up(watch: Any) -> None:
    model, head = network(), nn.Linear(12, 4)
    parameters = model.parameters()
    sum(p.numel() for p in parameters)
    groups: list[Any] = [{"params": parameters}, {"params": head.parameters()}]
    optimizer = torch.optim.NAdam(groups)  # here
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            optimizer.zero_grad()
            F.cross_entropy(head(model(x)), labels).backward()
            optimizer.step()


@sick("CD202")
def rate_of_zero(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.Adamax(model.parameters(), lr=0.0)  # here
    with watch(model):
        train(model, optimizer)


@sick("CD202")
def frozen_part_in_the_optimizer(watch: Any) -> None:
    body, head = trained().requires_grad_(False), nn.Linear(12, 12)
    model = nn.Sequential(body, nn.ReLU(), head)
    optimizer = torch.optim.Adadelta(body.parameters())  # here
    with watch(model):
        train(model, optimizer)


@innocent
def frozen_part_in_an_optimizer_of_its_own(watch: Any) -> None:
    body, head = trained().requires_grad_(False), nn.Linear(12, 12)
    model = nn.Sequential(body, nn.ReLU(), head)
    slow, quick = (torch.optim.SGD(part.parameters(), lr=0.1) for part in (body, head))
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            quick.zero_grad()
            contrast(model(a), model(b)).backward()
            slow.step()
            quick.step()


@sick("CD202")
def left_frozen(watch: Any) -> None:
    model = network().requires_grad_(False)
    scale = nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([*model.parameters(), scale], lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            optimizer.zero_grad()
            contrast(scale * model(a), model(b)).backward()
            optimizer.step()


@sick("CD202")
def cleared_before_the_step(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            contrast(model(a), model(b)).backward()
            optimizer.zero_grad()
            optimizer.step()


@sick("CD202")
def never_stepped(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            optimizer.zero_grad()
            contrast(model(a), model(b)).backward()


@sick("CD202")
def scaler_that_always_skips(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120, backoff_factor=0.9999)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            optimizer.zero_grad()
            scaler.scale(1e6 * contrast(model(a), model(b))).backward()
            scaler.step(optimizer)
            scaler.update()


@sick("CD202")
def lost_in_rounding(watch: Any) -> None:
    model = network().bfloat16()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    with watch(model):
        for _ in range(STEPS):
            a, b = (view.bfloat16() for view in views())
            optimizer.zero_grad()
            contrast(model(a), model(b)).backward()
            optimizer.step()


@sick("CD202")
def layer_added_later(watch: Any) -> None:
    """Only a part is missing: a warning."""
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 12))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.append(nn.Linear(12, 12))
    with watch(model):
        train(model, optimizer)


# CD203 and CD204: the gradient decays, or explodes


def deep(act: Callable[[], nn.Module], layers: int, std: float | None = None) -> nn.Module:
    model = nn.Sequential(*[nn.Sequential(nn.Linear(16, 16), act()) for _ in range(layers)])
    for parameter in model.parameters():
        if std is not None:
            nn.init.normal_(parameter, std=std)
    return model


def train_classes(watch: Any, model: nn.Module, optimizer: str, rate: float) -> None:
    head = nn.Linear(16, 4)
    moving = getattr(torch.optim, optimizer)([*model.parameters(), *head.parameters()], lr=rate)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            moving.zero_grad()
            F.cross_entropy(head(model(x)), labels).backward()
            moving.step()


@sick("CD203")
def thirty_sigmoids(watch: Any) -> None:
    train_classes(watch, deep(nn.Sigmoid, 30), "Adam", 1e-3)


@sick("CD203")
def deep_relu_of_default_weights(watch: Any) -> None:
    train_classes(watch, deep(nn.ReLU, 40), "SGD", 0.1)


@sick("CD203")
def weights_far_too_small(watch: Any) -> None:
    train_classes(watch, deep(nn.Tanh, 15, std=1e-3), "SGD", 0.1)


@sick("CD203")
def two_hundred_steps_of_a_cell(watch: Any) -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.cell = nn.Linear(16, 16), nn.RNNCell(16, 16)

        def forward(self, x: Tensor) -> Any:
            h = torch.tanh(self.enter(x))
            for _ in range(200):
                h = self.cell(torch.zeros_like(x), h)
            return h

    train_classes(watch, Recurrent(), "SGD", 0.1)


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Any:
        return torch.sin(30 * x)


@sick("CD204")
def tanh_of_large_weights(watch: Any) -> None:
    train_classes(watch, deep(nn.Tanh, 60, std=2.0), "SGD", 1e-12)


@sick("CD204")
def sines_of_high_frequency(watch: Any) -> None:
    train_classes(watch, deep(Sine, 12), "Adam", 1e-3)


@sick("CD204")
def sines_that_one_step_destroys(watch: Any) -> None:
    train_classes(watch, deep(Sine, 12), "SGD", 1e-3)


@sick("CD204")
def diverging_rate(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=10.0)
    with watch(model):
        for _ in range(STEPS):
            x, _ = batch()
            optimizer.zero_grad()
            F.mse_loss(model(x), x[:, :12]).backward()
            optimizer.step()


# What must stay silent


@innocent
def linear_probe(watch: Any) -> None:
    model, head = trained(), nn.Linear(12, 4)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            with torch.no_grad():
                z = model(x)
            optimizer.zero_grad()
            F.cross_entropy(head(z), labels).backward()
            optimizer.step()


@innocent
def linear_probe_of_a_frozen_model(watch: Any) -> None:
    model, head = trained().requires_grad_(False), nn.Linear(12, 4)
    optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            optimizer.zero_grad()
            F.cross_entropy(head(model(x)), labels).backward()
            optimizer.step()


@innocent
def critic_in_eval_mode_that_gets_gradients(watch: Any) -> None:
    model, maker = trained().eval(), nn.Linear(16, 16)
    optimizer = torch.optim.SGD(maker.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            optimizer.zero_grad()
            F.cross_entropy(model(maker(x)), labels).backward()
            optimizer.step()


@innocent
def teacher_in_the_same_optimizer(watch: Any) -> None:
    student, teacher = network(), trained()
    optimizer = torch.optim.SGD([*student.parameters(), *teacher.parameters()], lr=0.1)
    with watch({"student": student, "teacher": teacher}):
        for _ in range(STEPS):
            x, _ = batch()
            with torch.no_grad():
                target = teacher(x)
            optimizer.zero_grad()
            F.mse_loss(student(x), target).backward()
            optimizer.step()


@innocent
def teacher_by_moving_average(watch: Any) -> None:
    student = network()
    teacher = copy.deepcopy(student)
    optimizer = torch.optim.SGD([*student.parameters(), *teacher.parameters()], lr=0.1)
    with watch({"student": student, "teacher": teacher}):
        for _ in range(STEPS):
            a, b = views()
            with torch.no_grad():
                target = teacher(a)
                for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                    slow.lerp_(fast, 0.05)
            optimizer.zero_grad()
            contrast(student(b), target).backward()
            optimizer.step()


@innocent
def game_of_one_optimizer(watch: Any) -> None:
    """Five turns of the critic, then one of the maker."""
    maker, critic = nn.Linear(16, 16), network()
    optimizer = torch.optim.Adam([*maker.parameters(), *critic.parameters()], lr=1e-3)
    with watch({"maker": maker, "critic": critic}):
        for step in range(2 * STEPS):
            x, _ = batch()
            optimizer.zero_grad()
            if step % 6 == 5:
                critic(maker(x)).mean().backward()
            else:
                (critic(maker(x).detach()).mean() - critic(x).mean()).tanh().backward()
            optimizer.step()


@innocent
def game_of_two_optimizers(watch: Any) -> None:
    maker, critic = nn.Linear(16, 16), network()
    one = torch.optim.Adam(maker.parameters(), lr=1e-3)
    other = torch.optim.Adam(critic.parameters(), lr=1e-3)
    with watch({"maker": maker, "critic": critic}):
        for step in range(2 * STEPS):
            x, _ = batch()
            other.zero_grad()
            (critic(maker(x).detach()).mean() - critic(x).mean()).tanh().backward()
            other.step()
            if step % 5 == 4:
                one.zero_grad()
                critic(maker(x)).mean().backward()
                one.step()


@innocent
def warm_up_from_zero(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: n / 1000)
    with watch(model):
        for _ in range(STEPS):
            train(model, optimizer, 1)
            schedule.step()


@innocent
def accumulated_gradients(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for step in range(STEPS):
            a, b = views()
            contrast(model(a), model(b)).backward()
            if step % 12 == 11:
                optimizer.step()
                optimizer.zero_grad()


@innocent
def closures(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    a, b = views()

    def closure() -> Any:
        optimizer.zero_grad()
        loss = contrast(model(a), model(b))
        loss.backward()
        return loss

    with watch(model):
        for _ in range(10):
            optimizer.step(closure)


@innocent
def cached_gradients(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            with torch.no_grad():
                cached = [model(v).detach().requires_grad_() for v in (a, b)]
            contrast(*cached).backward()
            optimizer.zero_grad()
            for view, rows in zip((a, b), cached, strict=True):
                model(view).backward(rows.grad)
            optimizer.step()


@innocent
def rollouts_without_gradient(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            with torch.no_grad():
                for _ in range(4):
                    model(batch()[0])
            train(model, optimizer, 1)


@innocent
def only_evaluated(watch: Any) -> None:
    model = trained().eval()
    with watch(model), torch.no_grad():
        for _ in range(STEPS):
            model(batch()[0])


@innocent
def attributions_without_any_optimizer(watch: Any) -> None:
    model = trained()
    with watch(model):
        for _ in range(STEPS):
            x = batch()[0].requires_grad_()
            model(x).amax(1).sum().backward()


@innocent
def moved_by_hand(watch: Any) -> None:
    model = network()
    with watch(model):
        for _ in range(STEPS):
            a, b = views()
            contrast(model(a), model(b)).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    assert parameter.grad is not None
                    parameter.sub_(0.1 * parameter.grad)
                    parameter.grad = None


@innocent
def rows_of_a_table(watch: Any) -> None:
    """Few rows of a large table get a gradient at each step, and a sparse one at that."""
    model = nn.EmbeddingBag(20_000, 16, sparse=True)
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=1e-2)
    with watch(model):
        for _ in range(STEPS):
            a, b = torch.randint(0, 50, (2, 16, 3))
            optimizer.zero_grad()
            contrast(model(a), model(b)).backward()
            optimizer.step()


@innocent
def born_as_the_identity(watch: Any) -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
            self.gate = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Any:
            return x + self.gate * self.inner(x)

    model = nn.Sequential(*[Gated() for _ in range(6)])
    with watch(model):
        train(model, torch.optim.SGD(model.parameters(), lr=0.1))


@innocent
def an_unused_layer(watch: Any) -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.spare, self.body = nn.Linear(16, 16), network()

        def forward(self, x: Tensor) -> Any:
            return self.body(x)

    model = Spare()
    with watch(model):
        train(model, torch.optim.Adam(model.parameters()))


@innocent
def one_group_rests_at_rate_zero(watch: Any) -> None:
    model, head = trained(), nn.Linear(12, 4)
    groups: list[Any] = [{"params": model.parameters(), "lr": 0.0}, {"params": head.parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    with watch(model):
        for _ in range(STEPS):
            x, labels = batch()
            optimizer.zero_grad()
            F.cross_entropy(head(model(x)), labels).backward()
            optimizer.step()


@innocent
def one_batch_until_nothing_is_left(watch: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    x, labels = batch()
    with watch(model):
        for _ in range(4 * STEPS):
            z = F.normalize(model(x))
            optimizer.zero_grad()
            F.multi_margin_loss(4 * z[:, :4], labels, margin=0.1).backward()
            optimizer.step()


@pytest.mark.parametrize("name", SICK)
def test_what_is_wrong_is_named(name: str) -> None:
    code, program = SICK[name]
    found = wiring(diagnose(program))
    followed = found[code].explains if code in found else ()
    found = {c: finding for c, finding in found.items() if c not in followed}
    assert set(found) == {code}, {code: finding.message for code, finding in found.items()}
    line = marked(program, "here")
    if line is not None:
        assert (found[code].where.file, found[code].where.line) == (__file__, line)
    parts = name == "layer_added_later"
    severe = code in ("CD201", "CD202") and not parts
    assert found[code].severity is (Severity.ERROR if severe else Severity.WARNING)


@pytest.mark.parametrize("name", INNOCENT)
def test_look_alikes_are_not_named(name: str) -> None:
    found = wiring(diagnose(INNOCENT[name]))
    alarms = {c: f.message for c, f in found.items() if f.severity is not Severity.INFO}
    assert alarms == {}


# Among others


@pytest.mark.parametrize("cut", ["detached", "vanished"])
def test_an_alias_stays_the_first_finding(cut: str) -> None:
    """Two views that are one tensor leave nothing to learn: that explains what is missing."""

    def program(watch: Any) -> None:
        model, head = network(), nn.Linear(12, 4)
        optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], 0.1)
        with watch(model):
            for _ in range(STEPS):
                x, labels = batch()
                z = model(x)
                z = z.detach() if cut == "detached" else 1e-12 * z
                other = z
                pulled = (1 - F.cosine_similarity(z, other)).mean()
                loss = pulled + F.cross_entropy(head(z), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    found = [finding.code for finding in diagnose(program).findings]
    assert found[0] == "CD101"
    assert ("CD201" in found) == (cut == "detached")
