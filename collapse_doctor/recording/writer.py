"""A recording that is written to a folder while the training runs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import save

from collapse_doctor.atomic import write_whole
from collapse_doctor.recording.folder import claim, write_all
from collapse_doctor.recording.format import (
    MANIFEST_FILE,
    MAX_SHARD_BYTES,
    ROWS_KEY,
    encode,
    encode_manifest,
    shard_name,
)
from collapse_doctor.recording.memory import Recording, own_rows
from collapse_doctor.recording.observations import (
    Comparison,
    Labels,
    Loss,
    Manifest,
    Measure,
    Notice,
    Observation,
    Snapshot,
    Use,
)
from collapse_doctor.recording.retention import LIMITS, Retention, Series, is_kept, series_of

__all__ = ["DISK_BUDGET", "EVENTS_BUDGET", "RecordingWriter"]

DISK_BUDGET = 512 << 20
"""Bytes of shards kept on disk per process; beyond it, older ones are deleted."""
EVENTS_BUDGET = 512 << 20
"""Bytes of one file of events; beyond it, the folder takes no more."""
SYNC_SECONDS = 5.0


class RecordingWriter:
    """Writes a recording's folder, and keeps the same recording in memory.

    A line is in the hands of the operating system as soon as :meth:`append` returns, so it
    survives a killed process; it is forced to the disk every few seconds, at the first sight of
    every relation between operands, and at the end, so it mostly survives a power cut. The
    training never hears of a full or vanished disk: the folder is closed, one notice says so, and
    the memory goes on. Nothing is written by a process forked from the one that opened the folder.
    Not safe for use from several threads at once.

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
        self._retention = Retention(disk_budget)
        self._shards = 0
        self._written = 0
        self._synced = time.monotonic()
        self._events: io.FileIO | None = claim(self.folder, rank)
        self.describe(manifest)

    def append(self, observation: Observation) -> None:
        """Take in one observation that has no rows."""
        self.recording.append(observation)
        self._guard(self._write, observation)

    def append_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        """Take in some embedding rows, (n, d), copied as float32.

        Raises
        ------
        ValueError
            If the shape of ``rows`` is not (``snapshot.rows``, ``snapshot.width``).
        """
        self.recording.append_snapshot(snapshot, rows)
        self._guard(self._write_snapshot, snapshot, rows)

    def describe(self, manifest: Manifest) -> None:
        """Replace the manifest, in memory and in the folder."""
        self.recording.describe(manifest)
        if self.rank == 0:
            self._guard(self._write_file, MANIFEST_FILE, encode_manifest(manifest))

    def close(self) -> None:
        """Force everything to the disk and close the folder. More than once does no harm."""
        self._guard(self._finish)

    def _guard(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do ``work`` on the folder if it is still ours; no fault of the disk leaves here."""
        if self._events is None or os.getpid() != self._pid:
            return
        try:
            work(*arguments)
        except OSError as error:
            self._stop(error.strerror or str(error))

    def _write(self, observation: Observation) -> None:
        ordinal = self._count(observation)
        if ordinal is None:
            return
        finding = isinstance(observation, Comparison) and bool(observation.relations)
        self._write_line(observation, urgent=finding and ordinal == 0)

    def _write_line(self, observation: Observation, *, urgent: bool = False) -> None:
        events, line = self._open_events(), encode(observation)
        if self._written + len(line) > EVENTS_BUDGET:
            self._stop(f"its events reached {EVENTS_BUDGET >> 20} MiB")
            return
        write_all(events, line)
        self._written += len(line)
        if urgent or time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(events.fileno())
            self._synced = time.monotonic()

    def _write_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        content = save({ROWS_KEY: own_rows(snapshot, rows)})
        sequence, self._shards = self._shards, self._shards + 1
        layer = (snapshot.model, snapshot.layer)
        if len(content) > MAX_SHARD_BYTES:
            return
        dropped = self._retention.add(sequence, layer, snapshot.step, len(content))
        if sequence not in dropped:
            self._write_shard(snapshot, sequence, content)
        for old in dropped:
            (self.folder / shard_name(self.rank, old)).unlink(missing_ok=True)

    def _write_shard(self, snapshot: Snapshot, sequence: int, content: bytes) -> None:
        name = shard_name(self.rank, sequence)
        self._write_file(name, content)
        listed = msgspec.structs.replace(
            snapshot, file=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        self._write_line(listed)

    def _write_file(self, name: str, content: bytes) -> None:
        write_whole(self.folder / name, content, durable=True)

    def _count(self, observation: Observation) -> int | None:
        """Return the observation's number in its series, or None if it is not to be written."""
        match observation:
            case Measure() | Comparison() | Labels() | Loss():
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

    def _open_events(self) -> io.FileIO:
        if self._events is None:
            raise OSError("the folder is closed")
        return self._events

    def _finish(self) -> None:
        events = self._open_events()
        os.fsync(events.fileno())
        self._events = None
        events.close()

    def _stop(self, reason: str) -> None:
        """Close the folder for good and say so, in memory and, if it still takes it, on disk."""
        events, self._events = self._open_events(), None
        text = f"writing to {self.folder} stopped: {reason}; the rest is in memory only"
        notice = Notice("recording", text)
        self.recording.append(notice)
        with contextlib.suppress(OSError):  # said in memory; the line may follow a torn one
            write_all(events, b"\n" + encode(notice))
        with contextlib.suppress(OSError):
            events.close()
