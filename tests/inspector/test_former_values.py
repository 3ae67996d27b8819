"""Operands that no longer are what their author takes them for, in several ways of writing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector

STEPS = 6
LossOf = Callable[[nn.Module, Tensor], Tensor]


def codes(model: nn.Module, loss_of: LossOf, *others: nn.Module) -> list[str]:
    """Return what is found in some steps of a training, of the codes of aliases."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watched = {"model": model} | {f"other_{n}": other for n, other in enumerate(others)}
    torch.manual_seed(0)
    with Inspector(watched) as inspector:
        for _ in range(STEPS):
            loss = loss_of(model, torch.randn(24, 12))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return sorted({f.code for f in inspector.diagnose().findings if f.code.startswith("CD10")})


def restoring() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 12))


# Inputs that were corrupted in place


def drop(x: Tensor) -> Tensor:
    return x.mul_((torch.rand_like(x) > 0.3).float())


def dropped_by_a_function(model: nn.Module, x: Tensor) -> Tensor:
    partial = drop(x)
    return F.mse_loss(model(partial), x)


def blanked_through_a_view(model: nn.Module, x: Tensor) -> Tensor:
    seen = x.detach()
    seen[:, torch.randperm(12)[:4]] = 0
    loss: Tensor = (model(seen) - x).square().mean()
    return loss


def distance(guess: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(guess, wanted)


def asked_for_in_a_function(model: nn.Module, x: Tensor) -> Tensor:
    noisy = x
    noisy += 0.2 * torch.randn(24, 12)
    return distance(model(noisy), x)


def by_one_name(model: nn.Module, x: Tensor) -> Tensor:
    x[torch.rand_like(x) < 0.3] = 0
    return F.mse_loss(model(x), x)


def on_a_copy(model: nn.Module, x: Tensor) -> Tensor:
    partial = drop(x.clone())
    return F.mse_loss(model(partial), x)


def filled(model: nn.Module, x: Tensor) -> Tensor:
    whole = x
    whole[whole < -1] = -1
    return F.mse_loss(model(whole), x)


@pytest.mark.parametrize(
    "loss_of", [dropped_by_a_function, blanked_through_a_view, asked_for_in_a_function]
)
def test_an_input_that_was_corrupted_for_its_target_as_well(loss_of: LossOf) -> None:
    assert codes(restoring(), loss_of) == ["CD109"]


@pytest.mark.parametrize("loss_of", [by_one_name, on_a_copy, filled])
def test_an_input_that_is_what_it_is_called(loss_of: LossOf) -> None:
    assert codes(restoring(), loss_of) == []


# Outputs that were gathered in the first of them

teacher = restoring().requires_grad_(False)


def answers(x: Tensor) -> list[Tensor]:
    return [teacher(x + 0.3 * torch.randn_like(x)) for _ in range(3)]


def total_of(outputs: list[Tensor], *, apart: bool) -> Tensor:
    total = outputs[0].clone() if apart else outputs[0]
    for output in outputs[1:]:
        total.add_(output)
    return total / len(outputs)


def lent(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = total_of(each, apart=False)
    z = model(x)
    return F.mse_loss(z, mean) + sum(F.mse_loss(z, F.normalize(one)) for one in each)


def lent_and_copied(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = total_of(each, apart=True)
    z = model(x)
    return F.mse_loss(z, mean) + sum(F.mse_loss(z, F.normalize(one)) for one in each)


def only_the_sum_is_used(model: nn.Module, x: Tensor) -> Tensor:
    return F.mse_loss(model(x), F.normalize(total_of(answers(x), apart=False)))


def here(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = each[0]
    for one in each[1:]:
        mean += one
    z = model(x)
    return F.mse_loss(z, mean / 3) + F.mse_loss(z, F.normalize(each[0]))


def put_back(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = each[0]
    mean += each[1]
    each[0] = mean
    return F.mse_loss(model(x), F.normalize(each[0]))


def one_for_all(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = each[0]
    mean += each[1]
    each = [mean]
    z = model(x)
    return torch.stack([F.mse_loss(z, F.normalize(one)) for one in each]).sum()


def in_a_comprehension(model: nn.Module, x: Tensor) -> Tensor:
    each = answers(x)
    mean = each[0]
    mean += each[1]
    z = model(x)
    return torch.stack([F.mse_loss(z, F.normalize(one)) for one in each]).sum()


@pytest.mark.parametrize("loss_of", [lent, here, in_a_comprehension])
def test_outputs_that_were_summed_up_in_one_of_them(loss_of: LossOf) -> None:
    assert codes(restoring(), loss_of, teacher) == ["CD109"]


@pytest.mark.parametrize("loss_of", [lent_and_copied, only_the_sum_is_used, put_back, one_for_all])
def test_outputs_that_were_summed_up_elsewhere_or_never_asked_for(loss_of: LossOf) -> None:
    assert codes(restoring(), loss_of, teacher) == []


# What a hook keeps

kept: dict[str, Tensor] = {}


def hooked(keep: Callable[[Tensor], Tensor], place: int = 0) -> nn.Sequential:
    def hook(_module: nn.Module, _given: Any, made: Tensor) -> None:
        kept["made"] = keep(made)

    model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(inplace=True), nn.Linear(20, 12))
    model[place].register_forward_hook(hook)
    return model


def below_zero(model: nn.Module, x: Tensor) -> Tensor:
    z = model(x)
    depth = kept["made"]
    loss: Tensor = z.square().mean() + torch.clamp(depth, max=0).square().mean()
    return loss


def unused(model: nn.Module, x: Tensor) -> Tensor:
    loss: Tensor = model(x).square().mean() + 0 * float(kept["made"].detach().mean())
    return loss


def test_what_a_hook_keeps_and_an_activation_writes_over() -> None:
    assert codes(hooked(lambda made: made), below_zero) == ["CD109"]


@pytest.mark.parametrize(
    ("model", "loss_of"),
    [
        (hooked(lambda made: made.clone()), below_zero),
        (hooked(lambda made: made, place=1), below_zero),
        (hooked(lambda made: made), unused),
    ],
)
def test_what_a_hook_keeps_and_may(model: nn.Module, loss_of: LossOf) -> None:
    assert codes(model, loss_of) == []


def test_what_a_hook_was_given_again_after_the_activation() -> None:
    model = hooked(lambda made: made, place=1)
    first = next(model.children())
    first.register_forward_hook(lambda _module, _given, made: kept.update(early=made))
    assert codes(model, below_zero) == []


# Two views that are one, repeated along an axis


@pytest.mark.parametrize(
    ("twice", "expected"),
    [
        (lambda z: z[:, None].expand(-1, 2, -1), ["CD102"]),
        (lambda z: z[:, None].repeat_interleave(2, dim=1), ["CD104"]),
        (lambda z: torch.stack([z, z], 1), ["CD104"]),
        (lambda z: torch.stack([z, z.roll(1, 0)], 1), []),
    ],
)
def test_a_view_axis_that_holds_one_view(
    twice: Callable[[Tensor], Tensor], expected: list[str]
) -> None:
    labels = torch.arange(24) // 3
    same = (labels[:, None] == labels).float()

    def loss_of(model: nn.Module, x: Tensor) -> Tensor:
        one, other = twice(F.normalize(model(x), dim=1)).unbind(1)
        return -(same * (one @ other.T / 0.3).log_softmax(1)).sum(1).mean()

    assert codes(restoring(), loss_of) == expected
