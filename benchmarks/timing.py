"""Running a training in one arm after the other, and how long each step took."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.arms import BARE, Arm
from benchmarks.trainings import Training
from benchmarks.turns import turn_by_turn
from collapse_doctor.cases.data import seeded

__all__ = ["CLOCKS", "Setting", "Timing", "calibrate", "in_turn", "timed_run", "warmed"]

TOLERANCE = 0.2
MOST_TRIES = 8
GROWTH = 1.4
"""A step's time grows with about this power of the width: between overhead and arithmetic."""


CLOCKS: Mapping[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}
"""Time as the user waits for it, and the time that processors spent on this process: that is
hardly longer while others keep the machine busy, but does not see waiting for a disk."""


@dataclass(frozen=True)
class Setting:
    """What is trained, how wide, on which device, how many steps, by which clock."""

    training: Training
    width: int
    steps: int
    device: torch.device
    clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True)
class Timing:
    """One run: seconds to enter the block, of each step (steps,), and to leave the block.

    ``digest`` stands for all parameters and buffers at the end, bit by bit.
    """

    enter: float
    steps: np.ndarray
    leave: float
    digest: str
    share: float | None = None

    @property
    def whole(self) -> float:
        """Seconds from before the block to after it."""
        return self.enter + self.training + self.leave

    @property
    def training(self) -> float:
        """Seconds from the beginning of the first step to the end of the last."""
        return float(self.steps.sum())


class _Stamps:
    """Points in time. On a GPU they are points of its own queue, which is not made to wait."""

    def __init__(self, device: torch.device, clock: Callable[[], float]) -> None:
        self._device = device
        self._clock = clock
        self._events: list[torch.cuda.Event] = []
        self._times: list[float] = []

    def take(self) -> None:
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._events.append(event)
        else:
            self._times.append(self._clock())

    def between(self) -> np.ndarray:
        """Return the seconds from each point to the next."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            pairs = zip(self._events, self._events[1:], strict=False)
            return np.array([one.elapsed_time(other) / 1e3 for one, other in pairs])
        return np.diff(self._times)


def _at_once() -> None:
    """Wait for nothing."""


def timed_run(setting: Setting, arm: Arm, seed: int, turn: Callable[[], None] = _at_once) -> Timing:
    """Train afresh from ``seed`` in one arm, calling ``turn`` before each step and at the end."""
    with tempfile.TemporaryDirectory() as folder, seeded(seed) as generator:
        job = setting.training.build(setting.width, generator, setting.device)
        gc.collect()  # what earlier runs left is not this one's to clear away
        _wait(setting.device)
        stamps, clock = _Stamps(setting.device, setting.clock), setting.clock
        before = clock()
        with arm.watch(job, Path(folder) / "recording") as watched:
            entered = clock()
            stamps.take()
            for _ in range(setting.steps):
                turn()
                watched.told(job.step())
                stamps.take()
            _wait(setting.device)
            turn()
            trained = clock()
        _wait(setting.device)
        left = clock()
        digest, share = _digest(job.module), watched.share()
    return Timing(entered - before, stamps.between(), left - trained, digest, share)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _digest(module: nn.Module) -> str:
    found = hashlib.sha256()
    for name, value in module.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def in_turn(
    setting: Setting, arms: Sequence[Arm], rounds: int, *, apart: bool
) -> Iterator[dict[str, Timing]]:
    """Yield one run of every arm per round, each round beginning with another arm.

    Seeds differ between rounds and are the same within one, so all arms do the same work.
    ``apart`` gives every run a process of its own: in one that has trained before, memory is torn,
    and how torn it is decides more about the time of a step than what is to be measured. On a CPU
    they then take turns every few steps; a GPU is free to run ahead and can't be made to.
    """
    for number in range(rounds):
        if apart and setting.device.type == "cpu":
            yield turn_by_turn(setting, arms, number, torch.get_num_threads())
            continue
        start = number % len(arms)
        run = _apart if apart else warmed
        yield {arm.name: run(setting, arm, number) for arm in [*arms[start:], *arms[:start]]}


def _apart(setting: Setting, arm: Arm, seed: int) -> Timing:
    """Run in a new process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
        return process.submit(warmed, setting, arm, seed, torch.get_num_threads()).result()


def warmed(
    setting: Setting,
    arm: Arm,
    seed: int,
    threads: int | None = None,
    turn: Callable[[], None] = _at_once,
) -> Timing:
    """Run after a few steps untimed: first calls load code and make caches."""
    torch.set_num_threads(threads or torch.get_num_threads())
    timed_run(_shortened(setting), arm, seed=0)
    return timed_run(setting, arm, seed, turn)


def _shortened(setting: Setting) -> Setting:
    return replace(setting, steps=min(setting.steps, 20))


def calibrate(setting: Setting, milliseconds: float) -> tuple[Setting, float]:
    """Return the setting so wide that a bare step takes about so long, and how long it takes."""
    training, width = setting.training, setting.width
    tried: dict[int, float] = {}
    for _ in range(MOST_TRIES):
        tried[width] = _step_time(replace(setting, width=width, steps=30))
        ratio = milliseconds / tried[width]
        if abs(1 / ratio - 1) < TOLERANCE / 2:
            break
        wanted = width * min(max(ratio ** (1 / GROWTH), 0.4), 3.0)
        width = max(1, round(wanted / training.multiple)) * training.multiple
        if width in tried:
            break
    best = min(tried, key=lambda w: abs(np.log(tried[w] / milliseconds)))
    return replace(setting, width=best), tried[best]


def _step_time(setting: Setting) -> float:
    """Return how many milliseconds a step takes once warm, if nothing else is in the way."""
    return 1e3 * float(np.percentile(timed_run(setting, BARE, seed=0).steps[5:], 25))
