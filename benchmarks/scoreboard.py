"""The tables of the accuracy benchmark, and the list of what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from rich import box
from rich.table import Table

from benchmarks.examining import Outcome
from benchmarks.scoring import Innocents, Judgement, Score

__all__ = ["disagreements", "innocent_table", "sick_table"]

SHARES = {
    "detected": "detected",
    "in time": "in_time",
    "first": "first",
    "right line": "right_line",
    "meeting line": "names_meeting",
}
"""The columns of a score by the judgement they count."""


def sick_table(scores: Mapping[str, Score], *, by: str, markdown: bool) -> Table:
    """Return one row for each score and one for all of them together."""
    drawn = _empty(markdown, by, "programs", *SHARES, "lag", "failed")
    for name, score in scores.items():
        drawn.add_row(name, *_cells(score))
    everything = Score([each for score in scores.values() for each in score.judgements])
    drawn.add_row("all", *_cells(everything))
    return drawn


def innocent_table(groups: Mapping[str, Innocents], *, markdown: bool) -> Table:
    """Return one row for each folder of programs without fault, and one for all."""
    drawn = _empty(markdown, "folder", "programs", "runs", "false alarms", "failed", "codes")
    everything = Innocents([outcome for group in groups.values() for outcome in group.outcomes])
    for name, group in {**groups, "all": everything}.items():
        codes = ", ".join(f"{code} ×{count}" for code, count in sorted(group.alarms.items()))
        counts = (group.programs, len(group.outcomes), len(group.accused), group.failed)
        drawn.add_row(name, *map(str, counts), codes)
    return drawn


def disagreements(judgements: Iterable[Judgement], innocents: Iterable[Outcome]) -> Iterator[str]:
    """Yield a line for each run that failed, missed its fault or raised a false alarm."""
    for judgement in judgements:
        if not judgement.detected:
            yield f"{_run(judgement.outcome)}: expected {judgement.code}, {_got(judgement)}"
    for outcome in innocents:
        if outcome.failure or Innocents([outcome]).accused:
            yield f"{_run(outcome)}: expected silence, {_heard(outcome)}"


def _empty(markdown: bool, first: str, *others: str) -> Table:
    drawn = Table(box=box.MARKDOWN if markdown else box.SIMPLE_HEAD)
    drawn.add_column(first, no_wrap=True)
    for name in others:
        drawn.add_column(name, justify="left" if name == "codes" else "right", no_wrap=True)
    return drawn


def _cells(score: Score) -> list[str]:
    shares = ("{}/{}".format(*score.share(what)) for what in SHARES.values())
    return [str(score.programs), *shares, _spread(score.lags), str(score.failed)]


def _spread(lags: list[int]) -> str:
    if not lags:
        return ""
    middle = f"{median(lags):g}"
    return middle if lags[0] == lags[-1] else f"{middle} [{lags[0]}–{lags[-1]}]"


def _run(outcome: Outcome) -> str:
    return f"{outcome.program.name} (seed {outcome.seed})"


def _got(judgement: Judgement) -> str:
    reasons = dict(judgement.outcome.skipped)
    skipped = reasons.get(judgement.code)
    return _heard(judgement.outcome) + (f"; not examined: {skipped}" if skipped else "")


def _heard(outcome: Outcome) -> str:
    if outcome.failure:
        return f"failed: {outcome.failure}"
    said = [f"{each.code} at step {each.step}" for each in outcome.findings if each.alarming]
    return "got " + (", ".join(said) or "silence")
