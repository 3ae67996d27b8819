"""Networks that are one are told where names or structure say two; tying on purpose is silent."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Severity
from tests.small_trainings import INPUT, WIDTH, codes, finding, marked, network, train, view

HEALTHY: list[Callable[[], Any]] = []


def healthy(make: Callable[[], Any]) -> Callable[[], Any]:
    HEALTHY.append(make)
    return make


def found_in(watched: nn.Module | Mapping[str, nn.Module]) -> Diagnosis:
    """Diagnose a watch in which nothing was run: structure is read when it begins."""
    with Inspector(watched) as inspector:
        pass
    return inspector.diagnose()


def block() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU())


class Multiplied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(INPUT, WIDTH)
        self.blocks = nn.ModuleList([block()] * 3)  # listed

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        for part in self.blocks:
            x = part(x)
        return x


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.Linear(WIDTH, WIDTH)
        others = [nn.ReLU() for _ in range(3)]
        self.act = nn.ModuleList(others)
        self.layers = nn.ModuleList([layer for _ in range(3)])  # listed


class Spread(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.Linear(WIDTH, WIDTH)
        self.stack = nn.Sequential(*[layer] * 2, nn.ReLU())  # listed


class Keyed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        head = nn.Linear(WIDTH, 2)
        names = ("a", "b")
        self.heads = nn.ModuleDict({f"head_{name}": head for name in names})  # listed


class ShallowlyCopied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = block()
        self.layers = nn.ModuleList([copy.copy(layer) for _ in range(3)])  # listed


class TypedTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        conv, norm = nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH)
        self.net = nn.Sequential(conv, nn.ReLU(), conv, norm)  # listed


class OwnTeacher(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.student = network()
        self.teacher = self.student  # listed

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            target = self.teacher(view(x))
        return F.mse_loss(self.student(x), target)


class ShallowTarget(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.online_encoder = network()
        self.target_encoder = copy.copy(self.online_encoder)  # listed


class Momentum(nn.Module):
    """Both names are given by one argument."""

    def __init__(self) -> None:
        super().__init__()
        net = network()
        self.encoder = net
        self.momentum_encoder = net  # listed


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(*itertools.repeat(block(), 3))  # listed


class BuiltAgain(nn.Module):
    """Two containers, and one set of layers in them."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(INPUT, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)]
        self.online = nn.Sequential(*layers)
        self.target = nn.Sequential(*layers)  # listed


SICK = [Multiplied, Listed, Spread, Keyed, ShallowlyCopied, TypedTwice, Repeated]
TEACHERS = [OwnTeacher, ShallowTarget, Momentum, BuiltAgain]


@pytest.mark.parametrize("kind", [*SICK, *TEACHERS])
def test_structure_is_read_with_its_line(kind: type[nn.Module]) -> None:
    found = finding(found_in(kind()), "CD108")
    assert found.where.line == marked(kind.__init__, "listed")
    assert found.severity is (Severity.ERROR if kind in TEACHERS else Severity.WARNING)


def test_a_container_that_is_watched_itself() -> None:
    layer = nn.Linear(WIDTH, WIDTH)
    stack = nn.Sequential(*[layer] * 4)  # listed
    found = finding(found_in(stack), "CD108")
    assert found.where.line == marked(test_a_container_that_is_watched_itself, "listed")
    assert "at 4 places (0, 1, 2, 3)" in found.message


@healthy
def distinct_blocks() -> nn.Module:
    return nn.Sequential(*[block() for _ in range(3)])


def test_a_layer_whose_size_is_not_known_yet() -> None:
    layer = nn.LazyLinear(WIDTH)
    assert codes(found_in(nn.Sequential(layer, nn.ReLU(), layer))) == {"CD108"}


@healthy
def one_activation() -> nn.Module:
    act, slope, norm = nn.ReLU(), nn.PReLU(), nn.LayerNorm(WIDTH)
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(3)]
    return nn.Sequential(layers[0], act, norm, layers[1], act, slope, norm, layers[2], slope)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, WIDTH)
        self.source_embedding = self.target_embedding = nn.Embedding(9, WIDTH)
        self.head = nn.Linear(WIDTH, 9, bias=False)
        self.head.weight = self.table.weight


class Albert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = block()
        self.groups = nn.ModuleList([block()])

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.layer(x)
        return x


class SharedHeads(nn.Module):
    """As detection transformers have them: one head on every layer, unless told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Module = nn.Linear(WIDTH, 2)
        self.head = nn.ModuleList([self.head for _ in range(3)])


class SaysSo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = block()
        # one set of weights, shared by all depths
        self.layers = nn.ModuleList([layer] * 3)


class TakingTurns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        one, other = block(), block()
        self.layers = nn.ModuleList([one, other] * 2)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        backbone = network()
        self.left = nn.Sequential(backbone, nn.Linear(WIDTH, 2))
        self.right = nn.Sequential(backbone, nn.Linear(WIDTH, 3))


class TiedRetrieval(nn.Module):
    """Queries and keys are embedded by one network: both learn."""

    def __init__(self) -> None:
        super().__init__()
        self.query_encoder = network()
        self.key_encoder = self.query_encoder

    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return self.query_encoder(q), self.key_encoder(k)


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(WIDTH, WIDTH, bias=False)
        self.decoder = nn.Linear(WIDTH, WIDTH, bias=False)
        self.decoder.weight = self.encoder.weight


HEALTHY += [Tied, Albert, SharedHeads, SaysSo, TakingTurns, TwoHeads, TiedRetrieval, Autoencoder]


@healthy
def target_on_a_common_stem() -> nn.Module:
    stem, head = nn.Linear(INPUT, WIDTH), block()
    both = {"online": head, "target": copy.deepcopy(head)}
    return nn.ModuleDict({name: nn.Sequential(stem, one) for name, one in both.items()})


@healthy
def normed() -> nn.Module:
    weighed = nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH))
    return nn.Sequential(weighed, nn.utils.parametrizations.spectral_norm(nn.Linear(WIDTH, WIDTH)))


@healthy
def part_and_whole() -> dict[str, nn.Module]:
    encoder = network()
    return {"encoder": encoder, "model": nn.Sequential(encoder)}


@healthy
def wrapped() -> dict[str, nn.Module]:
    encoder = network()
    return {"model": encoder, "parallel": nn.DataParallel(encoder)}


@healthy
def student_and_teacher() -> dict[str, nn.Module]:
    student = network()
    return {"student": student, "teacher": copy.deepcopy(student)}


@pytest.mark.parametrize("make", HEALTHY)
def test_tying_on_purpose_is_silent(make: Callable[[], Any]) -> None:
    with Inspector(make()) as inspector:
        pass
    assert codes(inspector.diagnose()) == set()
    assert not [n for n in inspector.recording.notices if "fault" in n.text]


def assigned() -> Diagnosis:
    student = network()
    teacher = student  # named
    return found_in({"student": student, "teacher": teacher})


def copied_shallowly() -> Diagnosis:
    net = network()
    slow = copy.copy(net)  # named
    return found_in({"student": net, "teacher": slow})


@pytest.mark.parametrize("make", [assigned, copied_shallowly])
def test_two_watched_models_that_are_one(make: Callable[[], Diagnosis]) -> None:
    found = finding(make(), "CD108")
    assert found.severity is Severity.ERROR
    assert found.where.line == marked(make, "named")


def test_two_towers_that_are_one_are_no_error() -> None:
    tower = network()
    found = finding(found_in({"text": tower, "image": tower}), "CD108")
    assert found.severity is Severity.WARNING
    assert "one object" in found.message


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("same_view", [False, True])
def test_a_second_name_in_the_loop(copied: bool, same_view: bool) -> None:
    torch.manual_seed(0)
    student = network()
    teacher = student
    if copied:
        teacher = copy.copy(student)

    def loss_of(x: Tensor) -> Tensor:
        with torch.no_grad():
            target = teacher(x if same_view else view(x))
        z = student(x)
        loss: Tensor = F.mse_loss(z, target) + z.pow(2).mean()
        return loss

    diagnosis = train(student, loss_of)
    assert codes(diagnosis) == ({"CD108", "CD103"} if same_view else {"CD108"})
    found = finding(diagnosis, "CD108")
    assert found.severity is (Severity.ERROR if same_view else Severity.WARNING)
    named = [code for code in found.explains if code.startswith("CD1")]
    assert named == (["CD103"] if same_view else [])
    assert "`student` and `teacher`" in found.message


def test_the_line_of_the_second_name() -> None:
    torch.manual_seed(0)
    student = network()

    def step(student: nn.Module, teacher: nn.Module, x: Tensor) -> Any:
        with torch.no_grad():
            target = teacher(view(x))
        return F.mse_loss(student(x), target)

    def loop(x: Tensor) -> Any:
        teacher = student  # named
        return step(student, teacher, x)

    found = finding(train(student, loop), "CD108")
    assert found.where.line == marked(loop, "named")


class Retrieval(nn.Module):
    """A key encoder that is the query encoder, as MoCo must not have it."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.encoder_q = network()
        self.encoder_k = self.encoder_q
        self.cut = cut

    def forward(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        with torch.set_grad_enabled(not self.cut):
            keys = self.encoder_k(k)
        return self.encoder_q(q), keys


@pytest.mark.parametrize("cut", [True, False])
def test_a_key_encoder_is_told_where_its_side_is_cut(cut: bool) -> None:
    torch.manual_seed(0)
    model = Retrieval(cut)

    def loss_of(x: Tensor) -> Tensor:
        q, k = model(view(x), view(x))
        return F.cross_entropy(F.normalize(q) @ F.normalize(k).T, torch.arange(len(q)))

    assert codes(train(model, loss_of)) == ({"CD108"} if cut else set())


def test_one_encoder_for_both_sides_is_silent() -> None:
    torch.manual_seed(0)
    encoder = network()
    left, right = encoder, encoder

    def loss_of(x: Tensor) -> Tensor:
        return (1 - F.cosine_similarity(left(view(x)), right(view(x)))).mean()

    assert codes(train(encoder, loss_of)) == set()


def test_two_names_that_both_learn_are_silent() -> None:
    torch.manual_seed(0)
    anchor_net = target_net = network()

    def loss_of(x: Tensor) -> Tensor:
        return (1 - F.cosine_similarity(anchor_net(view(x)), target_net(view(x)))).mean()

    assert codes(train(anchor_net, loss_of)) == set()


def test_a_step_that_takes_any_network_by_a_name_is_silent() -> None:
    """A helper whose argument is called `target`, for both sides."""
    torch.manual_seed(0)
    encoder = network()

    def embed(target: nn.Module, x: Tensor) -> Tensor:
        z: Tensor = target(x)
        return z

    def loss_of(x: Tensor) -> Tensor:
        return F.mse_loss(embed(encoder, view(x)), embed(encoder, view(x)).detach())

    assert codes(train(encoder, loss_of)) == set()
