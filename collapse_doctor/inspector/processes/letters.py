"""What one process of a distributed training tells process 0: blocks of rows, and what it saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import torch
from msgspec import Struct
from torch import Tensor

from collapse_doctor.recording.format import decode, encode
from collapse_doctor.recording.observations import Comparison, Notice, Observation, Role, Use

__all__ = [
    "MOST_TOLD",
    "Block",
    "LabelMark",
    "Letter",
    "is_worth_telling",
    "letters",
    "open_letter",
    "spread",
]

LETTER_BYTES = 2 << 20
"""Bytes of rows in one letter. A store of torch refuses values above 8 MiB and hangs up."""
MOST_TOLD = 256
"""Observations in one letter; what a watched training tells more often repeats itself."""

Key = tuple[str, str, bool, int, torch.dtype, int, int]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows (n, d) that one layer gave at one step, not yet measured.

    ``alone`` is true where no optimizer counts steps and each forward pass is one.
    """

    model: str
    layer: str
    step: int
    forward: int
    training: bool
    role: Role
    rows: Tensor
    alone: bool = False

    @property
    def key(self) -> Key:
        """What blocks of several processes must share to be measured together."""
        moment = self.forward if self.alone else -1
        width, dtype = self.rows.shape[1], self.rows.dtype
        return (self.model, self.layer, self.training, width, dtype, self.step, moment)

    @property
    def progress(self) -> int:
        """Where in the training it was taken: a step, or a forward pass where none count."""
        return self.forward if self.alone else self.step

    @property
    def bytes(self) -> int:
        """The size of its rows."""
        return self.rows.numel() * self.rows.element_size()

    @property
    def fits(self) -> bool:
        """Whether a letter can take at least one of its rows."""
        return self.rows.shape[1] * self.rows.element_size() <= LETTER_BYTES


class LabelMark(NamedTuple):
    """How many distinct labels there were at a step, and which if only one."""

    step: int
    distinct: int
    value: str


class _Packed(Struct, frozen=True, array_like=True):
    model: str
    layer: str
    step: int
    forward: int
    training: bool
    role: Role
    alone: bool
    shape: tuple[int, int]
    dtype: str
    values: bytes


class Letter(Struct, frozen=True, array_like=True):
    """One message of process ``rank``, which has completed ``progress`` steps.

    ``weights`` is a digest of the parameters at that point: rows are joined only of processes
    that train one model. ``ended`` is true in the last letter, and ``reason`` is the exception
    that ended it, if any. ``lost`` counts blocks that were left out to stay inside bounds.
    """

    rank: int
    progress: int
    weights: bytes = b""
    packed: tuple[_Packed, ...] = ()
    told: tuple[bytes, ...] = ()
    labels: tuple[LabelMark, ...] = ()
    ended: bool = False
    reason: str = ""
    lost: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in it."""
        for one in self.packed:
            values = torch.frombuffer(bytearray(one.values), dtype=getattr(torch, one.dtype))
            yield Block(
                one.model,
                one.layer,
                one.step,
                one.forward,
                one.training,
                one.role,
                values.reshape(one.shape),
                one.alone,
            )

    def observations(self) -> Iterator[Observation]:
        """Yield what its sender saw beside rows."""
        for line in self.told:
            yield decode(line)


_decoder: msgspec.msgpack.Decoder[Letter] = msgspec.msgpack.Decoder(Letter)


def open_letter(content: bytes) -> Letter:
    """Return the letter in some bytes.

    Raises
    ------
    msgspec.DecodeError
        If they are not a letter.
    """
    return _decoder.decode(content)


def letters(
    head: Letter, blocks: Iterable[Block], seen: Iterable[Observation], most_rows: int
) -> list[bytes]:
    """Return the letters that carry ``blocks`` (at most ``most_rows`` rows each) and ``seen``.

    Each block must fit into one. Only the last letter has the head's progress and end: who reads
    it has read all others.
    """
    told = tuple(encode(one) for one in seen)[-MOST_TOLD:]
    parts = list(_parted([_pack(block, most_rows) for block in blocks])) or [()]
    before = msgspec.structs.replace(head, progress=-1, labels=(), ended=False, weights=b"")
    sent = [msgspec.structs.replace(before, packed=part) for part in parts[:-1]]
    sent.append(msgspec.structs.replace(head, packed=parts[-1], told=told))
    return [msgspec.msgpack.encode(letter) for letter in sent]


def is_worth_telling(observation: Observation) -> bool:
    """Tell whether process 0 may not have seen the same itself: relations, uses, notices."""
    if isinstance(observation, Comparison):
        return bool(observation.relations)
    return isinstance(observation, Use | Notice)


def spread(rows: Tensor, most: int) -> Tensor:
    """Return at most ``most`` rows, evenly spread."""
    return rows[:: -(-len(rows) // max(1, most))]


def _pack(block: Block, most_rows: int) -> _Packed:
    wide = block.rows.shape[1] * block.rows.element_size()
    rows = spread(block.rows, min(most_rows, max(1, LETTER_BYTES // max(1, wide))))
    rows = rows.detach().contiguous().cpu()
    values: Any = rows.view(torch.uint8).numpy()  # NumPy has no bfloat16, but it has bytes
    shape, dtype = (rows.shape[0], rows.shape[1]), str(rows.dtype).removeprefix("torch.")
    return _Packed(
        block.model,
        block.layer,
        block.step,
        block.forward,
        block.training,
        block.role,
        block.alone,
        shape,
        dtype,
        values.tobytes(),
    )


def _parted(packed: Sequence[_Packed]) -> Iterator[tuple[_Packed, ...]]:
    part: list[_Packed] = []
    size = 0
    for one in packed:
        if part and size + len(one.values) > LETTER_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(one)
        size += len(one.values)
    if part:
        yield tuple(part)
