"""A recording that is written to a folder while the training runs."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

import numpy as np

from collapse_doctor.recording.background import Background
from collapse_doctor.recording.files import Item, Line, ManifestFile, RunFiles, Shard
from collapse_doctor.recording.format import encode, encode_manifest
from collapse_doctor.recording.memory import Recording, own_rows
from collapse_doctor.recording.observations import (
    Activation,
    AlongBatch,
    Comparison,
    Intake,
    Labels,
    Loss,
    Manifest,
    Measure,
    Notice,
    Objective,
    Observation,
    Probe,
    Reach,
    Snapshot,
    Spread,
    Tick,
    Update,
    Use,
)
from collapse_doctor.recording.retention import LIMITS, Series, is_kept, series_of

__all__ = ["CLOSE_SECONDS", "DISK_BUDGET", "QUEUE_BYTES", "QUEUE_ITEMS", "RecordingWriter"]

DISK_BUDGET = 512 << 20
"""Bytes of shards kept on disk per process; beyond it, older ones are deleted."""
QUEUE_ITEMS = 8_192
"""Observations that wait for the disk at most."""
QUEUE_BYTES = 64 << 20
"""Bytes that wait for the disk at most."""
CLOSE_SECONDS = 10.0
"""Seconds that closing, or the end of the interpreter, waits for the disk at most."""


class RecordingWriter:
    """Writes a recording's folder, and keeps the same recording in memory.

    Memory has an observation as soon as :meth:`append` returns; the files are written by a thread
    of their own, a fraction of a second later (:meth:`flush` waits for it). What is with the
    operating system survives a killed process; it is forced to the disk every few seconds, at the
    first sight of every relation between operands, and at the end.

    The training neither waits for the disk nor hears of it. When the disk is slower than the
    training, observations are left out of the folder, and counted; when it is full or gone, the
    folder is closed. One notice says so, and the memory goes on. Nothing is written by a process
    forked from the one that opened the folder. Not safe for use from several threads at once.

    Parameters
    ----------
    path
        Folder to create.
    manifest
        What is watched.
    rank
        Number of this process, from 0; every process writes its own files, process 0 the manifest.
    recording
        The recording in memory to go on with; by default a new one.
    disk_budget
        Bytes of shards kept on disk.

    Raises
    ------
    RecordingError
        If the folder holds a recording or other files, or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        manifest: Manifest,
        rank: int = 0,
        *,
        recording: Recording | None = None,
        disk_budget: int = DISK_BUDGET,
    ) -> None:
        self.folder = Path(path)
        self.rank = rank
        self.recording = Recording(manifest) if recording is None else recording
        self._pid = os.getpid()
        self._counts: dict[Series, int] = {}
        self._lost_lines = self._lost_snapshots = 0
        self._closed = False
        self._files = RunFiles(self.folder, rank, disk_budget)
        self._background: Background[Item] = Background(
            self._files.take, self._files.close, most_items=QUEUE_ITEMS, most_bytes=QUEUE_BYTES
        )
        atexit.register(self.close)  # for a training that ends without leaving its block
        self.recording.describe(manifest)
        if rank == 0:  # at once: without a manifest a folder is no recording
            self._background.do_here([ManifestFile(encode_manifest(manifest))])
        self._is_open()

    def append(self, observation: Observation) -> None:
        """Take in one observation that has no rows."""
        self.recording.append(observation)
        if not self._is_open():
            return
        ordinal = self._count(observation)
        if ordinal is not None:
            self._put_line(observation, first=ordinal == 0)

    def append_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        """Take in some embedding rows, (n, d), copied as float32.

        Raises
        ------
        ValueError
            If the shape of ``rows`` is not (``snapshot.rows``, ``snapshot.width``).
        """
        self.recording.append_snapshot(snapshot, rows)
        if not self._is_open():
            return
        size = 4 * snapshot.rows * snapshot.width
        if self._background.has_room(size):  # before they are copied
            self._background.put(Shard(snapshot, own_rows(snapshot, rows)), size)
        else:
            self._lost_snapshots += 1

    def describe(self, manifest: Manifest) -> None:
        """Replace the manifest, in memory and in the folder."""
        self.recording.describe(manifest)
        if self.rank == 0 and self._is_open():
            content = encode_manifest(manifest)
            if not self._background.put(ManifestFile(content), len(content), vital=True):
                self._lost_lines += 1

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait until the folder holds what was taken in, for those who read it at once.

        Parameters
        ----------
        timeout
            In seconds.

        Returns
        -------
        bool
            False if the disk was not done in time.
        """
        if not self._is_open():
            return True
        done = self._background.flush(timeout)
        self._is_open()
        return done

    def close(self) -> None:
        """Write what is waiting, force it to the disk, and close. More than once does no harm.

        Waits :data:`CLOSE_SECONDS` at most; a notice says what may be missing then.
        """
        if os.getpid() != self._pid:
            return
        was_open = self._is_open()
        if was_open:
            self._say_lost()
        self._closed = True
        atexit.unregister(self.close)
        done = self._background.close(CLOSE_SECONDS)
        if not was_open:
            return
        if self._background.failure is not None:
            self.recording.append(self._files.stopped(self._background.failure))
        elif not done:
            self._note(
                f"writing to {self.folder} had not ended {CLOSE_SECONDS:g} s after the training: "
                f"up to {self._background.waiting} observations may be missing at its end"
            )

    def _is_open(self) -> bool:
        """Tell whether the folder is still ours to write; take note of it when it just ended."""
        if self._closed or os.getpid() != self._pid:
            return False
        failure = self._background.failure
        if failure is None:
            return True
        self._closed = True
        atexit.unregister(self.close)
        self._background.close(0.0)  # it ends by itself: everything is discarded from here on
        self.recording.append(self._files.stopped(failure))
        return False

    def _put_line(self, observation: Observation, *, first: bool) -> None:
        finding = isinstance(observation, Comparison) and bool(observation.relations)
        line = Line(encode(observation), urgent=finding and first)
        vital = line.urgent or _is_vital(observation)
        if not self._background.put(line, len(line.content), vital=vital, urgent=line.urgent):
            self._lost_lines += 1

    def _say_lost(self) -> None:
        if self._lost_lines or self._lost_snapshots:
            self._note(
                f"{self._lost_lines} lines and {self._lost_snapshots} snapshots were left out of "
                f"{self.folder}, which took them slower than they came; they are in memory only"
            )

    def _note(self, text: str) -> None:
        """Say something of the folder in memory and, while it is open, on disk."""
        self.append(Notice("recording", text))

    def _count(self, observation: Observation) -> int | None:
        """Return the observation's number in its series, or None if it is not to be written."""
        match observation:
            case (
                Measure()
                | Comparison()
                | Intake()
                | Labels()
                | Loss()
                | Objective()
                | Reach()
                | Update()
                | Activation()
            ):
                limit = LIMITS[type(observation)]
                ordinal = self._next(series_of(observation))
                return ordinal if is_kept(ordinal, limit) else None
            case Notice(about=about, text=text):
                return self._once((Notice, about, text))
            case Use():
                return self._once((observation,))
            case _:
                return 0

    def _next(self, series: Series) -> int:
        ordinal = self._counts.get(series, 0)
        self._counts[series] = ordinal + 1
        return ordinal

    def _once(self, series: Series) -> int | None:
        return 0 if self._next(series) == 0 else None


def _is_vital(observation: Observation) -> bool:
    """Tell whether a diagnosis could be another one without this single line."""
    match observation:
        case Notice() | Use() | Probe() | Spread() | AlongBatch():
            return True
        case Tick(ended=ended):
            return ended
        case _:
            return False
