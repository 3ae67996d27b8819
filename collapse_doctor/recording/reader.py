"""Reading a recording's folder: finished, still growing, or left behind by a killed process.

The folder is treated as written by a stranger. Every line is checked against the vocabulary, every
size against a cap before anything is opened, every shard against its checksum; nothing in it is
executed, and no name in it is used as a path unless it has the shape of a shard's name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from collapse_doctor.errors import RecordingError
from collapse_doctor.recording.format import (
    EVENTS_FILE,
    MANIFEST_FILE,
    MAX_LINE_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_SHARD_BYTES,
    ROWS_KEY,
    SHARD_FILE,
    decode,
    decode_head,
    decode_manifest,
)
from collapse_doctor.recording.memory import SNAPSHOT_BUDGET, Recording
from collapse_doctor.recording.observations import FORMAT_VERSION, Manifest, Notice, Snapshot
from collapse_doctor.recording.plausible import check
from collapse_doctor.recording.retention import Retention

__all__ = ["is_recording", "read"]

MAX_SHARD_HEADER = 1024  # bytes of JSON; the header of one tensor named "rows" takes about 70


def is_recording(path: str | os.PathLike[str]) -> bool:
    """Return whether ``path`` is a folder with a recording's manifest, of any format version."""
    try:
        return decode_head(_manifest_bytes(Path(path))) is not None
    except OSError:
        return False


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a recording's folder, also while it is being written.

    A torn last line is not there yet. A damaged line or shard costs only itself and is said in
    the recording's notices. Of several processes, the first one's observations are read.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Recording
        With the snapshot rows that fit its budget.

    Raises
    ------
    RecordingError
        If there is no recording, or it was written in a newer format.
    """
    folder = Path(path)
    try:
        return _read(folder)
    except OSError as error:
        got = f"one that cannot be read ({error})"
        remedy = "check its permissions and the disk it lies on"
        raise RecordingError("a recording", got, where=str(folder), remedy=remedy) from error


def _read(folder: Path) -> Recording:
    recording = Recording(_manifest(folder))
    events = _events_files(folder)
    if not events:
        return recording
    if len(events) > 1:
        text = f"recorded by {len(events)} processes; this is {events[0].name} alone"
        recording.append(Notice("recording", text))
    _read_snapshots(folder, _read_events(events[0], recording), recording)
    return recording


def _manifest_bytes(folder: Path) -> bytes:
    """Return the manifest's bytes; more than the cap are not read."""
    file = folder / MANIFEST_FILE
    if not file.is_file():  # also keeps a named pipe from blocking us
        raise FileNotFoundError(file)
    with open(file, "rb") as stream:
        return stream.read(MAX_MANIFEST_BYTES + 1)


def _manifest(folder: Path) -> Manifest:
    try:
        content = _manifest_bytes(folder)
    except OSError as error:
        raise _not_a_recording(folder, _describe(folder)) from error
    head = decode_head(content)
    if head is None:
        raise _not_a_recording(folder, f"a {MANIFEST_FILE} of something else, or a damaged one")
    if head.format > FORMAT_VERSION:
        expected = f"a recording of format {FORMAT_VERSION} or older"
        remedy = "upgrade collapse-doctor"
        raise RecordingError(expected, f"format {head.format}", where=str(folder), remedy=remedy)
    try:
        return decode_manifest(content)
    except msgspec.DecodeError as error:
        raise _not_a_recording(folder, f"a damaged {MANIFEST_FILE} ({error})") from error


def _describe(folder: Path) -> str:
    if not folder.exists():
        return "nothing of that name"
    if not folder.is_dir():
        return "a file"
    return f"a folder without {MANIFEST_FILE}"


def _not_a_recording(folder: Path, got: str) -> RecordingError:
    remedy = "pass the folder that was given as out= to Inspector"
    return RecordingError("a recording's folder", got, where=str(folder), remedy=remedy)


def _events_files(folder: Path) -> list[Path]:
    """Return the files of events, that of the lowest process first."""
    found = {}
    for entry in folder.iterdir():
        match = EVENTS_FILE.fullmatch(entry.name)
        if match and entry.is_file():
            found[int(match[1])] = entry
    return [found[rank] for rank in sorted(found)]


def _read_events(file: Path, recording: Recording) -> list[Snapshot]:
    """Add all observations but snapshots to ``recording``; return the snapshots."""
    snapshots, damaged = [], 0
    for line in _lines(file):
        try:
            observation = decode(line)
            check(observation)
        except msgspec.DecodeError:
            damaged += 1
            continue
        if isinstance(observation, Snapshot):
            snapshots.append(observation)
        else:
            recording.append(observation)
    if damaged:
        lines = "line was" if damaged == 1 else "lines were"
        text = f"{damaged} damaged {lines} left out of {file.name}"
        recording.append(Notice("recording", text))
    return snapshots


def _lines(file: Path) -> Iterator[bytes]:
    """Yield complete lines. One beyond the cap comes cut, so that decoding it fails."""
    with open(file, "rb") as stream:
        while line := stream.readline(MAX_LINE_BYTES):
            rest = line
            while not rest.endswith(b"\n"):
                rest = stream.readline(MAX_LINE_BYTES)
                if not rest:
                    return  # torn: being written, or its writer was killed
            if line.strip():
                yield line


def _read_snapshots(folder: Path, listed: list[Snapshot], recording: Recording) -> None:
    present = [snapshot for snapshot in listed if _is_present(folder, snapshot)]
    if gone := len(listed) - len(present):
        are = "snapshot is" if gone == 1 else "snapshots are"
        text = f"{gone} {are} no longer on disk, where a recording keeps to its budget"
        recording.append(Notice("recording", text))
    reasons = []
    for snapshot in _affordable(present):
        try:
            recording.append_snapshot(snapshot, _rows(folder, snapshot))
        except FileNotFoundError:
            continue  # its writer thinned it out a moment ago
        except (OSError, ValueError, SafetensorError) as error:
            reasons.append(f"{snapshot.file}: {error}")
    if reasons:
        were = "snapshot was" if len(reasons) == 1 else "snapshots were"
        text = f"{len(reasons)} damaged {were} left out, the first is {reasons[0]}"
        recording.append(Notice("recording", text))


def _is_present(folder: Path, snapshot: Snapshot) -> bool:
    if SHARD_FILE.fullmatch(snapshot.file) is None:
        return True  # is refused, with a word, when it is read
    return (folder / snapshot.file).is_file()


def _affordable(snapshots: list[Snapshot]) -> list[Snapshot]:
    """Return the snapshots that a recording in memory would keep, before any is opened."""
    retention, kept = Retention(SNAPSHOT_BUDGET), dict(enumerate(snapshots))
    for key, snapshot in enumerate(snapshots):
        layer = (snapshot.model, snapshot.layer)
        size = max(0, snapshot.rows) * max(0, snapshot.width) * 4
        for dropped in retention.add(key, layer, snapshot.step, size):
            del kept[dropped]
    return list(kept.values())


def _rows(folder: Path, snapshot: Snapshot) -> np.ndarray:
    """Return the rows of one shard.

    Raises
    ------
    ValueError, SafetensorError
        If the name, size, checksum, content or shape is not what its line says.
    """
    if SHARD_FILE.fullmatch(snapshot.file) is None:
        raise ValueError("not the name of a shard")
    if not 0 < snapshot.bytes <= MAX_SHARD_BYTES:
        raise ValueError("its size is out of range")
    with open(folder / snapshot.file, "rb") as stream:
        content = stream.read(snapshot.bytes + 1)
    if len(content) != snapshot.bytes:
        raise ValueError("its size is not the one recorded")
    if hashlib.sha256(content).hexdigest() != snapshot.sha256:
        raise ValueError("its checksum does not match")
    if int.from_bytes(content[:8], "little") > MAX_SHARD_HEADER:
        raise ValueError("its header is too long")
    tensors = load(content)
    rows = tensors.get(ROWS_KEY)
    if rows is None or len(tensors) != 1 or rows.dtype != np.float32:
        raise ValueError(f"it does not hold one float32 tensor named {ROWS_KEY!r}")
    return rows
