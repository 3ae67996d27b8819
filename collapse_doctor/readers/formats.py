"""What a format is, and what to say about a file that is none of them."""

from __future__ import annotations

import codecs
import contextlib
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import Contents

__all__ = ["HEAD_BYTES", "Format", "describe", "member_names", "reading"]

HEAD_BYTES = 512

_FOREIGN = {  # first bytes of formats that are not read, and what they are
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a file compressed with gzip",
    b"\x80": "a pickle, which could run any code if it were loaded",
    b"PK\x05\x06": "an empty archive: nothing was saved in it",
    b"PK": "a damaged or truncated zip archive",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself (run git lfs pull)",
}

_OBJECT = re.compile(r"<[\w. ]+ at 0x[0-9a-fA-F]+>")


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Parameters
    ----------
    name
        As it is called in messages.
    suffixes
        Usual ends of file names, with the dot, in lower case.
    recognises
        Whether a file is of this format, from its first :data:`HEAD_BYTES` bytes and its path.
    read
        Describes the tables of such a file without reading them, where the format allows.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes, Path], bool]
    read: Callable[[Path], Contents]


def describe(head: bytes, path: Path) -> str:
    """Return what a file of no known format looks like, from its first bytes."""
    if not head:
        return "an empty file"
    for magic, meaning in _FOREIGN.items():
        if head.startswith(magic):
            is_zip = magic == b"PK" and member_names(path)
            return "a zip archive without tensors or arrays" if is_zip else meaning
    with contextlib.suppress(UnicodeDecodeError):
        # Incremental, since the head may end inside a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
        if all(char.isprintable() or char.isspace() for char in text):
            return f"text that begins {' '.join(text.split())[:40]!r}"
    return f"bytes that begin {head[:8].hex(' ')}"


def member_names(path: Path) -> list[str]:
    """Return the names in a zip archive; none if it is damaged or no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


@contextlib.contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a parser raises on a hostile or damaged file into one InputError.

    Parsers raise nearly anything on such files (KeyError, struct.error, MemoryError …), so every
    Exception is meant here. Our own errors pass through.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        # The address of an object in our own memory says nothing about the file.
        text = _OBJECT.sub("an object", " ".join(str(error).split()))
        detail = text[:160].rstrip(".") or type(error).__name__
        remedy = "check that it was saved or downloaded to its end, and save it again"
        got = f"one that cannot be read ({detail})"
        raise InputError(f"an intact {what} file", got, where=str(path), remedy=remedy) from error
