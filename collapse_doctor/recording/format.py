"""The layout of a recording's folder, and how one observation becomes one line of JSON.

::

    run/manifest.json                  head: kind, format, what was watched
    run/events.r0.jsonl                observations of process 0, one per line, oldest first
    run/shards/r0-000000.safetensors   rows of one snapshot: one float32 tensor named "rows"

A shard is complete before its line is written, so whoever reads the lines finds whole shards,
also while the recording grows and after the process was killed. File names are built from
numbers only: a layer may be called ``../../etc/passwd``.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from collapse_doctor.recording.observations import (
    FORMAT_VERSION,
    Activation,
    Comparison,
    Intake,
    Loss,
    Manifest,
    Measure,
    Objective,
    Observation,
    Part,
    Probe,
    Reach,
    Update,
)

__all__ = [
    "EVENTS_FILE",
    "KIND",
    "MANIFEST_FILE",
    "MAX_LINE_BYTES",
    "MAX_MANIFEST_BYTES",
    "MAX_SHARD_BYTES",
    "ROWS_KEY",
    "SHARDS_FOLDER",
    "SHARD_FILE",
    "Head",
    "decode",
    "decode_head",
    "decode_manifest",
    "encode",
    "encode_manifest",
    "events_name",
    "finite",
    "shard_name",
]

KIND = "collapse-doctor recording"
MANIFEST_FILE = "manifest.json"
SHARDS_FOLDER = "shards"
ROWS_KEY = "rows"
EVENTS_FILE = re.compile(r"events\.r(\d{1,6})\.jsonl", re.ASCII)
SHARD_FILE = re.compile(r"shards/r\d{1,6}-\d{6,12}\.safetensors", re.ASCII)

# Caps held before anything is opened or parsed. They bound what a hostile folder can cost; an
# honest one stays far below: a line is some kilobytes, a manifest some hundred.
MAX_MANIFEST_BYTES = 16 << 20
MAX_LINE_BYTES = 4 << 20
MAX_SHARD_BYTES = 256 << 20


class Head(msgspec.Struct, frozen=True):
    """The part of a manifest that every version of the format can read."""

    kind: str
    format: int


_observations: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Observation)
_heads: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Head)
_manifests: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Manifest)


def events_name(rank: int) -> str:
    """Return the name of the file of events of one process, relative to the folder."""
    return f"events.r{rank}.jsonl"


def shard_name(rank: int, sequence: int) -> str:
    """Return the name of one shard, relative to the folder, with a forward slash everywhere."""
    return f"{SHARDS_FOLDER}/r{rank}-{sequence:06d}.safetensors"


def encode(observation: Observation) -> bytes:
    """Return one line of UTF-8 JSON, with its newline. Numbers not finite become ``null``."""
    return _to_json(finite(observation)) + b"\n"


def decode(line: bytes) -> Observation:
    """Return the observation in one line.

    Raises
    ------
    msgspec.DecodeError
        If the line is not JSON, or not an observation of this format.
    """
    observation: Observation = _parse(_observations, line)
    return observation


def decode_head(content: bytes) -> Head | None:
    """Return kind and format of a manifest, or None if it is not a recording's."""
    try:
        head: Head = _parse(_heads, content)
    except msgspec.DecodeError:
        return None
    return head if head.kind == KIND else None


def decode_manifest(content: bytes) -> Manifest:
    """Return the manifest.

    Raises
    ------
    msgspec.DecodeError
        If it is not one of this format.
    """
    manifest: Manifest = _parse(_manifests, content)
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the content of ``manifest.json``: the manifest behind its kind and format."""
    fields = msgspec.to_builtins(manifest)
    return msgspec.json.format(_to_json({"kind": KIND, **fields, "format": FORMAT_VERSION}))


def finite(observation: Observation) -> Observation:
    """Return the observation with plain floats, and ``None`` where one is not finite.

    What is kept in memory is thereby equal to what is read back from a folder. Scalars of NumPy
    become floats of Python.
    """
    match observation:
        case Measure(values=values) | Probe(values=values):
            plain = {name: _plain(value) for name, value in values.items()}
            return msgspec.structs.replace(observation, values=plain)
        case Loss(value=value):
            return msgspec.structs.replace(observation, value=_plain(value))
        case Objective():
            names = ("value", "collapsed", "reach", "flat", "unevenness")
            numbers = {name: _plain(getattr(observation, name)) for name in names}
            return msgspec.structs.replace(observation, **numbers)
        case Intake(dispersion=dispersion, low=low, high=high):
            return msgspec.structs.replace(
                observation, dispersion=_plain(dispersion), low=_plain(low), high=_plain(high)
            )
        case Activation(stuck=stuck, ends=ends):
            return msgspec.structs.replace(observation, stuck=_plain(stuck), ends=_plain(ends))
        case Reach(gradient=gradient):
            return msgspec.structs.replace(observation, gradient=_plain(gradient))
        case Update(rate=rate, eps=eps, parts=parts):
            return msgspec.structs.replace(
                observation, rate=_plain(rate), eps=_plain(eps), parts=tuple(map(_finite, parts))
            )
        case Comparison(relations=relations, similarity=similarity):
            cleaned = tuple(
                msgspec.structs.replace(
                    relation,
                    cosine=_plain(relation.cosine),
                    scale=_plain(relation.scale),
                    difference=_plain(relation.difference),
                    offset=_plain(relation.offset),
                    scales=_plain_pair(relation.scales),
                )
                for relation in relations
            )
            return msgspec.structs.replace(
                observation, relations=cleaned, similarity=_plain(similarity)
            )
        case _:
            return observation


def _finite(part: Part) -> Part:
    return msgspec.structs.replace(
        part,
        gradient=_plain(part.gradient),
        weight=_plain(part.weight),
        change=_plain(part.change),
    )


def _parse(decoder: msgspec.json.Decoder[Any], content: bytes) -> Any:
    try:
        return decoder.decode(content)
    except (UnicodeDecodeError, RecursionError) as error:  # bad UTF-8, or nested too deep
        raise msgspec.DecodeError(str(error)) from error


def _plain(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _plain_pair(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    if pair is None or not all(map(math.isfinite, pair)):
        return None
    return float(pair[0]), float(pair[1])


def _to_json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        # A file name that is not UTF-8 reaches Python as lone surrogates, which JSON cannot hold.
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "replace")
