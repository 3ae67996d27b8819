"""What watching costs: the same trainings bare, bare again, watched, and watched by others.

Run ``python -m benchmarks.overhead`` from the root of the repository; README.md beside this file
says what the columns mean.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import click
import torch
from rich.console import Console

from benchmarks.arms import ARMS, installed
from benchmarks.attribution import attribute, attribution_tables
from benchmarks.tables import Cell, table
from benchmarks.timing import CLOCKS, TOLERANCE, Setting, calibrate, in_turn
from benchmarks.trainings import TRAININGS
from collapse_doctor.version import __version__

__all__ = ["main"]

SIZES = (10.0, 55.0)
WIDE = 200
"""Columns of what is not a terminal: no table is cut."""
LONG = 30.0
"""Milliseconds from which on a step counts as long: two rounds, so that a run of everything stays
under half an hour."""


@click.command()
@click.option("--steps", default=500, show_default=True, help="Steps of one run.")
@click.option("--rounds", type=int, help="Runs of each arm. Default: 4, of long steps 2.")
@click.option(
    "-m", "--models", multiple=True, type=click.Choice([*TRAININGS]), help="Default: all."
)
@click.option(
    "-s", "--sizes", multiple=True, type=float, default=SIZES, show_default=True, help="Step, ms."
)
@click.option("--width", type=int, help="Take this width; do not look for one by the step time.")
@click.option("--threads", default=1, show_default=True, help="Threads torch computes with.")
@click.option(
    "--clock", default="wall", show_default=True, type=click.Choice([*CLOCKS]), help="Which time."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--quick", is_flag=True, help="One size, one round, no search for the width.")
@click.option("--markdown", is_flag=True, help="Print the block for RESULTS.md.")
@click.option("--profile", is_flag=True, help="Say instead where the Inspector spends its time.")
def main(
    steps: int,
    rounds: int | None,
    models: Sequence[str],
    sizes: Sequence[float],
    width: int | None,
    threads: int,
    clock: str,
    device: str,
    quick: bool,
    markdown: bool,
    profile: bool,
) -> None:
    """Measure what watching a training costs."""
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False)
    console.print(_conditions(threads, clock, device))
    show = _show_profile if profile else partial(_show_overhead, apart=not quick)
    sound = True
    with _threads(threads):
        for name, size in itertools.product(models or TRAININGS, sizes[:1] if quick else sizes):
            training = TRAININGS[name]
            start = Setting(
                training, width or training.start, steps, torch.device(device), CLOCKS[clock]
            )
            setting = start if quick or width else _found(start, size)
            times = rounds or (1 if quick else 2 if size > LONG else 4)
            console.print(
                f"\n### {name}: {training.what}\n\nWidth {setting.width}, {steps} steps, "
                f"{times} rounds of each arm.\n"
            )
            sound = show(setting, times, console, markdown=markdown) and sound
    if not sound:
        sys.exit(1)


def _found(start: Setting, size: float) -> Setting:
    """Return the setting whose bare steps take about ``size`` ms."""
    setting, took = calibrate(start, size)
    off = "" if abs(took / size - 1) <= TOLERANCE else ": the nearest that was found"
    _progress(f"{start.training.name}: width {setting.width}, {took:.1f} ms a step{off}")
    return setting


def _show_overhead(
    setting: Setting, rounds: int, console: Console, *, markdown: bool, apart: bool
) -> bool:
    """Print what each arm cost; return whether all of them trained the same parameters."""
    arms = [arm for arm in ARMS if installed(arm)]
    taken = []
    for number, runs in enumerate(in_turn(setting, arms, rounds, apart=apart), 1):
        _progress(f"{setting.training.name}, width {setting.width}: round {number} of {rounds}")
        taken.append(runs)
    cell = Cell(taken)
    console.print(table(cell, markdown=markdown))
    said = "bit-identical" if cell.identical else "NOT identical"
    console.print(f"Final parameters in all arms of each round: {said}.")
    for arm in ARMS:
        if arm not in arms:
            console.print(f"Not run: {arm.name}, which is not installed.")
    return cell.identical


def _show_profile(setting: Setting, rounds: int, console: Console, *, markdown: bool) -> bool:
    for drawn in attribution_tables(attribute(setting, rounds), markdown=markdown):
        console.print(drawn)
    return True


def _conditions(threads: int, clock: str, device: str) -> str:
    """Return one paragraph on the machine and the versions."""
    of_gpu = torch.cuda.get_device_name() if device == "cuda" else ""
    hardware = ", ".join(filter(None, (_processor(), f"{os.cpu_count()} cores", of_gpu)))
    versions = (
        f"collapse_doctor {__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    malloc = [f"{name}={value}" for name, value in os.environ.items() if name[:7] == "MALLOC_"]
    facts = (versions, hardware, f"{threads} threads", f"{clock} time", load, *malloc)
    return ", ".join(filter(None, facts)) + "."


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _progress(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
