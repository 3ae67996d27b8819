"""Running one program under its Inspector, in a process of its own, and what was said of it."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import random
import runpy
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext

import numpy as np
import torch

from benchmarks.autopsies import Autopsied, install
from benchmarks.collection import Program
from benchmarks.peers import readings
from collapse_doctor.cases import find_case
from collapse_doctor.findings import Diagnosis, Where
from collapse_doctor.reports.notices import cautions

__all__ = [
    "TIME_LIMIT",
    "Outcome",
    "Said",
    "autopsied",
    "examine",
    "examine_all",
    "examine_apart",
]

TIME_LIMIT = 120.0
"""Seconds after which a program is ended and counts as failed."""

PRELOADED = [__name__, "benchmarks.programs.common", "collapse_doctor.api", "torch._dynamo"]
"""What every program loads in any case; the Inspector itself loads the last one."""


Examine = Callable[[Program, int], "Outcome"]
"""Runs a program with a seed, in the process it is called in."""


@dataclass(frozen=True)
class Said:
    """One finding: its code, whether it is above info, when, and the lines it names in the program.

    ``line`` is the line to change, ``related`` the others; lines of other files are left out.
    """

    code: str
    severity: str
    step: int | None
    line: int | None
    related: tuple[int, ...]
    message: str = ""

    @property
    def alarming(self) -> bool:
        """Whether it is above info."""
        return self.severity != "info"


@dataclass(frozen=True)
class Outcome:
    """What came of one run. ``failure`` is empty unless the program did not run to its end.

    ``primary`` is the code of the root cause; ``skipped`` has the reason of each rule that was
    not examined; ``cautions`` say that the Inspector or a rule broke or saw nothing; ``warned`` are
    the warnings that the run gave, each once; ``readings`` are of the peers (see ``peers``).
    """

    program: Program
    seed: int
    findings: tuple[Said, ...] = ()
    primary: str | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    cautions: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    seconds: float = 0.0
    failure: str = ""
    readings: Mapping[str, float] = field(default_factory=dict)


def examine_all(
    programs: Iterable[Program],
    seeds: int,
    jobs: int,
    limit: float = TIME_LIMIT,
    how: Examine | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of every program with every seed, in their order."""
    runs = [(program, seed) for program in programs for seed in range(seeds)]
    with ThreadPoolExecutor(jobs) as threads:  # each waits for a process
        yield from threads.map(lambda run: examine_apart(run[0], run[1], limit, how), runs)


def examine_apart(
    program: Program, seed: int, limit: float = TIME_LIMIT, how: Examine | None = None
) -> Outcome:
    """Run a program in a fresh process; a crash and an overrun are outcomes, too.

    ``how`` it is run and judged there is :func:`examine`, or :func:`autopsied`.
    """
    fresh = _fresh()
    mine, theirs = fresh.Pipe(duplex=False)
    process = fresh.Process(target=_send, args=(theirs, program, seed, how or examine))
    failed = partial(Outcome, program, seed)
    process.start()
    theirs.close()  # or the end of the process would not close the pipe
    try:
        if not mine.poll(limit):
            return failed(failure=f"still running after {limit:g} s")
        outcome: Outcome = mine.recv()
        return outcome
    except EOFError:
        process.join()
        return failed(failure=f"the process ended with exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()
        mine.close()


def _fresh() -> ForkServerContext | SpawnContext:
    """Return how to start a process in which nothing has run.

    Where there is a fork server it has done the imports, which take longer than most programs.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    return server


def _send(pipe: Connection, program: Program, seed: int, how: Examine) -> None:
    """Run in the fresh process, one thread to each: several run beside each other."""
    torch.set_num_threads(1)
    pipe.send(how(program, seed))


def examine(program: Program, seed: int) -> Outcome:
    """Run a program here, and return what its diagnosis says."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    began = time.perf_counter()
    outcome = Outcome(program, seed)
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            outcome = _told(outcome, _run(program, seed))
        except (Exception, SystemExit) as error:
            outcome = replace(outcome, failure=_last_line(error))
    texts = dict.fromkeys(f"{each.category.__name__}: {each.message}" for each in warned)
    return replace(outcome, warned=tuple(texts), seconds=time.perf_counter() - began)


def _run(program: Program, seed: int) -> Diagnosis:
    if program.case:
        return find_case(program.case).run(seed=seed, cured=program.cured)
    diagnosis: Diagnosis = runpy.run_path(str(program.path), run_name="__main__")["diagnosis"]
    return diagnosis


def autopsied(program: Program, seed: int) -> Outcome:
    """Run a program with torchmortem in the Inspector's place, and return its readings alone."""
    install()
    outcome = examine(program, seed)
    # What it returns is no diagnosis, which is where the run ends.
    if not Autopsied.found:
        return outcome
    return replace(outcome, failure="", readings=Autopsied.found)


def _told(outcome: Outcome, diagnosis: Diagnosis) -> Outcome:
    primary = diagnosis.primary
    return replace(
        outcome,
        findings=tuple(
            Said(
                finding.code,
                finding.severity.value,
                finding.where.step,
                next(_lines([finding.where], outcome.program), None),
                tuple(_lines(finding.related, outcome.program)),
                finding.message,
            )
            for finding in diagnosis.findings
        ),
        primary=primary.code if primary is not None else None,
        skipped=tuple((skipped.code, skipped.reason) for skipped in diagnosis.skipped),
        cautions=(*cautions(diagnosis), *_broken(diagnosis)),
        readings=readings(diagnosis),
    )


def _broken(diagnosis: Diagnosis) -> Iterator[str]:
    for skipped in diagnosis.skipped:
        if skipped.reason.startswith("the rule failed"):
            yield f"{skipped.code}: {skipped.reason}"


def _lines(places: Iterable[Where], program: Program) -> Iterator[int]:
    """Yield the lines that lie in the program; its file may be given by the end of its path."""
    for place in places:
        if place.line is not None and place.file is not None and program.path.match(place.file):
            yield place.line


def _last_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
