"""Reports: one diagnosis as a page, as text, as JSON. What draws is imported when it is needed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from collapse_doctor.atomic import write_whole
from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Diagnosis

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["RENDERERS", "save", "to_html", "to_json", "to_notebook", "to_terminal", "to_text"]

TEXT_WIDTH = 100


def to_html(diagnosis: Diagnosis, *, created: str | None = None) -> str:
    """Return one self-contained HTML page; equal diagnoses give equal bytes unless ``created``."""
    from collapse_doctor.reports.html import page

    return page(diagnosis, created=created)


def to_notebook(diagnosis: Diagnosis) -> str:
    """Return a small static piece of HTML, for ``_repr_html_``."""
    from collapse_doctor.reports.html import fragment

    return fragment(diagnosis)


def to_json(diagnosis: Diagnosis) -> str:
    """Return one JSON document with a ``schema_version``; it never holds NaN."""
    from collapse_doctor.reports.json_document import dumps

    return dumps(diagnosis)


def to_terminal(diagnosis: Diagnosis, console: Console) -> None:
    """Print the diagnosis on ``console``, which decides on width and colour."""
    from collapse_doctor.reports.terminal import render

    render(diagnosis, console)


def to_text(diagnosis: Diagnosis) -> str:
    """Return what the terminal shows, without colour and 100 columns wide."""
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(file=buffer, width=TEXT_WIDTH, no_color=True, force_terminal=False)
    to_terminal(diagnosis, console)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


RENDERERS: Mapping[str, Callable[[Diagnosis], str]] = {
    ".html": to_html,
    ".json": to_json,
    ".txt": to_text,
}


def save(diagnosis: Diagnosis, path: str | os.PathLike[str]) -> Path:
    """Write a report; the suffix of ``path`` decides which: one of ``RENDERERS``.

    The report is complete before the file appears: an error leaves neither half a file nor a
    damaged older one.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    UsageError
        If the suffix is unknown or the file cannot be written.
    """
    target = Path(path).expanduser()
    renderer = RENDERERS.get(target.suffix.lower())
    if renderer is None:
        known = ", ".join(RENDERERS)
        raise UsageError(
            f"a report file ending in one of {known}",
            f"{target.suffix!r}" if target.suffix else "no suffix",
            where=str(target),
            remedy=f"name it for example {target.stem or 'report'}.html",
        )
    _write(target, renderer(diagnosis))
    return target


def _write(target: Path, text: str) -> None:
    try:
        write_whole(target, text.encode())
    except OSError as error:
        raise UsageError(
            "a folder that can be written to",
            f"{error.strerror or error} ({type(error).__name__})",
            where=str(target),
            remedy="choose another place for the report",
        ) from error
