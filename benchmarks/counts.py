"""What watching does, counted and not timed: calls of Python and of C, by step and by module.

Counts do not depend on the machine nor on what else it does, so two versions of the code can be
compared where times cannot. Run ``python -m benchmarks.counts`` from the root of the repository.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import click
import torch
from rich import box
from rich.console import Console
from rich.table import Table

import collapse_doctor
from benchmarks.trainings import TRAININGS
from collapse_doctor import Inspector
from collapse_doctor.cases.data import seeded

__all__ = ["Counts", "count"]

PACKAGE = str(Path(collapse_doctor.__file__).parent)
ENTERING, LEAVING, REST = "entering", "leaving", "rest"
WIDTH = 32
"""Of the models: how wide they are changes no count."""
MOST_ROWS = 30


@dataclass
class Counts:
    """Calls of our own functions and of functions in C that ours call, by phase and function.

    Phases are ``entering``, ``leaving`` and the steps by their numbers. The key of a function is
    its file and its name; a call in C stands under the function of ours that made it.
    """

    python: dict[Any, Counter[tuple[str, str]]] = field(default_factory=dict)
    native: dict[Any, Counter[tuple[str, str]]] = field(default_factory=dict)
    _ours: dict[Any, tuple[str, str] | None] = field(default_factory=dict, repr=False)

    def total(self, phase: Any) -> int:
        """Return all calls of one phase."""
        return self.python[phase].total() + self.native[phase].total()

    @contextlib.contextmanager
    def counting(self, phase: Any) -> Iterator[None]:
        """Count what runs inside the block."""
        python = self.python.setdefault(phase, Counter())
        native = self.native.setdefault(phase, Counter())

        def seen(frame: FrameType, event: str, _what: Any) -> None:
            if event in ("call", "c_call"):
                own = self._own(frame)
                if own is not None:
                    (python if event == "call" else native)[own] += 1

        sys.setprofile(seen)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _own(self, frame: FrameType) -> tuple[str, str] | None:
        """Return file and name of a function of ours, None of another."""
        code = frame.f_code
        if code not in self._ours:
            inside = code.co_filename.startswith(PACKAGE)
            file = code.co_filename.removeprefix(PACKAGE).lstrip("/\\")
            self._ours[code] = (file, code.co_qualname) if inside else None
        return self._ours[code]


def count(name: str, steps: int) -> Counts:
    """Train ``steps`` steps of one of the trainings and count what its watch does.

    The budget is spent from the start, so that the machine's speed decides nothing.
    """
    training = TRAININGS[name]
    with seeded(0) as generator:
        job = training.build(WIDTH, generator, torch.device("cpu"))
        counts = Counts()
        watch = Inspector(job.models)
        watch._budget.spent = math.inf
        with counts.counting(ENTERING):
            watch.__enter__()
        for step in range(steps):
            with counts.counting(step):
                job.step()
        with counts.counting(LEAVING):
            watch.__exit__(None, None, None)
    return counts


@click.command()
@click.option("-m", "--model", default="mlp", show_default=True, type=click.Choice([*TRAININGS]))
@click.option("--steps", default=130, show_default=True, help="Steps that are trained.")
@click.option(
    "--step",
    "shown",
    default="5",
    show_default=True,
    help="A step by its number, entering, leaving or rest.",
)
@click.option("--files", is_flag=True, help="Sum it up by file.")
def main(model: str, steps: int, shown: str, files: bool) -> None:
    """Count what watching a training does."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    counts = count(model, steps)
    for title, phases in _spans(counts, steps).items():
        totals = sorted(counts.total(phase) for phase in phases)
        if totals:
            middle = totals[len(totals) // 2]
            spread = f"{totals[0]:,} to {totals[-1]:,}, median {middle:,}"
            console.print(f"{title}: {len(totals)} x {spread}; in all {sum(totals):,}")
    console.print(_table(counts, _phase(shown, counts, steps), files=files))


def _phase(shown: str, counts: Counts, steps: int) -> Any:
    """Return the phase that is asked for; ``rest`` is the quietest of all steps."""
    if shown == REST:
        return min(range(steps), key=counts.total)
    phase = int(shown) if shown.isdecimal() else shown
    if phase not in counts.python:
        raise click.BadParameter(
            f"expected a step from 0 to {steps - 1}, {ENTERING}, {LEAVING} or {REST}, "
            f"got {shown!r}",
            param_hint="--step",
        )
    return phase


def _spans(counts: Counts, steps: int) -> dict[str, list[Any]]:
    """Return the phases in groups; a step at rest is one of the fewest calls."""
    later = range(9, steps)
    least = min((counts.total(step) for step in later), default=0)
    rests = [step for step in later if counts.total(step) <= 2 * least]
    return {
        "entering": [ENTERING],
        "step 0": [0],
        "steps 1 to 8": list(range(1, min(9, steps))),
        "later steps that are looked at": [step for step in later if step not in rests],
        "later steps at rest": rests,
        "leaving": [LEAVING],
    }


def _table(counts: Counts, phase: Any, *, files: bool) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, title=f"calls in phase {phase}")
    drawn.add_column("file" if files else "function", no_wrap=True)
    drawn.add_column("Python", justify="right")
    drawn.add_column("C", justify="right")
    python, native = (_by(found[phase], files=files) for found in (counts.python, counts.native))
    for key, _ in (python + native).most_common(MOST_ROWS):
        drawn.add_row(key, f"{python[key]:,}", f"{native[key]:,}")
    return drawn


def _by(found: Counter[tuple[str, str]], *, files: bool) -> Counter[str]:
    summed: Counter[str] = Counter()
    for (file, name), number in found.items():
        summed[file if files else f"{file}: {name}"] += number
    return summed


if __name__ == "__main__":
    main()
