"""Files of ``torch.save``. They are pickles, so only what runs no code is ever loaded."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import Contents
from collapse_doctor.readers.formats import Format, member_names, reading
from collapse_doctor.readers.walking import walk

__all__ = ["FORMAT"]

_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # before torch 1.6: pickled number
_BLOCKED = re.compile(r"GLOBAL (\S+)")
_UNKNOWN = re.compile(r"Unsupported operand (\d+)")

# What a pickled array and a pickled scalar of NumPy call, without naming NumPy's private modules.
_reconstruct: Any = np.empty(0).__reduce__()[0]
_scalar: Any = np.float32(0).__reduce__()[0]
# Arrays of numbers and strings may be built; arrays of objects ("O") and records ("V") may not.
_TYPES = {type(np.dtype(code)) for code in "?bhilqBHILQefdgFDGSUMm"}
_ALLOWED: list[Any] = [
    np.ndarray,
    np.dtype,
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
    (_reconstruct, "numpy.core.multiarray._reconstruct"),  # as NumPy 1 wrote it
    (_scalar, "numpy._core.multiarray.scalar"),
    (_scalar, "numpy.core.multiarray.scalar"),
    *sorted(_TYPES, key=lambda kind: kind.__name__),
]


def _recognises(head: bytes, path: Path) -> bool:
    if head.startswith(b"PK"):
        return any(name.endswith("/data.pkl") for name in member_names(path))
    return head.startswith(_LEGACY_MAGIC)


def _read(path: Path) -> Contents:
    return Contents(tuple(walk(_load(path))))


def _load(path: Path) -> Any:
    """Load a file without running code; tensors of the zip format are mapped, not read.

    Raises
    ------
    InputError
        If it holds anything but tensors, arrays and plain values, or is damaged.
    """
    is_zip = bool(member_names(path))
    if is_zip:
        _check_archive(path)
    with reading(path, "torch.save"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.serialization.safe_globals(_ALLOWED):
                return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
        except pickle.UnpicklingError as error:
            raise _refusal(path, error) from error


def _check_archive(path: Path) -> None:
    with reading(path, "torch.save"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.filename.endswith("/constants.pkl") for member in members):
        remedy = "run the program and save the embeddings it returns"
        raise InputError("saved tensors", "a TorchScript program", where=str(path), remedy=remedy)
    # torch never compresses; mapping a compressed member would read noise, and one that claims
    # to be huge could fill the memory.
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        remedy = "save it again with torch.save"
        got = "an archive that was compressed afterwards"
        raise InputError("a file as torch.save writes it", got, where=str(path), remedy=remedy)


def _refusal(path: Path, error: pickle.UnpicklingError) -> InputError:
    if unknown := _UNKNOWN.search(str(error)):
        got = f"a damaged one, or one of another protocol (instruction {unknown[1]})"
        remedy = "save or download it again, with torch.save's own pickle_protocol"
        return InputError("an intact torch.save file", got, where=str(path), remedy=remedy)
    match = _BLOCKED.search(str(error))
    name = f"the class or function {match[1].rstrip('.')}" if match else "an object of Python"
    got = f"{name}, which could run any code if it were loaded"
    remedy = (
        "save tensors only (torch.save({'embeddings': tensor}, path)), or save as .safetensors "
        "or .npy, or load it yourself where you trust it and pass the tensor to analyze()"
    )
    return InputError("tensors, arrays and plain values", got, where=str(path), remedy=remedy)


FORMAT = Format("torch.save", (".pt", ".pth"), _recognises, _read)
