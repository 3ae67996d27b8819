"""Lines that freeze, clear or cut are found in the source, where there is one only."""

from __future__ import annotations

from pathlib import Path

import pytest

from collapse_doctor.inspector.source.faultlines import (
    cleared_at,
    frozen_at,
    hooked_at,
    renewed_at,
    scheduled_at,
    without_gradient,
)
from collapse_doctor.recording.observations import CallSite

TRAINING = """\
def train(model, optimizer, loss):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    optimizer.zero_grad()


@torch.no_grad()
def embed(model, x):
    return model(x)


def other(model, x):
    with torch.inference_mode():
        return model(x)
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "training.py"
    path.write_text(TRAINING)
    return str(path)


def test_what_is_cleared_between_backward_and_step(file: str) -> None:
    found = cleared_at(CallSite(file, 4))
    assert found is not None
    assert (found.line, found.source) == (3, "optimizer.zero_grad()")
    assert cleared_at(CallSite(file, 2)) is None


@pytest.mark.parametrize(("line", "expected"), [(10, 8), (15, 14), (3, None)])
def test_what_switches_gradients_off(file: str, line: int, expected: int | None) -> None:
    found = without_gradient([CallSite(file, line)])
    assert (found and found.line) == expected


PHASES = """\
for phase in ("train", "valid"):
    with torch.set_grad_enabled(phase == "train"):
        loss = model(x)
with torch.set_grad_enabled(True):
    loss = model(x)
torch.set_grad_enabled(True)
"""
LEFT_OFF = PHASES + "torch.set_grad_enabled(False)\n"


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        (PHASES, 3, 2),
        (PHASES, 5, None),
        (LEFT_OFF, 3, 2),
        (LEFT_OFF, 5, 7),
        (LEFT_OFF + LEFT_OFF, 5, None),
        ("model(x)\ntorch.set_grad_enabled(training)", 1, 2),
    ],
)
def test_what_leaves_gradients_off(
    tmp_path: Path, source: str, line: int, expected: int | None
) -> None:
    path = tmp_path / "phases.py"
    path.write_text(source)
    found = without_gradient([CallSite(str(path), line)])
    assert (found and found.line) == expected


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("p.requires_grad_(False)", 1),
        ("\nmodel.body.requires_grad = False", 2),
        ("p.requires_grad_(requires_grad=False)", 1),
        ("p.requires_grad_(True)", None),
        ("p.requires_grad_(False)\nq.requires_grad_(False)", None),
        ("this is no python", None),
    ],
)
def test_the_only_line_that_freezes(tmp_path: Path, source: str, line: int | None) -> None:
    path = tmp_path / "freezing.py"
    path.write_text(source)
    found = frozen_at(str(path))
    assert (found and found.line) == line


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\nfor p in net.parameters():\n    p.register_hook(lambda g: g * 0)", 3),
        ("z.register_post_accumulate_grad_hook(clean)", 1),
        ("z.register_hook(one)\nz.register_hook(other)", None),
        ("net.register_forward_hook(listen)", None),
    ],
)
def test_the_only_line_that_may_change_gradients(
    tmp_path: Path, source: str, line: int | None
) -> None:
    path = tmp_path / "hooking.py"
    path.write_text(source)
    found = hooked_at(str(path))
    assert (found and found.line) == line


LAMBDA = "scheduler = LambdaLR(optimizer, lambda step: step // 9)\n"
FUNCTION = """\
def warm_up(step):
    return step // 500


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=warm_up)
"""
BY_HAND = """\
for group in optimizer.param_groups:
    group["lr"] = base * (step // 500)
"""


MAKER = """\
def linear_schedule(optimizer, total):
    return LambdaLR(optimizer, lambda step: max(0, 1 - step / total))


scheduler = linear_schedule(optimizer, total=epochs)
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LAMBDA, 1),
        (FUNCTION, 2),
        (BY_HAND, 2),
        (LAMBDA + BY_HAND, None),
        ("x = LR(1)\n", None),
        (MAKER, 5),
    ],
)
def test_what_sets_a_learning_rate(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "training.py"
    path.write_text(text)
    found = scheduled_at(str(path))
    assert (found.line if found else None) == line


MADE = """\
model = Net()
optimizer = Adam(model.parameters())
{}
"""


@pytest.mark.parametrize(
    ("text", "copied", "found"),
    [
        ("model = Net(width=3)", False, True),
        ("model = copy.deepcopy(model)", True, True),
        ("model = torch.compile(model)", False, False),
        ("other = Net()", True, False),
        ("model = Net()\nmodel = Net()", True, False),
    ],
)
def test_what_makes_a_model_anew(tmp_path: Path, text: str, copied: bool, found: bool) -> None:
    path = tmp_path / "training.py"
    path.write_text(MADE.format(text))
    line = renewed_at(CallSite(str(path), 2), copied=copied)
    assert (line.line if line else None) == (3 if found else None)
