"""From runs to ratios, and from ratios to tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.table import Table

from benchmarks.arms import BARE
from benchmarks.timing import Timing

__all__ = ["Cell", "table"]

FIRST = slice(1, 9)
"""The first steps, all fully watched; the very first warms everything up and is left out."""
LATER = 100
"""From here on a training is in its stride."""

Round = Mapping[str, Timing]


@dataclass(frozen=True)
class Cell:
    """One training at one step size: all rounds, each with one run per arm."""

    rounds: Sequence[Round]

    @property
    def identical(self) -> bool:
        """Whether every arm ended with the very parameters of the bare one, in every round."""
        return all(len({run.digest for run in runs.values()}) == 1 for runs in self.rounds)


def _whole(run: Timing, bare: Timing) -> float:
    return run.whole / bare.whole


def _training(run: Timing, bare: Timing) -> float:
    return run.training / bare.training


def _first(run: Timing, bare: Timing) -> float:
    return float(np.median(run.steps[FIRST] / bare.steps[FIRST]))


def _later(run: Timing, bare: Timing) -> float:
    return float(np.median(_stride(run)) / np.median(_stride(bare)))


def _stride(run: Timing) -> np.ndarray:
    """Return the steps from LATER on; of a shorter run its second half."""
    return run.steps[min(LATER, len(run.steps) // 2) :]


RATIOS: Mapping[str, Callable[[Timing, Timing], float]] = {
    "whole run": _whole,
    "training only": _training,
    "steps 1–8": _first,
    f"steps {LATER}…": _later,
}


def _quietest(runs: Sequence[Timing]) -> float:
    """Return what the training takes if each step is taken from the round that was quickest at it.

    Step i does the same work in every round, and other work on the machine only ever adds to it.
    """
    return float(np.min([run.steps for run in runs], axis=0).sum())


def table(cell: Cell, *, markdown: bool) -> Table:
    """Return what each arm cost in one cell: medians over rounds, their least and greatest."""
    drawn = Table(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD)
    drawn.add_column("arm", no_wrap=True)
    for name in ("step (ms)", *RATIOS, "quietest", "enter (ms)", "leave (ms)", "says"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for arm in cell.rounds[0]:
        runs = [each[arm] for each in cell.rounds]
        drawn.add_row(arm, *_row(arm, runs, [each[BARE.name] for each in cell.rounds]))
    return drawn


def _row(arm: str, runs: list[Timing], bare: list[Timing]) -> list[str]:
    step = 1e3 * float(np.median([np.median(_stride(run)) for run in runs]))
    if arm == BARE.name:
        return [f"{step:.1f}", *("1" for _ in RATIOS), "1", "", "", ""]
    pairs = list(zip(runs, bare, strict=True))
    ratios = [_spread([ratio(*pair) for pair in pairs]) for ratio in RATIOS.values()]
    enter, leave = ([1e3 * getattr(run, name) for run in runs] for name in ("enter", "leave"))
    shares = [run.share for run in runs if run.share is not None]
    says = f"{np.median(shares):.1%}" if shares else ""
    quietest = f"{_quietest(runs) / _quietest(bare):.3f}"
    block = (f"{np.median(enter):.1f}", f"{np.median(leave):.1f}")
    return [f"{step:.1f}", *ratios, quietest, *block, says]


def _spread(values: list[float]) -> str:
    middle = f"{np.median(values):.3f}"
    return middle if len(values) == 1 else f"{middle} [{min(values):.3f}–{max(values):.3f}]"
