"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

__all__ = ["make_durable", "write_whole"]


def write_whole(target: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file under a hidden name beside it, and only then give it its own name.

    Whoever reads ``target`` meanwhile sees the old file or all of the new one, never a half.

    Parameters
    ----------
    target
        The file; its folder must exist. Of a link, the file it points to is written.
    content
        All of it.
    durable
        Force it to the disk first, so that it also survives a power cut. Costs milliseconds.

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left behind, and ``filename`` is ``target``.
    """
    place = Path(os.path.realpath(target))
    # Not made from the target's name, which may be as long as a name can be.
    hidden = place.with_name(f".collapse-doctor-{secrets.token_hex(8)}.tmp")
    try:
        with open(hidden, "xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(hidden, place)
    except OSError as error:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            hidden.unlink()
        if error.errno is None:
            raise
        # Nobody knows the hidden name; the subclass follows from the number.
        raise OSError(error.errno, error.strerror, str(target)) from error
    if durable:
        _sync_folder(place.parent)


def make_durable(files: Iterable[Path]) -> None:
    """Force files that were written whole, and their names, to the disk; for many at once.

    Until then a power cut can leave a file of the right name with the wrong content.

    Parameters
    ----------
    files
        Those that are gone meanwhile are passed over.

    Raises
    ------
    OSError
        If the disk does not take them.
    """
    folders = set()
    for file in files:
        with contextlib.suppress(FileNotFoundError), open(file, "r+b") as handle:
            os.fsync(handle.fileno())
            folders.add(file.parent)
    for folder in folders:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
