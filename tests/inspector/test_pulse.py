"""The pulse: silent on a steady training, and loud where something changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.pulse import MOST_HELD, Pulse
from tests.inspector import elsewhere
from tests.inspector.elsewhere import pretend

PLACE = ("model", "output")


def beats(rows: Callable[[int], Tensor], steps: int) -> list[int]:
    """Return the steps at which a pulse of these rows called."""
    called: list[int] = []
    at = 0
    pulse = Pulse(Later(), lambda: called.append(at))
    for at in range(steps):
        pulse.feel(PLACE, rows(at))
    return called


def noise(step: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(step))


@pytest.mark.parametrize("shape", [(32, 16), (300, 1000), (8, 3, 5, 5), (4, 7, 6)])
@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0])
def test_a_steady_training_is_quiet(shape: tuple[int, ...], offset: float) -> None:
    assert beats(lambda step: noise(step, *shape) + offset, 200) == []


def test_a_slow_change_is_no_event() -> None:
    assert beats(lambda step: noise(step, 32, 16) * 0.99**step + 1, 300) == []


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_sudden_change_is_felt_at_its_step(factor: float) -> None:
    called = beats(lambda step: noise(step, 64, 16) * (factor if step >= 50 else 1) + 5, 60)
    assert called[0] == 50


def test_collapse_to_one_point_is_felt() -> None:
    called = beats(lambda step: noise(step, 64, 16) if step < 50 else torch.ones(64, 16), 60)
    assert called[0] == 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("spread", [True, False])
def test_what_is_not_finite_is_told_once_and_at_once(
    dtype: torch.dtype, value: float, spread: bool
) -> None:
    called: list[None] = []
    pulse = Pulse(Later(), lambda: called.append(None))
    rows = noise(0, 500, 8).to(dtype)
    assert not pulse.feel(PLACE, rows, spread=spread)
    rows[77, 3] = value
    assert pulse.feel(PLACE, rows, spread=spread)
    assert not pulse.feel(PLACE, rows, spread=spread)
    assert len(called) == 1


def test_no_rows_have_no_pulse() -> None:
    assert beats(lambda _: torch.empty(0, 4), 40) == []


def test_it_keeps_nothing_of_what_it_felt() -> None:
    later = Later()
    Pulse(later, lambda: None).feel(PLACE, noise(0, 8, 8))
    assert len(later) == 0


@pytest.mark.parametrize(("lag", "most"), [(3, 100), (10**9, MOST_HELD)])
def test_what_is_on_its_way_is_bounded_also_without_steps(
    monkeypatch: pytest.MonkeyPatch, lag: int, most: int
) -> None:
    device = pretend(monkeypatch)
    device.runs, waiting = True, Later()
    monkeypatch.setattr(elsewhere, "LAG", lag)
    called: list[int] = []
    pulse = Pulse(waiting, lambda: called.append(device.step))
    for device.step in range(2 * MOST_HELD):
        rows = noise(device.step, 8, 4)
        pulse.feel(PLACE, rows / 0 if device.step == 500 else rows)
        assert len(waiting) <= most
    device.runs = False
    waiting.drain()
    assert len(called) == 1
