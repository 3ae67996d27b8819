"""CD209: small real trainings whose eval mode is not what was trained, and those that look so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding, Severity
from collapse_doctor.recording.observations import Probe
from collapse_doctor.rules.rule import NotExamined

ROWS, WIDTH, STEPS = 64, 20, 100
Data = Callable[[torch.Generator], Tensor]


def plain(draw: torch.Generator) -> Tensor:
    return torch.randn(ROWS, WIDTH, generator=draw)


def far_off(draw: torch.Generator) -> Tensor:
    """Features that nobody standardised, as raw counts or pixels."""
    return 100 + plain(draw)


def loose_groups(draw: torch.Generator) -> Tensor:
    centres = 3 * torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(7))
    return centres[torch.randint(0, 8, (ROWS,), generator=draw)] + 0.3 * plain(draw)


def contrast(model: nn.Module, x: Tensor, draw: torch.Generator) -> Tensor:
    z1, z2 = model(x), model(x + 0.1 * torch.randn(x.shape, generator=draw))
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.2
    return F.cross_entropy(logits, torch.arange(len(x)))


def agree(model: nn.Module, x: Tensor, _draw: torch.Generator) -> Tensor:
    """Only pulls together: what is left of the differences is what dropout makes."""
    loss: Tensor = (model(x) - 3).square().mean()
    return loss


def predict(model: nn.Module, x: Tensor, draw: torch.Generator) -> Tensor:
    loss: Tensor = (model(x)[:, 0] - x[:, 0]).square().mean() + model(x).square().mean()
    return loss


def fit(model: nn.Module, x: Tensor, _draw: torch.Generator) -> Tensor:
    """Predicts numbers that lie close together beside their size, as temperatures do."""
    return F.mse_loss(model(x), 300 + x[:, :16])


def fitted() -> nn.Module:
    model = masked()
    nn.init.constant_(model.get_parameter("2.bias"), 300.0)
    return model


def normed(momentum: float | None = 0.1, out: int = 16, **options: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(WIDTH, 32),
        nn.BatchNorm1d(32, momentum=momentum, **options),
        nn.ReLU(),
        nn.Linear(32, out),
    )


def bare(dropout: float = 0.0, norm: type[nn.Module] = nn.Identity) -> nn.Sequential:
    inner = norm(32) if norm is not nn.Identity else norm()
    return nn.Sequential(
        nn.Linear(WIDTH, 32), inner, nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 16)
    )


def masked() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 32), nn.Tanh(), nn.Linear(32, 16), nn.Dropout(0.1))


class Branching(nn.Module):
    """Does in one mode what it does not do in the other."""

    def __init__(self, wrong: Callable[[Tensor], Tensor], *, training: bool = False) -> None:
        super().__init__()
        self.net, self.wrong, self.at = bare(), wrong, training

    def forward(self, x: Tensor) -> Any:
        z = self.net(x)
        return self.wrong(z) if self.training is self.at else z


class Ghost(nn.Module):
    """Standardises by the batch in train mode, and by a buffer nobody fills in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(WIDTH, 16), nn.Linear(16, 16)
        self.register_buffer("centre", torch.zeros(16))

    def forward(self, x: Tensor) -> Any:
        h = self.inner(x)
        h = h - (h.mean(0) if self.training else self.centre)
        return self.outer(torch.tanh(h))


def after(model: nn.Module, change: Callable[[nn.Module], None]) -> nn.Module:
    """Have ``change`` made to the model when its training is over."""
    model.last = change  # type: ignore[assignment]
    return model


def overwrite(model: Any) -> None:
    """Load statistics of another domain."""
    model[1].running_mean.fill_(-300.0)


def pass_another_domain(model: nn.Module) -> None:
    """Calibrate with features that nobody standardised."""
    with torch.no_grad():
        for seed in range(60):
            model(plain(torch.Generator().manual_seed(seed)) - 3000)


def bounded(momentum: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(WIDTH, 32), nn.BatchNorm1d(32, momentum=momentum), nn.Tanh(), nn.Linear(32, 16)
    )


def freeze_after(steps: int) -> Callable[[nn.Module, int], None]:
    def each(model: Any, step: int) -> None:
        if step == steps:
            model[1].momentum = 0.0

    return each


@dataclass
class Case:
    make: Callable[[], nn.Module]
    data: Data = plain
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor] = contrast
    each: Callable[[nn.Module, int], None] | None = None
    probe: Callable[[torch.Generator], Tensor] | None = None
    steps: int = STEPS
    rate: float = 1e-3


def diagnose(case: Case) -> Diagnosis:
    torch.manual_seed(0)
    model, draw = case.make(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), case.rate)
    probe = (case.probe or case.data)(torch.Generator().manual_seed(2))
    with Inspector(model, probe=probe) as inspector:
        for step in range(case.steps):
            if case.each is not None:
                case.each(model, step)
            loss = case.loss(model, case.data(draw), draw)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if "last" in vars(model):
            vars(model).pop("last")(model)
    return inspector.diagnose(select=["CD209"])


def found(case: Case) -> list[Finding]:
    return [f for f in diagnose(case).findings if f.code == "CD209"]


SICK = {
    "statistics that are never updated": (Case(lambda: normed(0.0), far_off), "eval", "1"),
    "statistics frozen at the first step": (
        Case(lambda: normed(0.1), lambda g: 3000 + plain(g), each=freeze_after(1)),
        "eval",
        "1",
    ),
    "statistics of another domain": (
        Case(lambda: after(normed(), overwrite), probe=plain),
        "eval",
        "1",
    ),
    "statistics of all that ever was": (Case(lambda: normed(None), far_off), "eval", "1"),
    "a buffer that nobody fills": (
        Case(Ghost, lambda g: 3000 + plain(g)),
        "eval",
        "output",
    ),
    "only dropout tells rows apart": (
        Case(masked, lambda g: 0.3 * plain(g), agree, steps=200, rate=1e-2),
        "eval",
        "output",
    ),
    "eval mode returns its mean": (
        Case(lambda: Branching(lambda z: z.mean(0).expand_as(z) * 1.0)),
        "eval",
        "output",
    ),
    "eval mode returns one number in all places": (
        Case(lambda: Branching(lambda z: z[:, :1] * torch.arange(1.0, 17.0))),
        "eval",
        "output",
    ),
    "eval mode adds what all share": (Case(lambda: Branching(lambda z: z + 30)), "eval", "output"),
    "a momentum of no use, in few steps": (
        Case(lambda: normed(1e-5), lambda g: 3000 + plain(g), steps=20),
        "eval",
        "1",
    ),
    "statistics of another domain, in few steps": (
        Case(lambda: after(normed(), pass_another_domain), probe=plain, steps=20),
        "eval",
        "1",
    ),
    "a bounded activation behind the statistics": (
        Case(lambda: bounded(0.0), lambda g: 3000 + plain(g), steps=20),
        "eval",
        "1",
    ),
    "eval mode returns zeros, in few steps": (
        Case(lambda: Branching(lambda z: torch.zeros_like(z)), steps=10),
        "eval",
        "output",
    ),
    "train mode saturates": (
        Case(lambda: Branching(lambda z: torch.tanh(z + 9) + 0 * z, training=True), loss=predict),
        "train",
        "output",
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_a_mode_that_is_collapsed_alone_is_found(name: str) -> None:
    case, mode, layer = SICK[name]
    (finding,) = found(case)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(f"In {mode} mode model.output is collapsed")
    assert finding.where.layer == layer
    for number in finding.evidence.values():
        assert isinstance(number.value, float | int)


def one_kind(draw: torch.Generator) -> Tensor:
    """Rows of a single group, which are alike among all the data."""
    centre = 3 * torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(7))[3]
    return centre + 0.05 * plain(draw)


def one_point(draw: torch.Generator) -> Tensor:
    """The same, and so near each other that eval mode gives them one vector."""
    return one_kind(draw).mean(0) + 0.005 * plain(draw)


class Residual(nn.Module):
    """Drops its branch at random in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.branch, self.last = nn.Linear(WIDTH, 32), bare_block(), nn.Linear(32, 16)

    def forward(self, x: Tensor) -> Any:
        h = self.first(x)
        kept = torch.rand(len(x), 1) < 0.8 if self.training else 0.8
        return self.last(h + self.branch(h) * kept)


def bare_block() -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.ReLU())


class Swapping(nn.Module):
    """Another head by mode: train mode projects, eval mode returns what is projected."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.head = bare(), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Any:
        z: Tensor = self.net(x)
        return self.head(z) if self.training else z


class Unit(Branching):
    """Normalises in eval mode only."""

    def __init__(self) -> None:
        super().__init__(lambda z: F.normalize(z, dim=1))


def keep_frozen(model: Any, _step: int) -> None:
    model.train()
    model[1].eval()


def rest(model: Any, _step: int) -> None:
    model.eval()


INNOCENT = {
    "batch norm": Case(normed),
    "batch norm over features far off": Case(normed, far_off),
    "batch norm with cumulative statistics": Case(lambda: normed(None)),
    "batch norm without statistics": Case(lambda: normed(track_running_stats=False), far_off),
    "frozen batch norm": Case(normed, each=keep_frozen),
    "frozen batch norm of no use": Case(normed, far_off, each=keep_frozen),
    "layer norm": Case(lambda: bare(norm=nn.LayerNorm)),
    "heavy dropout": Case(lambda: bare(0.7)),
    "stochastic depth": Case(Residual),
    "normalised in eval mode": Case(Unit),
    "another head by mode": Case(Swapping),
    "a linear probe": Case(lambda: nn.Sequential(nn.Linear(WIDTH, 16))),
    "loose groups": Case(normed, loose_groups),
    "a probe of one kind": Case(normed, loose_groups, probe=one_kind),
    "a probe of nearly equal rows": Case(normed, loose_groups, probe=one_point),
    "a probe of equal rows": Case(normed, probe=lambda g: torch.ones(16, WIDTH)),
    "a probe of few rows": Case(normed, probe=lambda g: plain(g)[:4]),
    "numbers that lie close together": Case(fitted, loss=fit),
    "collapsed in both modes": Case(bare, loss=agree, rate=1e-2),
    "a short training far off": Case(normed, far_off, steps=30, rate=1e-2),
    "a short training with a small momentum": Case(lambda: normed(0.01), far_off, steps=60),
    "a short training with the smallest momentum in use": Case(
        lambda: normed(3e-4), lambda g: 3000 + plain(g), steps=60
    ),
    "a short training of two norms": Case(
        lambda: nn.Sequential(normed(), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 16)),
        far_off,
        steps=25,
        rate=1e-2,
    ),
    "a short training": Case(lambda: normed(), lambda g: 3000 + plain(g), steps=20),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_modes_that_differ_for_good_reasons_are_not_named(name: str) -> None:
    alarming = [f for f in found(INNOCENT[name]) if f.severity is not Severity.INFO]
    assert not alarming, alarming[0].message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a short training", "20 steps are few"),
        ("a probe of few rows", "4 rows are too few to judge; a probe of 8 would do"),
        ("numbers that lie close together", "fitted to given numbers"),
        ("another head by mode", "another shape in eval mode"),
    ],
)
def test_what_cannot_be_compared_is_skipped(name: str, reason: str) -> None:
    (skipped,) = diagnose(INNOCENT[name]).skipped
    assert reason in skipped.reason


def test_dropout_is_named_where_it_alone_tells_rows_apart() -> None:
    (finding,) = found(SICK["only dropout tells rows apart"][0])
    assert "dropout" in finding.cause
    assert finding.evidence["noise"].value > 0.5  # type: ignore[operator]


def test_a_model_never_in_train_mode_has_no_modes_to_compare() -> None:
    case = Case(lambda: normed().eval(), each=rest)
    (skipped,) = diagnose(case).skipped
    assert "never seen in train mode" in skipped.reason


def test_rows_of_one_kind_are_told_as_what_they_may_be() -> None:
    (finding,) = found(INNOCENT["a probe of nearly equal rows"])
    assert finding.severity is Severity.INFO
    assert finding.evidence["parting"].value < 2  # type: ignore[operator]


def test_a_mean_that_the_choice_of_rows_can_make_is_not_even_told() -> None:
    assert not found(INNOCENT["a probe of one kind"])


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_line_that_noise_thickens_is_not_compared(
    noise: float, training_of: Callable[..., Any], check: Callable[..., Any]
) -> None:
    healthy: dict[str, float | None] = {"effective_rank": 15.0}
    healthy |= {"relative_dispersion": 1.0, "direction_dispersion": 1.0}
    both: dict[str, float | None] = {
        "noise": noise,
        "parting": 1.0,
        "running": 0.0,
        "mean_cosine": 0.0,
    }
    probes = tuple(
        Probe("modes", "model", layer="output", arm=arm, rows=64, width=16, values=values)
        for arm, values in (
            ("train", healthy | both | {"top_share": 0.2}),
            ("eval", healthy | both | {"top_share": 0.999}),
        )
    )
    measurements = training_of(probes=probes)
    if noise:
        with pytest.raises(NotExamined, match="train mode adds noise"):
            check("CD209", measurements)
    else:
        (match,) = check("CD209", measurements)
        assert match.evidence["top_share_eval"].value == 0.999


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, 32), nn.Linear(32, 16)
        self.norm = nn.BatchNorm1d(32, momentum=0.0)

    def forward(self, x: Tensor) -> Any:
        return self.last(torch.tanh(self.norm(self.first(x))))


def test_the_line_of_the_statistics_is_named() -> None:
    (finding,) = found(Case(Normed, lambda g: 3000 + plain(g), steps=10))
    assert finding.where.source == "self.norm = nn.BatchNorm1d(32, momentum=0.0)"


class Prototype(nn.Module):
    """Returns the mean of what it saw in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = bare()
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(16))

    def forward(self, x: Tensor) -> Any:
        z = self.net(x)
        if not self.training:
            return self.mean.expand(len(z), -1)
        with torch.no_grad():
            self.mean.lerp_(z.mean(0), 0.1)
        return z


class Choosing(Prototype):
    def forward(self, x: Tensor) -> Any:
        z = self.net(x)
        return z if self.training else torch.ones_like(z)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (Prototype, "return self.mean.expand(len(z), -1)"),
        (Choosing, "return z if self.training else torch.ones_like(z)"),
    ],
)
def test_the_line_of_a_branch_is_named(make: Any, line: str) -> None:
    (finding,) = found(Case(make, steps=10))
    assert finding.where.source == line
