"""The benchmarks run and say what they should; what they measure decides no test."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from benchmarks import counts, overhead
from benchmarks.arms import ARMS, BARE, WATCHED, Arm, Watched, installed
from benchmarks.counts import count
from benchmarks.standing import StandingClock
from benchmarks.tables import Cell, table
from benchmarks.timing import Setting, Timing
from benchmarks.trainings import TRAININGS, Job
from benchmarks.turns import TURN, turn_by_turn

QUICK = ["--quick", "--steps", "5", "--models", "mlp", "--width", "16"]


def run(*options: str) -> Result:
    return CliRunner().invoke(overhead.main, [*QUICK, *options], catch_exceptions=False)


def cells(output: str) -> dict[str, list[str]]:
    """Return the rows of a Markdown table by their first cell."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_a_quick_run_prints_a_row_for_each_arm() -> None:
    result = run("--markdown")
    assert result.exit_code == 0
    found = cells(result.output)
    for arm in ARMS:
        if installed(arm):
            assert len(found[arm.name]) == len(found["arm"]) == 9
        else:
            assert f"Not run: {arm.name}" in result.output
    assert all(float(value) > 0 for value in found["watched"][:-1])
    assert "in all arms of each round: bit-identical." in result.output


def test_an_arm_that_trains_other_parameters_ends_the_program_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextlib.contextmanager
    def meddle(job: Job, _folder: Path) -> Iterator[Watched]:
        job.optimizer.param_groups[0]["lr"] *= 1.001
        yield Watched(lambda _loss: None)

    monkeypatch.setattr(overhead, "ARMS", (BARE, Arm("meddling", meddle)))
    result = run()
    assert result.exit_code == 1
    assert "in all arms of each round: NOT identical." in result.output


def test_a_profile_names_the_callbacks_and_the_phases() -> None:
    result = run("--profile", "--markdown")
    assert result.exit_code == 0
    found = cells(result.output)
    phases = found["callback"]
    assert phases == ["entering", "step 0", "steps 1–8", "leaving"]
    assert re.fullmatch(r"\d+ \(2\.0\)", found["Listener.on_model"][phases.index("steps 1–8")])
    assert "under the profiler" in result.output


def timing(*milliseconds: float, digest: str = "") -> Timing:
    return Timing(0.001, np.array(milliseconds) / 1e3, 0.002, digest)


def watched_row(rounds: list[dict[str, Timing]]) -> dict[str, str]:
    drawn = table(Cell(rounds), markdown=False)
    return {str(column.header): str(list(column.cells)[1]) for column in drawn.columns}


def test_ratios_are_medians_over_rounds_of_ratios_to_the_bare_run() -> None:
    bare = timing(50, *[10.0] * 8, *[20.0] * 200)
    rounds = [
        {"bare": bare, "watched": timing(70, *[15.0] * 8, *[20.0 * factor] * 200)}
        for factor in (1.0, 1.1, 1.5)
    ]
    row = watched_row(rounds)
    assert row["steps 1–8"] == "1.500 [1.500–1.500]"
    assert row["steps 100…"] == "1.100 [1.000–1.500]"
    assert row["training only"] == "1.111 [1.015–1.499]"  # (70 + 120 + 4400) / (50 + 80 + 4000)
    assert row["enter (ms)"] == "1.0"


def test_the_quietest_training_takes_each_step_from_the_round_that_was_quickest_at_it() -> None:
    bare = timing(10, 10)
    row = watched_row([{"bare": bare, "watched": timing(*steps)} for steps in ((11, 40), (40, 13))])
    assert row["quietest"] == "1.200"
    assert row["training only"] == "2.600 [2.550–2.650]"


@pytest.mark.parametrize(("digest", "identical"), [("a", True), ("b", False)])
def test_one_arm_with_other_parameters_is_seen(digest: str, identical: bool) -> None:
    same = {name: timing(1.0, digest="a") for name in ("bare", "watched")}
    odd = same | {"watched": dataclasses.replace(same["watched"], digest=digest)}
    assert Cell([same, odd]).identical is identical


def test_runs_that_take_turns_train_the_same_and_time_every_step() -> None:
    setting = Setting(TRAININGS["mlp"], 16, TURN + 5, torch.device("cpu"))
    runs = turn_by_turn(setting, [BARE, WATCHED], seed=0, threads=1)
    assert list(runs) == [BARE.name, WATCHED.name]
    assert runs[BARE.name].digest == runs[WATCHED.name].digest
    assert [len(run.steps) for run in runs.values()] == [TURN + 5] * 2
    assert all((run.steps > 0).all() for run in runs.values())


def test_a_run_that_stops_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    setting = Setting(TRAININGS["mlp"], 16, 12, torch.device("cpu"))
    with pytest.raises(RuntimeError, match="stopped before its end"):
        turn_by_turn(setting, [Arm("broken", fails)], seed=0, threads=1)
    assert "no such arm" in capfd.readouterr().err


def fails(_job: Job, _folder: Path) -> contextlib.AbstractContextManager[Watched]:
    raise LookupError("no such arm")


def test_the_clock_stands_still_while_it_waits() -> None:
    clock = StandingClock()
    before = clock()
    with clock.standing():
        time.sleep(0.2)
    assert clock() - before < 0.2


def test_counts_of_a_look_do_not_depend_on_the_run() -> None:
    count("mlp", 4)  # what reads source does so once in a process
    first, second = count("mlp", 4), count("mlp", 4)
    for step in range(1, 4):
        assert first.total(step) == pytest.approx(second.total(step), rel=0.01)


@pytest.mark.parametrize(
    ("name", "look", "rest"), [("mlp", 8_000, 72), ("transformer", 18_000, 112)]
)
def test_a_look_and_a_rest_make_no_more_calls_than_they_did(
    name: str, look: int, rest: int
) -> None:
    """Loose: whoever adds a fifth to the cost of a look is to know it."""
    found = count(name, 42)
    totals = [found.total(step) for step in range(42)]
    assert max(totals[1:9]) < look
    assert min(totals[9:]) < rest
    assert found.total("leaving") < 1_200


def test_what_is_counted_is_printed() -> None:
    result = CliRunner().invoke(counts.main, ["--steps", "16", "--files"], catch_exceptions=False)
    assert "later steps that are looked at:" in result.output
    assert "inspector/mode.py" in result.output


def test_a_phase_that_was_not_counted_is_refused() -> None:
    result = CliRunner().invoke(counts.main, ["--steps", "9", "--step", "12"])
    assert result.exit_code == 2
    assert "expected a step from 0 to 8, entering, leaving or rest, got '12'" in result.output
