"""How often the doctor finds what is wrong with a program, and how often it cries wolf.

Run ``python -m benchmarks.accuracy`` from the root of the repository; README.md beside this file
says what the columns mean and how a program is written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import click
import msgspec
from rich.console import Console

from benchmarks.autopsies import is_installed
from benchmarks.collection import PROGRAMS, collect
from benchmarks.examining import TIME_LIMIT, Outcome, autopsied, examine_all
from benchmarks.peers import judged
from benchmarks.scoreboard import (
    cure_rate,
    disagreements,
    innocent_table,
    peer_table,
    sick_table,
)
from benchmarks.scoring import Innocents, Judgement, grouped, judge

__all__ = ["main"]

WIDE = 250
"""Columns of what is not a terminal: no line is cut."""


@click.command()
@click.option("--programs", default="*", help="Run those whose folder/name matches this pattern.")
@click.option("--seeds", default=1, show_default=True, help="Runs of each program.")
@click.option("--jobs", default=2, show_default=True, help="Runs beside each other.")
@click.option("--limit", default=TIME_LIMIT, show_default=True, help="Seconds a run may take.")
@click.option(
    "--held-out",
    multiple=True,
    metavar="PATTERN",
    help="Count matching programs apart: the ones no bound was chosen on.",
)
@click.option("--torchmortem", is_flag=True, help="Run it on the programs, too, if installed.")
@click.option("--markdown", is_flag=True, help="Print tables for RESULTS.md.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write all outcomes, too.")
@click.option("--root", default=PROGRAMS, type=click.Path(path_type=Path), help="The collection.")
def main(
    programs: str,
    seeds: int,
    jobs: int,
    limit: float,
    held_out: Sequence[str],
    torchmortem: bool,
    markdown: bool,
    file: Path | None,
    root: Path,
) -> None:
    """Run programs with known faults, and programs without, and count what is said of them."""
    chosen = collect(root, programs)
    if not chosen:
        raise click.BadParameter(f"no program matches {programs!r}", param_hint="--programs")
    if torchmortem and not is_installed():
        raise click.UsageError("expected torchmortem to be installed: pip install torchmortem")
    outcomes = []
    for outcome in examine_all(chosen, seeds, jobs, limit):
        outcomes.append(outcome)
        _progress(len(outcomes), len(chosen) * seeds, outcome)
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes, enc_hook=str)))
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False)
    apart = [o for o in outcomes if any(fnmatch(o.program.name, each) for each in held_out)]
    _show([o for o in outcomes if o not in apart], console, "", markdown=markdown)
    _show(apart, console, " held out", markdown=markdown)
    beside = list(examine_all(chosen, seeds, jobs, limit, autopsied)) if torchmortem else []
    _show_peers(outcomes, beside, console, markdown=markdown)
    if any(outcome.failure for outcome in outcomes):
        sys.exit(1)


def _show(outcomes: list[Outcome], console: Console, which: str, *, markdown: bool) -> None:
    """Print the tables of one part of the collection, and what went wrong in it."""
    judgements = [each for o in outcomes if o.program.expected for each in judge(o)]
    innocents = [outcome for outcome in outcomes if not outcome.program.expected]
    if judgements:
        console.print(f"\nPrograms with a fault{which}, by what should be found:\n")
        console.print(sick_table(grouped(judgements, _code), by="code", markdown=markdown))
        console.print(f"\nPrograms with a fault{which}, by how they are written:\n")
        console.print(sick_table(grouped(judgements, _folder), by="folder", markdown=markdown))
    if innocents:
        folders = sorted({outcome.program.folder for outcome in innocents})
        groups = {f: Innocents([o for o in innocents if o.program.folder == f]) for f in folders}
        console.print(f"\nPrograms without fault{which}:\n")
        console.print(innocent_table(groups, markdown=markdown))
    for line in disagreements(outcomes):
        console.print(f"- {line}" if markdown else line)


def _show_peers(
    outcomes: list[Outcome], beside: list[Outcome], console: Console, *, markdown: bool
) -> None:
    """Print what people look at today, on the same programs, and how often advice cured."""
    peers = []
    for runs in (outcomes, beside):
        sick = [o.readings for o in runs if o.program.expected]
        peers += judged(sick, [o.readings for o in runs if not o.program.expected])
    if peers and all(peer.sick and peer.healthy for peer in peers):
        console.print("\nWhat people look at today, at the threshold that is best for it here:\n")
        console.print(peer_table(peers, markdown=markdown))
    cured, of = cure_rate(outcomes)
    if of:
        console.print(f"\nCured by the advice: {cured} of {of} runs of cases with their cure.\n")


def _code(judgement: Judgement) -> str:
    return judgement.code


def _folder(judgement: Judgement) -> str:
    return judgement.outcome.program.folder


def _progress(done: int, of: int, outcome: Outcome) -> None:
    codes = ", ".join(said.code for said in outcome.findings if said.alarming) or "silence"
    text = outcome.failure or codes
    click.echo(f"{done}/{of} {outcome.program.name} {outcome.seconds:.1f} s: {text}", err=True)


if __name__ == "__main__":
    main()
