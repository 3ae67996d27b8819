"""The files of one process's part of a recording: lines, shards and the manifest, on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from safetensors.numpy import save

from collapse_doctor.atomic import make_durable, write_whole
from collapse_doctor.recording.folder import claim, write_all
from collapse_doctor.recording.format import (
    MANIFEST_FILE,
    MAX_SHARD_BYTES,
    ROWS_KEY,
    encode,
    events_name,
    shard_name,
)
from collapse_doctor.recording.observations import Notice, Snapshot
from collapse_doctor.recording.retention import Retention

__all__ = ["EVENTS_BUDGET", "SYNC_SECONDS", "Item", "Line", "ManifestFile", "RunFiles", "Shard"]

EVENTS_BUDGET = 512 << 20
"""Bytes of one file of events; beyond it, the folder takes no more."""
SYNC_SECONDS = 5.0
"""Seconds after which what was written is forced to the disk, when more is written."""


class Line(NamedTuple):
    """One line of the file of events; ``urgent`` if it is to be forced to the disk at once."""

    content: bytes
    urgent: bool = False


class Shard(NamedTuple):
    """The rows of one snapshot, (n, d) float32, that nobody else changes."""

    snapshot: Snapshot
    rows: np.ndarray


class ManifestFile(NamedTuple):
    """The content of the manifest's file."""

    content: bytes


Item = Line | Shard | ManifestFile


class RunFiles:
    """Writes items to a folder in the order they come; for one thread at a time.

    A line is with the operating system when :meth:`take` returns, so it survives a killed process;
    a shard is whole under its name before its line is written. Both are forced to the disk every
    few seconds, for an urgent line, and at the end, so they mostly survive a power cut: a reader
    finds by its checksum a shard that did not.

    Parameters
    ----------
    folder
        The folder to create, or to enter if it is that of the other processes of this run.
    rank
        Number of this process, from 0.
    disk_budget
        Bytes of shards kept; beyond it, older ones are deleted.

    Raises
    ------
    RecordingError
        If the folder holds a recording or other files, or cannot be written.
    """

    def __init__(self, folder: Path, rank: int, disk_budget: int) -> None:
        self.folder = folder
        self.rank = rank
        self._events: io.FileIO = claim(folder, rank)
        self._place = folder / events_name(rank)
        self._written = 0
        self._retention = Retention(disk_budget)
        self._shards = 0
        self._unforced: set[Path] = set()
        self._forced_at = time.monotonic()

    def take(self, items: Sequence[Item]) -> None:
        """Write some items.

        Raises
        ------
        OSError
            If the disk does not take them; the folder is closed then, and its last line says so.
        """
        try:
            self._write(items)
        except Exception as error:
            self._give_up(error)
            raise

    def close(self) -> None:
        """Force everything to the disk and close the folder.

        Raises
        ------
        OSError
            If the disk does not take it; the folder is closed all the same.
        """
        try:
            self._force()
            self._events.close()
        except Exception as error:
            self._give_up(error)
            raise

    def stopped(self, error: Exception) -> Notice:
        """Return what is said, here and in the folder, of an error that closed it."""
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        text = f"writing to {self.folder} stopped: {reason}; the rest is in memory only"
        return Notice("recording", text)

    def _write(self, items: Sequence[Item]) -> None:
        lines: list[bytes] = []
        for item in items:
            match item:
                case Line(content):
                    lines.append(content)
                case Shard(snapshot, rows):
                    self._write_lines(lines)  # they need not wait for the rows
                    lines = self._write_shard(snapshot, rows)
                case ManifestFile(content):
                    write_whole(self.folder / MANIFEST_FILE, content, durable=True)
        self._write_lines(lines)
        urgent = any(isinstance(item, Line) and item.urgent for item in items)
        if urgent or time.monotonic() - self._forced_at > SYNC_SECONDS:
            self._force()

    def _write_lines(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        content = b"".join(lines)
        room = EVENTS_BUDGET - self._written
        if len(content) > room:
            write_all(self._events, content[: content.rfind(b"\n", 0, room) + 1])
            raise OSError(f"its events reached {EVENTS_BUDGET >> 20} MiB")
        write_all(self._events, content)
        self._written += len(content)

    def _write_shard(self, snapshot: Snapshot, rows: np.ndarray) -> list[bytes]:
        """Write the rows, delete what they displace, and return their line if they are kept."""
        content = save({ROWS_KEY: rows})
        sequence, self._shards = self._shards, self._shards + 1
        if len(content) > MAX_SHARD_BYTES:
            return []
        layer = (snapshot.model, snapshot.layer)
        dropped = self._retention.add(sequence, layer, snapshot.step, len(content))
        for old in dropped:
            self._delete_shard(old)
        if sequence in dropped:
            return []
        name = shard_name(self.rank, sequence)
        write_whole(self.folder / name, content)
        self._unforced.add(self.folder / name)
        digest = hashlib.sha256(content).hexdigest()
        listed = msgspec.structs.replace(snapshot, file=name, bytes=len(content), sha256=digest)
        return [encode(listed)]

    def _delete_shard(self, sequence: int) -> None:
        place = self.folder / shard_name(self.rank, sequence)
        place.unlink(missing_ok=True)
        self._unforced.discard(place)

    def _force(self) -> None:
        os.stat(self._place)  # a file that was deleted under us would take every line, for nobody
        make_durable(self._unforced)
        self._unforced.clear()
        os.fsync(self._events.fileno())
        self._forced_at = time.monotonic()

    def _give_up(self, error: Exception) -> None:
        """Close the folder for good, saying so in it if it still takes a line."""
        with contextlib.suppress(OSError, ValueError):  # the line may follow a torn one
            write_all(self._events, b"\n" + encode(self.stopped(error)))
        with contextlib.suppress(OSError):
            self._events.close()
