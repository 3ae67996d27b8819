"""The public face: what users call. Each call runs the stages below it in their one order."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions
from rich.text import Text
from torch import nn

from collapse_doctor import diagnosis as engine
from collapse_doctor import findings, measurements, reports
from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.readers.opening import from_value, open_source
from collapse_doctor.readers.source import Source
from collapse_doctor.recording.format import MANIFEST_FILE
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.reader import read
from collapse_doctor.summary import EmbeddingSummary
from collapse_doctor.together import ALONE, Place, device_named, summarise

__all__ = ["Diagnosis", "Inspector", "Run", "analyze", "analyze_share", "load"]


class Diagnosis(findings.Diagnosis):
    """A diagnosis that can show and save itself.

    See :class:`collapse_doctor.findings.Diagnosis` for what it holds: ``verdict``, ``primary``,
    ``findings``, ``skipped``, ``to_frame()``.
    """

    def save(self, path: str | Path) -> Path:
        """Write a report and return its path; the suffix decides the form.

        Parameters
        ----------
        path
            ``.html`` for the full report, ``.json`` for machines, ``.txt`` for plain text. The
            file appears whole or not at all.

        Raises
        ------
        UsageError
            For a suffix that has no renderer, or a folder that cannot be written.
        """
        return reports.save(self, path)

    def _repr_html_(self) -> str:
        return reports.to_notebook(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """Render on a rich console."""
        with console.capture() as capture:
            reports.to_terminal(self, console)
        yield Text.from_ansi(capture.get())

    def __str__(self) -> str:
        """Return the plain text of the terminal report."""
        console = Console(width=100, color_system=None, force_terminal=False, record=False)
        with console.capture() as capture:
            reports.to_terminal(self, console)
        return capture.get()


class Inspector(Watch):
    """Watches a training from inside a ``with`` block and diagnoses it.

    The training code stays as it is. Steps are counted from the optimizers; what comes out of
    the model and its main blocks is observed by hooks, what is compared by a function mode that
    is on for a few steps only. Both are gone at the end of the block, also when it ends with an
    exception, which passes through. Nothing here changes a loss, a parameter or a random number,
    and a fault of the Inspector's own never reaches the training: it switches itself off, logs
    one warning and says so in the diagnosis.

    Watching measures its own time and keeps it to a share of the training's; the head of a
    report says both. All that is kept is bounded. Inside compiled code nothing is observed, which
    is said; only the thread that enters the block is watched.

    Parameters
    ----------
    model
        The module that is trained, or a dict of names to modules (towers; teacher and student).
    layers
        Names, glob patterns (``"encoder.layers.*"``) or modules to watch beside the outputs.
        Default: the model's main blocks. Each must match in at least one model.
    every
        Measure every n-th step. Default: every step at first, then ever more rarely.
    out
        Folder in which the recording is written as it grows, by a thread of its own; it can be
        read meanwhile, and after a kill but for the newest fraction of a second. Default: kept in
        memory. Of the processes of one training (DDP, FSDP2) each has its Inspector, and rank 0
        writes and diagnoses what all of them saw; none waits for another while training.
    probe
        A batch for active tests (CD209, CD210), off unless given: what one forward pass takes, a
        tensor, a tuple or list of positional arguments, or a mapping of keyword arguments; for a
        dict of models a dict of names to such batches. When the block is left without an
        exception, copies of the model are run on copies of it, in train and eval mode, with
        longer rows; a diagnosis before that skips these rules. The model, its buffers and modes
        and the random numbers stay as they are. It takes memory for one more model, and a few
        forward passes; with several processes it is skipped. Hooks of your own on the model, and
        what cannot be copied, are reasons to skip it, which are told. What ``forward`` changes
        outside of the model (files, globals) it changes in these passes as well.

    Raises
    ------
    UsageError
        For something that is no model, a layer that matches nothing, an ``every`` below 1, a
        ``probe`` that is no batch.
    RecordingError
        On entering the block, when ``out`` holds other files already or cannot be written.

    Examples
    --------
    >>> with Inspector(model) as inspector:  # doctest: +SKIP
    ...     for x, y in loader:
    ...         ...
    ...         inspector.step(loss=loss, labels=y)  # optional
    >>> inspector.diagnose().save("report.html")  # doctest: +SKIP
    """

    def __init__(
        self,
        model: nn.Module | Mapping[str, nn.Module],
        *,
        layers: Sequence[str | nn.Module] | None = None,
        every: int | None = None,
        out: str | Path | None = None,
        probe: Any = None,
    ) -> None:
        models = model if isinstance(model, Mapping) else {"model": model}
        if probe is not None and not isinstance(model, Mapping):
            probe = {"model": probe}
        super().__init__(models, layers=layers, every=every, out=out, probe=probe)

    def diagnose(self, *, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Diagnosis:
        """Diagnose what was seen so far; inside the block or after it, as often as you like.

        Parameters
        ----------
        select, ignore
            Codes (``"CD301"``), prefixes (``"CD3"``) or names of rules to run, or not to run.
        """
        recording = self.recording
        title = ", ".join(info.kind for info in recording.manifest.models)
        return _diagnose_recording(recording, title, select, ignore)


@dataclass(frozen=True)
class Run:
    """A recording read from its folder."""

    path: Path
    recording: Recording

    def diagnose(self, *, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Diagnosis:
        """Diagnose the recording; parameters as for :meth:`Inspector.diagnose`."""
        return _diagnose_recording(self.recording, self.path.name, select, ignore)


def load(path: str | Path) -> Run:
    """Read a recording's folder, also one that is still being written or whose run was killed.

    Raises
    ------
    RecordingError
        When there is no recording, or one from a newer version.
    """
    return Run(Path(path), read(Path(path)))


def analyze(
    value: Any,
    *,
    labels: Any = None,
    key: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    device: str = "cpu",
) -> Diagnosis:
    """Diagnose embeddings that were computed already, or a recording's folder.

    Parameters
    ----------
    value
        A path (``.pt``, ``.safetensors``, ``.npy``, ``.npz``, ``.parquet``, ``.csv``, a folder of
        such files, or a recording's folder), a tensor, an array or a DataFrame. The last dimension
        is features, all others are rows. Files are read in pieces, once, whatever their size.
    labels
        One label per row: a tensor, array, Series or path, or the name of a key or column.
    key
        Which tensor of a file holds the embeddings, when it cannot be guessed.
    select, ignore
        Codes, prefixes or names of rules to run, or not to run.
    device
        Where to do the arithmetic: ``"cpu"``, ``"cuda"``, ``"cuda:1"``.

    Raises
    ------
    InputError
        When there is nothing to diagnose; says what was expected, what came and what to do.
    RecordingError
        When a recording is damaged or from a newer version.
    UsageError
        When ``labels`` or ``key`` is given for a recording, which brings its own.
    """
    found = analyze_share(
        value, labels=labels, key=key, select=select, ignore=ignore, device=device
    )
    assert found is not None  # alone, a process is the first
    return found


def analyze_share(
    value: Any,
    *,
    labels: Any = None,
    key: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    device: str = "cpu",
    place: Place = ALONE,
    told: Callable[[int, int], None] = lambda _rows, _all: None,
) -> Diagnosis | None:
    """Do what :func:`analyze` does as one of several processes; all but the first return None.

    ``told`` is called with the rows just read and those that this process reads in all.
    """
    if isinstance(value, str | Path) and os.path.exists(Path(value) / MANIFEST_FILE):
        _refuse_options(Path(value), labels, key)
        return load(value).diagnose(select=select, ignore=ignore) if place.is_first else None
    with Aside():
        if isinstance(value, str | Path):
            source = open_source(Path(value), key=key, labels=labels)
        else:
            source = from_value(value, key=key, labels=labels)
        at = None if device == "cpu" else device_named(device)
        first, last = source.share(place.number, place.count)
        summary = summarise(
            source, device=at, place=place, told=lambda rows: told(rows, last - first)
        )
        if summary is None:
            return None
        return _shown(_diagnose_summary(source, summary, select, ignore))


def _diagnose_summary(
    source: Source, summary: EmbeddingSummary, select: Sequence[str], ignore: Sequence[str]
) -> findings.Diagnosis:
    notes = (*source.notes, *summary.notes())
    subject = findings.Subject("embeddings", source.name, _details(source), notes)
    tables = measurements.from_summary(summary, subject=subject)
    return engine.diagnose(tables, select=select, ignore=ignore)


def _refuse_options(recording: Path, labels: Any, key: str | None) -> None:
    """Refuse what would be ignored: a recording holds the layers and labels that were seen."""
    if labels is not None:
        remedy = "leave labels out; they are handed over in training, by inspector.step(labels=...)"
        raise UsageError("no labels", "labels", where=f"recording {recording}", remedy=remedy)
    if key is not None:
        remedy = "leave key out; all watched layers of a recording are diagnosed"
        raise UsageError("no key", repr(key), where=f"recording {recording}", remedy=remedy)


def _details(source: Source) -> dict[str, str]:
    details = {
        "rows": f"{source.rows:,}",
        "width": f"{source.width:,}",
        "dtype": source.dtype,
    }
    if source.labels is not None:
        details["labels"] = f"{len(set(source.labels.tolist())):,} distinct"
    return details


def _diagnose_recording(
    recording: Recording, title: str, select: Sequence[str], ignore: Sequence[str]
) -> Diagnosis:
    with Aside():
        tables = measurements.from_recording(recording, title=title)
        return _shown(engine.diagnose(tables, select=select, ignore=ignore))


def _shown(plain: findings.Diagnosis) -> Diagnosis:
    fields = {f.name: getattr(plain, f.name) for f in dataclasses.fields(plain)}
    return Diagnosis(**fields)
