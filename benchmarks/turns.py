"""Runs that take turns every few steps, each in a process of its own.

Other work on a machine comes and goes within seconds. What slows one run slows all of them if they
are never further apart than that, and so it leaves their ratio alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from benchmarks.standing import StandingClock

if TYPE_CHECKING:
    from benchmarks.arms import Arm
    from benchmarks.timing import Setting, Timing

__all__ = ["turn_by_turn"]

STEADY_MEMORY = {"MALLOC_TOP_PAD_": str(2**28), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
"""Keep glibc from giving memory back to the system and taking it again at every step, or not, by
where the last small allocation happened to lie: a lottery of up to 1,500 page faults a step, in
bare runs as in watched ones, and mostly the same throughout a run."""

TURN = 20
"""Steps of one turn. After every wait the processor's caches are cold, for whatever runs beside the
training most of all: with turns of one step it seemed to cost several times what it does."""

READY = b"."
GO = b"\n"


def turn_by_turn(
    setting: Setting, arms: Sequence[Arm], seed: int, threads: int
) -> dict[str, Timing]:
    """Train from ``seed`` in all arms at once, a few steps each in turn, in a new order each time.

    While one has its turn the others wait, and no time passes for them. Building, entering and
    leaving the block are turns too.
    """
    draw = random.Random(seed)
    with contextlib.ExitStack() as stack:
        runs = {
            arm.name: stack.enter_context(_process((setting, arm, seed, threads))) for arm in arms
        }
        names = list(runs)
        for _ in _waits(setting.steps):
            draw.shuffle(names)
            for name in names:
                _let(runs[name])
        return {name: _last(run) for name, run in runs.items()}


def _waits(steps: int) -> list[int]:
    """Return the steps before which a run waits for its turn; leaving the block counts as one."""
    return [*range(0, steps, TURN), steps]


@contextlib.contextmanager
def _process(job: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that has ``job`` to do and waits for its first turn."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command,
        env={**STEADY_MEMORY, **os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            pickle.dump(job, _pipe(process.stdin))
            yield process
        finally:
            process.kill()


def _let(process: subprocess.Popen[bytes]) -> None:
    """Give the process its turn, and wait for the end of it."""
    _write(_pipe(process.stdin), GO)
    if _pipe(process.stdout).read(1) != READY:
        raise RuntimeError("a run stopped before its end; what it said stands above")


def _last(process: subprocess.Popen[bytes]) -> Timing:
    """Give the process its last turn and return what it measured."""
    _write(_pipe(process.stdin), GO)
    timing: Timing = pickle.load(_pipe(process.stdout))
    return timing


def _write(pipe: IO[bytes], text: bytes) -> None:
    pipe.write(text)
    pipe.flush()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # all of them were asked for
    return pipe


def _main() -> None:
    """Do one job, waiting for each turn. The clock must stand before anything takes it."""
    clock = StandingClock()
    clock.install()
    turns, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a tool prints is no answer
    setting, arm, seed, threads = pickle.load(turns)
    turns.read(1)
    from benchmarks.timing import warmed

    turn = _turn(clock, turns, answers, _waits(setting.steps))
    timing = warmed(setting, arm, seed, threads, turn=turn)
    pickle.dump(timing, answers)
    answers.flush()


def _turn(
    clock: StandingClock, turns: IO[bytes], answers: IO[bytes], waits: Sequence[int]
) -> Callable[[], None]:
    steps = itertools.count()

    def wait() -> None:
        if next(steps) not in waits:
            return
        with clock.standing():
            _write(answers, READY)
            turns.read(1)

    return wait


if __name__ == "__main__":
    _main()
