"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(target: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file under a hidden name beside it, and only then give it its own name.

    Whoever reads ``target`` meanwhile sees the old file or all of the new one, never a half.

    Parameters
    ----------
    target
        The file; its folder must exist.
    content
        All of it.
    durable
        Force it to the disk first, so that it also survives a power cut. Costs milliseconds.

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left behind.
    """
    hidden = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(hidden, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(hidden, target)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            hidden.unlink()
        raise
    if durable:
        _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
