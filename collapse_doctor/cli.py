"""The command line: what a person or a CI job types, and the exit code it gets.

Exit codes: 0 done, whatever was found; 1 only with ``--fail-on``, something at or above it was
found; 2 usage, unreadable input or a fault of our own, with one line on stderr; 130 interrupted.

Everything heavy is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collapse_doctor import console
from collapse_doctor.errors import InputError, RecordingError
from collapse_doctor.version import __version__

if TYPE_CHECKING:
    from collapse_doctor.cases import Case
    from collapse_doctor.findings import Diagnosis

__all__ = ["main", "program"]

STDOUT = Path("-")
MIN_WIDTH, DEFAULT_WIDTH = 20, 80
LIST_WIDTH, MOST_NAME = 100, 30
FAMILY_TITLES = {
    "aliasing": "the two things that are compared are one thing",
    "wiring": "the loss or its gradient is not what its author thinks",
    "collapse": "the embedding loses its dimensions",
    "numerics": "numbers overflow, vanish or run out of digits",
    "inputs": "what enters the model cannot teach it",
    "systems": "whole systems, each with the sickness it is known for",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    Parameters
    ----------
    arguments
        What follows the program's name; ``sys.argv[1:]`` if None.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> int | None:
        with program.make_context(console.PROGRAM, list(given)) as context:
            code: int | None = program.invoke(context)
        return code

    return console.exit_code_of(run, debug="--debug" in given)


def _codes(_context: click.Context, option: click.Parameter, given: Sequence[str]) -> list[str]:
    """Take lists with commas, options given several times, or both."""
    codes = [code.strip() for text in given for code in text.split(",") if code.strip()]
    if given and not codes and option.name == "select":  # else nothing would select everything
        raise click.BadParameter("expected codes or names of rules, got none.")
    return codes


def _named(*suffixes: str) -> Callable[..., Path | None]:
    """Check an output before the work is done, lest a slip overwrite the input."""

    def check(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
        if path is None or path == STDOUT:
            return path
        if path.suffix.lower() not in suffixes:
            raise click.BadParameter(f"expected a name in {' or '.join(suffixes)}, got '{path}'.")
        if not path.parent.is_dir():
            raise click.BadParameter(f"expected a folder that exists, got '{path.parent}'.")
        return path

    return check


_html = click.option(
    "--html",
    metavar="FILE|-",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    callback=_named(".html", ".htm"),
    help="Write the report: one page, complete in itself; - for stdout.",
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="No progress or messages on stderr.")
_debug = click.option(  # main reads it, for all commands alike
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name=console.PROGRAM)
@click.pass_context
def program(context: click.Context) -> None:
    """Find out why embeddings are useless."""
    if context.invoked_subcommand is None:
        console.write(context.get_help())


@program.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--labels", metavar="FILE|COLUMN", help="Labels: a file, or a key of PATH.")
@click.option("--key", metavar="NAME", help="The tensor to read, where PATH holds several.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda.")
@_html
@click.option(
    "--json",
    metavar="FILE|-",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    callback=_named(".json"),
    help="Write the diagnosis as JSON; - for stdout.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "warning", "error"]),
    default="never",
    show_default=True,
    help="Exit with 1 if something as bad is found.",
)
@click.option("--select", metavar="CODES", multiple=True, callback=_codes, help="Only these.")
@click.option("--ignore", metavar="CODES", multiple=True, callback=_codes, help="All but these.")
@_quiet
@_debug
def analyze(
    paths: tuple[str, ...],
    labels: str | None,
    key: str | None,
    device: str,
    html: Path | None,
    json: Path | None,
    fail_on: str,
    select: list[str],
    ignore: list[str],
    quiet: bool,
) -> int:
    """Diagnose embeddings in a file, or a recorded training.

    PATH is a .pt, .safetensors, .npy, .npz, .parquet or .csv file, a folder of such files or the
    folder of a recording. CODES are codes, their beginnings or names, joined by commas:
    CD101,CD3,narrow-cone. Large files are read once, in pieces; several processes share the
    work: torchrun --nproc-per-node 2 -m collapse_doctor analyze PATH.
    """
    if html is not None and len(paths) > 1:
        raise click.UsageError(f"--html takes one PATH, got {len(paths)}.")
    if html == json == STDOUT:
        raise click.UsageError("expected one of --html and --json on stdout, got both.")
    from collapse_doctor.api import analyze_share
    from collapse_doctor.together import processes

    diagnoses: list[Diagnosis] = []
    unreadable: list[Exception] = []
    with processes() as place:
        quiet = quiet or not place.is_first
        for path in paths:
            console.note(f"Reading {path}", quiet=quiet)
            try:
                with console.counting(quiet=quiet) as told:
                    diagnosis = analyze_share(
                        path,
                        labels=labels,
                        key=key,
                        select=select,
                        ignore=ignore,
                        device=device,
                        place=place,
                        told=told,
                    )
            except (InputError, RecordingError) as error:
                unreadable.append(error)  # and read the others
                continue
            if diagnosis is not None:
                diagnoses.append(diagnosis)
                if STDOUT not in (html, json):
                    _show(diagnosis)
    if not place.is_first:
        return 0
    if unreadable:
        raise ExceptionGroup("not every path could be read", unreadable)
    _save(diagnoses, html=html, json=json, quiet=quiet)
    return int(any(_fails(diagnosis, fail_on) for diagnosis in diagnoses))


def _show(diagnosis: Diagnosis) -> None:
    """Print the diagnosis, in colour only on a terminal and without NO_COLOR: rich sees to it."""
    from rich.console import Console

    from collapse_doctor.reports import to_terminal

    screen = Console(file=sys.stdout)
    if screen.width < MIN_WIDTH:  # COLUMNS=0 comes from programs that have no screen
        screen.width = DEFAULT_WIDTH
    with screen.capture() as capture:
        to_terminal(diagnosis, screen)
    console.write(capture.get())


def _save(
    diagnoses: Sequence[Diagnosis], *, html: Path | None, json: Path | None, quiet: bool
) -> None:
    """Render everything first, then write: a report that fails leaves no other one behind."""
    from collapse_doctor.atomic import write_whole
    from collapse_doctor.reports import RENDERERS

    texts: list[tuple[Path, str]] = []
    if html is not None:
        texts.append((html, RENDERERS[".html"](diagnoses[0])))
    if json is not None:
        documents = [RENDERERS[".json"](diagnosis).strip() for diagnosis in diagnoses]
        several = f"[{','.join(documents)}]"
        texts.append((json, documents[0] if len(documents) == 1 else several))
    for path, text in texts:
        if path == STDOUT:
            console.write(text)
        else:
            write_whole(path, text.encode())
            console.note(f"Report: {path} ({path.stat().st_size // 1000 + 1} kB)", quiet=quiet)


def _fails(diagnosis: Diagnosis, fail_on: str) -> bool:
    from collapse_doctor.findings import Severity

    if fail_on == "never":
        return False
    return any(f.severity.rank >= Severity(fail_on).rank for f in diagnosis.findings)


@program.command()
@click.argument("case", required=False)
@click.option("--cured", is_flag=True, help="Train with the cure.")
@_html
@_quiet
@_debug
def demo(case: str | None, cured: bool, html: Path | None, quiet: bool) -> None:
    """Watch a small real training that goes wrong, and report on it.

    Without CASE all cases are listed. The report is written to collapse-doctor-CASE.html here,
    unless --html says otherwise.
    """
    from collapse_doctor.cases import CASES, find_case

    if case is None:
        console.write(_listed(CASES))
        return
    chosen = find_case(case)
    doing = "the cure of the case" if cured else "the case"
    console.note(f"Training {doing} {chosen.name}: {chosen.title}", quiet=quiet)
    diagnosis = chosen.run(cured=cured)
    if html != STDOUT:
        _show(diagnosis)
    page = html or Path(f"{console.PROGRAM}-{chosen.name}{'-cured' if cured else ''}.html")
    _save([diagnosis], html=page, json=None, quiet=quiet)


def _listed(cases: Sequence[Case]) -> str:
    """Return all cases under the headings of their families, one line each where it fits."""
    width = min(MOST_NAME, max(len(each.name) for each in cases))
    families = dict.fromkeys(each.family for each in cases)
    parts = []
    for family in families:
        lines = [_line(each, width) for each in cases if each.family == family]
        parts.append("\n".join([f"{family}: {FAMILY_TITLES.get(family, '')}".rstrip(": "), *lines]))
    return "\n\n".join(parts)


def _line(case: Case, width: int) -> str:
    """Return the name and title of a case; what does not fit goes on below, indented alike."""
    gap = " " * (width + 4)
    lines = textwrap.wrap(case.title, LIST_WIDTH - len(gap)) or [""]
    if len(case.name) > width:
        return "\n".join([f"  {case.name}", *(gap + line for line in lines)])
    return f"  {case.name:<{width}}  " + f"\n{gap}".join(lines)


@program.command()
@click.argument("rule", metavar="CODE|NAME", required=False)
@click.option("--all", "every", is_flag=True, help="The pages of all rules.")
@_debug
def explain(rule: str | None, every: bool) -> None:
    """Print the page of a rule: what it finds, why, what to do, what follows from it."""
    if every == (rule is not None):
        raise click.UsageError("expected a code or name such as CD101, or --all.")
    from collapse_doctor.causes.pages import page
    from collapse_doctor.rules.catalogue import RULES, find

    chosen = RULES if rule is None else (find(rule),)
    console.write("\n\n\n".join(map(page, chosen)))


@program.command()
@_debug
def rules() -> None:
    """List all rules: code, severity, name and what each finds."""
    from collapse_doctor.rules.catalogue import RULES

    width = max(len(rule.name) for rule in RULES)
    for rule in RULES:
        summary = rule.title.partition(": ")[2]
        console.write(f"{rule.code}  {rule.severity:<7}  {rule.name:<{width}}  {summary}")
