"""Some numbers of many parameters at once: taken on the device, compared on the host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from collapse_doctor.inspector.outputs import is_plain, local_part
from collapse_doctor.inspector.wiring.parts import Entry
from collapse_doctor.recording.observations import Part

__all__ = ["About", "Gradients", "Seen", "Weights", "parts_of", "some"]

MOST_EACH = 64
MOST_NUMBERS = 16_384
"""Numbers taken of one parameter, and of all those of a model: to see whether they change."""

SMALLEST = 1e-18
"""Root mean square of a gradient below which its squares are no longer to be trusted: the smallest
normal number of float32 is 1.2e-38."""

ALONG = 1e-4
"""How far the cosine of a gradient and the values it belongs to may lie from 1 to be a penalty's.

Rounding of half precision moves it by 1e-5; of eight random numbers one in 1e12 comes so near."""
FEWEST = 8
"""Numbers of which that is said."""

Vector = np.ndarray


class About(NamedTuple):
    """What is to be known of a parameter when it may be gone: its part, and what it was like."""

    part: str
    depth: int
    dim: int
    number: int
    dtype: str

    @classmethod
    def of(cls, entry: Entry) -> About:
        """Take it down; of a sharded parameter, that of the part this process holds."""
        held = local_part(entry.parameter)
        dtype = str(held.dtype).removeprefix("torch.")
        return cls(entry.part, entry.depth, entry.parameter.dim(), held.numel(), dtype)


def some(tensor: Tensor, most: int) -> Tensor:
    """Return at most ``most`` numbers of a tensor, evenly spread, as a view where it can be.

    The stride is odd, so that it does not fall on the same column of every row.
    """
    number = tensor.numel()
    if tensor.is_contiguous() and not tensor.is_complex():  # nearly always: one operation does
        stride = (number // most) | 1 if number > most else 1
        return tensor.as_strided((min(most, -(-number // stride)),), (stride,))
    values = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    if values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)  # as it lies in memory: no copy of the whole
    flat = values.reshape(-1)
    stride = (flat.numel() // most) | 1 if flat.numel() > most else 1
    return flat[::stride][:most]


def _share(entries: Sequence[Entry]) -> int:
    return max(2, min(MOST_EACH, MOST_NUMBERS // max(1, len(entries))))


@dataclass(frozen=True)
class Weights:
    """Copies of some numbers of each parameter, one vector per device."""

    vectors: list[Tensor]
    order: list[list[int]]
    sizes: list[int]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Weights:
        """Take them. Numbers of half precision become float32, which changes none."""
        most = _share(entries)
        # Without a graph as a whole: to detach each costs as much as to take it.
        with torch.no_grad():
            taken = [some(local_part(entry.parameter), most) for entry in entries]
        return cls(*_joined(taken), [one.numel() for one in taken])

    def apart(self, values: Sequence[Tensor]) -> list[Vector]:
        """Return the numbers of each parameter, once the vectors have come over."""
        return _apart(values, self.order, self.sizes)


@dataclass(frozen=True)
class Gradients:
    """The gradients of the same parameters: some numbers, and the norm of all.

    ``sizes`` is 0 where a parameter has no gradient, or none that may be looked at; ``there``
    tells the two apart.
    """

    vectors: list[Tensor]
    norms: list[Tensor]
    order: list[list[int]]
    sizes: list[int]
    there: list[bool]

    @classmethod
    def of(cls, entries: Sequence[Entry], scale: Tensor | None) -> Gradients:
        """Take them; ``scale`` is by how much a fused optimizer finds them scaled."""
        most = _share(entries)
        grads = [_readable(entry.parameter.grad) for entry in entries]
        none = torch.zeros(0)
        taken = [some(grad, most).float() if grad is not None else none for grad in grads]
        vectors, order = _joined(taken)
        norms = [_norms([grads[i] for i in places]) for places in order]
        if scale is not None:
            vectors = [vector / scale.to(vector.device, non_blocking=True) for vector in vectors]
            norms = [norm / scale.to(norm.device, non_blocking=True) for norm in norms]
        there = [entry.parameter.grad is not None for entry in entries]
        return cls(vectors, norms, order, [one.numel() for one in taken], there)

    def apart(self, values: Sequence[Tensor]) -> list[Vector]:
        """Return the numbers of each gradient, once the vectors have come over."""
        return _apart(values, self.order, self.sizes)

    def norms_apart(self, values: Sequence[Tensor]) -> list[float]:
        """Return the norm of each gradient, NaN where there is none."""
        found = [math.nan] * len(self.sizes)
        for value, places in zip(values, self.order, strict=True):
            for place, norm in zip(places, value.tolist(), strict=True):
                found[place] = norm
        return found


def _readable(grad: Tensor | None) -> Tensor | None:
    if grad is None:
        return None
    part = local_part(grad.detach())
    if part.layout is torch.sparse_coo and type(part) is Tensor:
        part = part._values()  # of rows that came several times the parts, not their sum
    return part if is_plain(part) and part.numel() else None


def _joined(taken: Sequence[Tensor]) -> tuple[list[Tensor], list[list[int]]]:
    """Return one copy for all tensors of each device, and which these were."""
    by_device: dict[torch.device, list[int]] = {}
    for place, one in enumerate(taken):
        if one.numel():
            by_device.setdefault(one.device, []).append(place)
    order = list(by_device.values())
    # Half precision is joined as float32, exactly; and what is joined is a copy.
    return [torch.cat([_widened(taken[i]) for i in places]) for places in order], order


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.element_size() < 4 else values


def _norms(grads: Sequence[Tensor | None]) -> Tensor:
    """Return the norm of each, in float32. Real, for foreach cannot do all dtypes together."""
    real = [torch.view_as_real(g) if g.is_complex() else g for g in grads if g is not None]
    by_dtype: dict[torch.dtype, list[int]] = {}
    for place, grad in enumerate(real):
        by_dtype.setdefault(grad.dtype, []).append(place)
    found: dict[int, Tensor] = {}
    for dtype, places in by_dtype.items():
        wide = torch.float32 if dtype.itemsize < 4 else None
        norms = torch._foreach_norm([real[i] for i in places], 2, wide)
        found |= dict(zip(places, norms, strict=True))
    return torch.stack([found[i].float() for i in range(len(real))])


def _apart(
    values: Sequence[Tensor], order: Sequence[Sequence[int]], sizes: Sequence[int]
) -> list[Vector]:
    found: list[Vector] = [np.zeros(0)] * len(sizes)
    for value, places in zip(values, order, strict=True):
        own, begin = value.numpy(), 0
        for place in places:
            found[place] = own[begin : begin + sizes[place]]
            begin += sizes[place]
    return found


@dataclass(frozen=True)
class Seen:
    """One parameter around one step, on the host; ``about`` says which, ``last`` how it was left.

    Vectors are some of its numbers, ``norm`` is that of its whole gradient.
    """

    about: About
    before: Vector
    after: Vector
    last: Vector | None
    gradient: Vector
    norm: float
    there: bool


def parts_of(seen: Sequence[Seen]) -> tuple[Part, ...]:
    """Return what became of each part of a model, by depth."""
    by_part: dict[tuple[int, str], list[Seen]] = {}
    for one in seen:
        by_part.setdefault((one.about.depth, one.about.part), []).append(one)
    return tuple(_part(name, by_part[depth, name]) for depth, name in sorted(by_part))


def _part(name: str, seen: Sequence[Seen]) -> Part:
    matrices = [one for one in seen if one.about.dim > 1] or list(seen)
    return Part(
        layer=name,
        tensors=len(seen),
        graded=sum(one.there for one in seen),
        dtype=matrices[0].about.dtype,
        sampled=sum(len(one.before) for one in seen),
        pulled=sum(int(np.count_nonzero(one.gradient)) for one in seen),
        moved=sum(_differ(one.before, one.after) for one in seen),
        drifted=sum(_differ(one.last, one.before) for one in seen),
        gradient=_gradient(matrices),
        weight=_size([one.before for one in matrices]),
        change=_size([_step(one) for one in matrices]),
        scalars=sum(one.about.number == 1 for one in seen),
        alone=_alone([one for one in seen if one.there]),
    )


def _alone(graded: Sequence[Seen]) -> int:
    """Count gradients that say nothing; matrices come first, and one that speaks ends the count."""
    in_turn = sorted(graded, key=lambda one: -one.about.dim)
    return sum(1 for _ in takewhile(_says_nothing, in_turn))


def _says_nothing(one: Seen) -> bool:
    """Tell whether a gradient is zero, of a single number, or that of a penalty on the values."""
    if one.about.number == 1 or one.norm == 0.0:
        return True
    if len(one.gradient) != len(one.before) or len(one.before) < FEWEST:
        return False
    size = float(np.abs(one.gradient).max())
    if not 0 < size < math.inf:
        return False
    gradient, values = one.gradient / size, one.before.astype(float)
    return any(_cosine(gradient, side) > 1 - ALONG for side in (values, np.sign(values)))


def _cosine(one: Vector, other: Vector) -> float:
    length = math.sqrt(float(one @ one) * float(other @ other))
    return abs(float(one @ other)) / length if length else 0.0


def _step(one: Seen) -> Vector:
    with np.errstate(invalid="ignore"):  # infinite before and after
        difference: Vector = one.after.astype(float) - one.before
        return difference


def _differ(one: Vector | None, other: Vector) -> int:
    if one is None or one.shape != other.shape:
        return 0
    return int(np.count_nonzero(one != other))


def _size(values: Sequence[Vector]) -> float:
    """Return the root mean square of some vectors together."""
    together = np.concatenate(values).astype(float)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(np.square(together))))


def _gradient(seen: Sequence[Seen]) -> float | None:
    """Return the root mean square of the gradients of a part; not finite if one of them is not.

    Squares of small numbers fall below what float32 can hold: then the sampled ones tell.
    """
    squares, count = 0.0, 0
    for one in seen:
        if len(one.gradient):
            number = one.about.number
            size = one.norm / math.sqrt(number)
            squares += number * (_size([one.gradient]) if size < SMALLEST else size) ** 2
            count += number
    return math.sqrt(squares / count) if count else None
