"""Where the time of the Inspector goes: by callback, by function, and what is left.

Three runs of each training take turns: bare; watched with a clock around every callback; watched
with Python's profiler inside every callback. The second says how much, the third what for: the
profiler makes Python slower than it is, so read its numbers as shares.
"""

from __future__ import annotations

import contextlib
import cProfile
import functools
import pstats
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from rich import box
from rich.table import Table

from benchmarks.arms import BARE, Arm, Watched
from benchmarks.tables import FIRST, LATER
from benchmarks.timing import Setting, Timing, in_turn
from benchmarks.trainings import Job
from collapse_doctor import Inspector
from collapse_doctor.inspector.fuse import Fuse
from collapse_doctor.inspector.mode import _Watching

__all__ = ["Attribution", "attribute", "attribution_tables"]

ENTER, LEAVE = "entering", "leaving"
SPANS: Mapping[str, slice] = {
    "step 0": slice(0, 1),
    "steps 1–8": FIRST,
    f"steps 9–{LATER - 1}": slice(9, LATER),
    f"steps {LATER}…": slice(LATER, None),
}
MOST_FUNCTIONS = 24

CLOCKED, PROFILED = "clocked", "profiled"


class Recorder:
    """Listens to every guarded callback of one watched run.

    ``seconds`` and ``calls`` are counted by phase and callback, ``entries`` of the mode by phase.
    """

    def __init__(self, clock: Callable[[], float], *, profiled: bool) -> None:
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.entries: Counter[str] = Counter()
        self.profiles: dict[str, cProfile.Profile] = defaultdict(
            functools.partial(cProfile.Profile, clock, builtins=False)
        )
        self._clock = clock
        self._profiled = profiled
        self._busy = False
        self._step = -1
        self.phase = ENTER

    def stepped(self, _loss: Any = None) -> None:
        """Note that the next step begins."""
        self._step += 1
        ends = ((name, span.stop) for name, span in SPANS.items())
        self.phase = next(name for name, end in ends if end is None or self._step < end)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Have all callbacks guarded inside the block pass through here."""
        guard = Fuse.guard

        def listened(fuse: Fuse, callback: Callable[..., None]) -> Callable[..., None]:
            return guard(fuse, self._measured(callback))

        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(Fuse, "guard", listened))
            if self._profiled:  # counting is not free either
                counted = self._counted(_Watching.__torch_function__)
                stack.enter_context(mock.patch.object(_Watching, "__torch_function__", counted))
            yield

    def _measured(self, callback: Callable[..., None]) -> Callable[..., None]:
        name = callback.__qualname__.removesuffix(".<locals>.hook")

        @functools.wraps(callback)
        def measured(*args: Any, **kwargs: Any) -> None:
            if self._busy:  # a callback inside a callback is part of it
                callback(*args, **kwargs)
                return
            self._busy = True
            place = (self.phase, name)
            profile = self.profiles[self.phase] if self._profiled else contextlib.nullcontext()
            start = self._clock()
            try:
                with profile:
                    callback(*args, **kwargs)
            finally:
                self.seconds[place] += self._clock() - start
                self.calls[place] += 1
                self._busy = False

        return measured

    def _counted(self, entered: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(entered)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.entries[self.phase] += 1
            return entered(*args, **kwargs)

        return counted


@dataclass(frozen=True)
class Attribution:
    """All rounds: how long runs took, and what was heard in the clocked and the profiled ones."""

    rounds: list[dict[str, Timing]]
    clocked: list[Recorder]
    profiled: list[Recorder]


def attribute(setting: Setting, rounds: int) -> Attribution:
    """Run one training bare, clocked and profiled in turn."""
    heard: dict[str, list[Recorder]] = {CLOCKED: [], PROFILED: []}
    arms = [BARE, *(Arm(name, _listening(heard[name], setting, name)) for name in heard)]
    runs = list(in_turn(setting, arms, rounds, apart=False))
    # The first recorder of each is that of the run that warms up.
    return Attribution(runs, heard[CLOCKED][1:], heard[PROFILED][1:])


def _listening(
    heard: list[Recorder], setting: Setting, name: str
) -> Callable[[Job, Path], contextlib.AbstractContextManager[Watched]]:
    @contextlib.contextmanager
    def watch(job: Job, _folder: Path) -> Iterator[Watched]:
        recorder = Recorder(setting.clock, profiled=name == PROFILED)
        heard.append(recorder)
        with recorder.listening(), Inspector(job.models):
            recorder.stepped()
            yield Watched(recorder.stepped)
            recorder.phase = LEAVE

    return watch


def attribution_tables(found: Attribution, *, markdown: bool) -> list[Table]:
    """Return one table of callbacks and, for each phase, one of functions."""
    style = box.MARKDOWN if markdown else box.SIMPLE_HEAD
    lengths = {name: len(_steps(found)[span]) for name, span in SPANS.items()}
    phases = {ENTER: 1, **{name: count for name, count in lengths.items() if count}, LEAVE: 1}
    functions = (_functions(found, phase, count, style) for phase, count in phases.items())
    return [_callbacks(found, phases, style), *functions]


def _steps(found: Attribution) -> np.ndarray:
    return found.rounds[0][BARE.name].steps


def _callbacks(found: Attribution, phases: Mapping[str, int], style: box.Box) -> Table:
    """Return µs per step of each callback, what watching cost in all, and what is not explained."""
    drawn = Table(box=style, title="µs per step (in brackets: calls per step)")
    drawn.add_column("callback", no_wrap=True)
    for phase in phases:
        drawn.add_column(phase, justify="right", no_wrap=True)
    names = dict.fromkeys(name for one in found.clocked for _, name in one.seconds)
    for name in names:
        cells = (_heard(found, phase, name, count) for phase, count in phases.items())
        drawn.add_row(name, *cells)
    sums = {
        phase: _median([_total(one, phase) for one in found.clocked], count)
        for phase, count in phases.items()
    }
    extra = {phase: _extra(found, phase) for phase in phases}
    rest = {phase: extra[phase] - sums[phase] for phase in phases}
    entries = (_median([one.entries[p] / 1e6 for one in found.profiled], phases[p]) for p in phases)
    drawn.add_section()
    drawn.add_row("all callbacks", *(f"{value:.0f}" for value in sums.values()))
    drawn.add_row("watched − bare", *(f"{value:.0f}" for value in extra.values()))
    drawn.add_row("rest: mode, hooks, memory", *(f"{value:.0f}" for value in rest.values()))
    drawn.add_row("entries of the mode", *(f"({value:.1f})" for value in entries))
    return drawn


def _heard(found: Attribution, phase: str, name: str, count: int) -> str:
    calls = _median([one.calls[phase, name] / 1e6 for one in found.clocked], count)
    if not calls:
        return ""
    return (
        f"{_median([one.seconds[phase, name] for one in found.clocked], count):.0f} ({calls:.1f})"
    )


def _total(recorder: Recorder, phase: str) -> float:
    return sum(seconds for (at, _), seconds in recorder.seconds.items() if at == phase)


def _median(seconds: list[float], count: int) -> float:
    return 1e6 * float(np.median(seconds)) / count


def _extra(found: Attribution, phase: str) -> float:
    """Return how many µs per step the clocked runs took longer than the bare ones."""
    pairs = [(runs[CLOCKED], runs[BARE.name]) for runs in found.rounds]
    if phase in (ENTER, LEAVE):
        name = "enter" if phase == ENTER else "leave"
        return _median([getattr(run, name) - getattr(bare, name) for run, bare in pairs], 1)
    span = SPANS[phase]
    return _median([float((run.steps - bare.steps)[span].mean()) for run, bare in pairs], 1)


def _functions(found: Attribution, phase: str, count: int, style: box.Box) -> Table:
    """Return the functions that took most time of their own, what they call in C included."""
    drawn = Table(box=style, title=f"{phase}: µs per step, under the profiler")
    drawn.add_column("function", no_wrap=True)
    for name in ("own", "with callees", "calls"):
        drawn.add_column(name, justify="right")
    profiles = [one.profiles[phase] for one in found.profiled if phase in one.profiles]
    if not profiles:
        return drawn
    # typeshed does not know the dictionary that pstats is about
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(*profiles).stats  # type: ignore[attr-defined]
    scale = count * len(profiles)
    busiest = sorted(stats.items(), key=lambda item: item[1][2], reverse=True)
    for (file, line, function), (_, calls, own, cumulative, _) in busiest[:MOST_FUNCTIONS]:
        where = f"{function} ({Path(file).parent.name}/{Path(file).name}:{line})"
        times = (f"{1e6 * seconds / scale:.1f}" for seconds in (own, cumulative))
        drawn.add_row(where, *times, f"{calls / scale:.1f}")
    return drawn
