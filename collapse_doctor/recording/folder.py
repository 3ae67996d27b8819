"""Claiming a folder for a run, and writing every byte of a line to it."""

from __future__ import annotations

import io
from pathlib import Path

from collapse_doctor.errors import RecordingError
from collapse_doctor.recording.format import (
    EVENTS_FILE,
    MANIFEST_FILE,
    SHARDS_FOLDER,
    events_name,
)

__all__ = ["claim", "write_all"]


def claim(folder: Path, rank: int) -> io.FileIO:
    """Create a recording's folder, or enter the one of the other processes of this run.

    Parameters
    ----------
    folder
        Where to record. Missing parents are created.
    rank
        Number of this process, from 0. Processes above 0 share the folder with process 0.

    Returns
    -------
    io.FileIO
        The new file of events, open for writing and unbuffered.

    Raises
    ------
    RecordingError
        If the folder holds a recording or anything else, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise _refusal(folder, "a file of that name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder, rank)
        (folder / SHARDS_FOLDER).mkdir(exist_ok=True)
        # "x" decides between two processes that arrive at the same moment.
        return io.FileIO(folder / events_name(rank), "x")
    except FileExistsError as error:
        raise _refusal(folder, "a folder that already holds a recording") from error
    except OSError as error:
        got = f"a folder that cannot be written ({error.strerror or error})"
        raise _refusal(folder, got) from error


def write_all(file: io.FileIO, content: bytes) -> None:
    """Write every byte to an unbuffered file, or raise ``OSError``.

    One ``write`` may take only a part when the disk is nearly full; the next one says why.
    """
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def _refuse_foreign(folder: Path, rank: int) -> None:
    ours = {SHARDS_FOLDER} if rank == 0 else {SHARDS_FOLDER, MANIFEST_FILE}
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    foreign = [name for name in names if name not in ours and not EVENTS_FILE.fullmatch(name)]
    if MANIFEST_FILE in foreign:
        raise _refusal(folder, "a folder that already holds a recording")
    if foreign:
        raise _refusal(folder, f"a folder that holds other files ({', '.join(foreign[:3])})")


def _refusal(folder: Path, got: str) -> RecordingError:
    expected, remedy = "a new or empty folder to record into", "choose another one, or move it away"
    return RecordingError(expected, got, where=str(folder), remedy=remedy)
