"""The tables of the accuracy benchmark, and the list of what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from rich import box
from rich.table import Table

from benchmarks.examining import Outcome
from benchmarks.peers import Peer
from benchmarks.scoring import Innocents, Score, judge

__all__ = ["cure_rate", "disagreements", "innocent_table", "peer_table", "sick_table"]

SHARES = {
    "detected": "detected",
    "in time": "in_time",
    "first": "first",
    "right line": "right_line",
    "fault named": "names_fault",
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


def peer_table(peers: Iterable[Peer], *, markdown: bool) -> Table:
    """Return one row for each peer, and how it does at the threshold that is best for it here."""
    drawn = _empty(markdown, "what is looked at", "threshold", "detected", "false alarms")
    for peer in peers:
        counts = f"{peer.detected}/{peer.sick}", f"{peer.alarms}/{peer.healthy}"
        drawn.add_row(peer.name, f"{peer.threshold:.3g}", *counts)
    return drawn


def cure_rate(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """Return in how many runs of cured cases nothing above info was found, and how many ran."""
    runs = [outcome for outcome in outcomes if outcome.program.cured]
    ill = [outcome for outcome in runs if outcome.failure or Innocents([outcome]).accused]
    return len(runs) - len(ill), len(runs)


def disagreements(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield a line for each miss, each false alarm and each time the doctor fell ill itself."""
    for outcome in outcomes:
        run = f"{outcome.program.name} (seed {outcome.seed})"
        expected = outcome.program.expected
        missed = [each.code for each in judge(outcome) if not each.detected] if expected else []
        for code in missed:
            yield f"{run}: expected {code}, {_heard(outcome)}{_skipped(outcome, code)}"
        if not expected and (outcome.failure or Innocents([outcome]).accused):
            yield f"{run}: expected silence, {_heard(outcome)}"
        yield from (f"{run}: {caution}" for caution in outcome.cautions)


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


def _heard(outcome: Outcome) -> str:
    if outcome.failure:
        return f"failed: {outcome.failure}"
    said = [f"{each.code} at step {each.step}" for each in outcome.findings if each.alarming]
    return "got " + (", ".join(said) or "silence")


def _skipped(outcome: Outcome, code: str) -> str:
    reason = dict(outcome.skipped).get(code)
    return f"; not examined: {reason}" if reason else ""
