"""How the program speaks: results to stdout, all else to stderr, an error in one line.

An exit code of 1 must mean *found something* and never *crashed*, although Python uses 1 for a
crash: whoever runs a command runs it through :func:`exit_code_of`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import click

from collapse_doctor.errors import CollapseDoctorError

__all__ = [
    "FAULT",
    "INTERRUPTED",
    "PROGRAM",
    "complain",
    "counting",
    "exit_code_of",
    "note",
    "write",
]

PROGRAM = "collapse-doctor"
FAULT = 2  # usage, unreadable input or a fault of our own
INTERRUPTED = 130  # what a shell reports for a program stopped by Ctrl-C


def exit_code_of(run: Callable[[], int | None], *, debug: bool) -> int:
    """Run a command and return its exit code; whatever it raises becomes a line and a code.

    Parameters
    ----------
    run
        The command; returns its exit code, or None for 0.
    debug
        Also print the traceback of what was raised.
    """
    for stream in (sys.stdout, sys.stderr):  # print ? for what the encoding lacks, don't fail
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    try:
        return run() or 0
    except click.exceptions.Exit as stop:  # --help and --version end this way
        return stop.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        complain(error, debug=debug)
        return FAULT
    finally:
        _settle(sys.stdout)
        _settle(sys.stderr)


def complain(error: Exception, *, debug: bool = False) -> None:
    """Print on stderr what was expected, what came, where, and what to do, in one line.

    Of a group of errors each gets its line.
    """
    if debug:
        _say("".join(traceback.format_exception(error)).rstrip())
    for each in error.exceptions if isinstance(error, ExceptionGroup) else [error]:
        _say(_one_line(_explanation(each)))


def _explanation(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else PROGRAM
        return f"{command}: {error.format_message()} Try '{command} --help'."
    if isinstance(error, CollapseDoctorError):
        return f"{PROGRAM}: {error}"
    if isinstance(error, OSError) and error.errno is not None:
        remedy = "Check the path, its permissions and the free space."
        place = "output" if error.filename is None else error.filename
        return f"{PROGRAM}: {place}: expected access, got {error.strerror!r}. {remedy}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    fault = f"{place}: expected to finish, got {type(error).__name__}: {error}"
    remedy = "This is a fault of the program: run it again with --debug and report what it prints."
    return f"{PROGRAM}: {fault}. {remedy}"


def _one_line(message: str) -> str:
    """Return a message as one line that a screen prints as it is.

    A file's name may hold anything, also codes that move the cursor or set colours.
    """
    return "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))


def note(message: str, *, quiet: bool = False) -> None:
    """Print a line of progress, or a message, on stderr."""
    if not quiet:
        _say(_one_line(message))


@contextlib.contextmanager
def counting(*, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show how many rows were read, how fast, and how long it will take yet; on a terminal only.

    Yields what is to be told the rows just read, and how many there are in all.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _rows, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, rate="")

        def told(rows: int, total: int) -> None:
            progress.update(task, total=total, advance=rows)
            speed = progress.tasks[0].speed
            progress.update(task, rate=f"{speed:,.0f} rows/s" if speed else "")

        yield told


def _say(text: str) -> None:
    # What stderr says is advice: where it cannot be written, the exit code still tells.
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def write(text: str) -> None:
    """Print a result on stdout.

    A reader that closes the pipe has seen enough (``| head``): the command goes on without
    output, and its exit code stays that of the diagnosis.

    Raises
    ------
    OSError
        If it cannot be written for another reason, as on a full disk.
    """
    try:
        click.echo(text.rstrip("\n"), color=True)  # whoever made the text decided on colour
    except BrokenPipeError:
        _settle(sys.stdout)


def _settle(stream: TextIO | None) -> None:
    """Empty a stream's buffer, or drop it: Python flushes as it exits, and fails with a code."""
    if stream is None or stream.closed:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
