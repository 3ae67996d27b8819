"""Networks that came to share their weights' memory while they were watched.

``target.data = source.data`` and ``load_state_dict(…, assign=True)`` leave two networks of objects
of their own over one memory. It may happen at any step, so one address of each network that may be
another's copy is read after every step: no value, and nothing is kept alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.recording.observations import Sharing

__all__ = ["MemoryWatch", "Suspect", "are_one_memory"]

MOST_PAIRS = 64


@dataclass(frozen=True)
class Suspect:
    """Two networks that are apart when the watch begins, and what to tell should they be one.

    ``said`` gives it at a step; it reads the source, and so is asked only when it is needed.
    """

    one: nn.Module
    other: nn.Module
    said: Callable[[], Sharing]


@dataclass(frozen=True)
class _Pair:
    networks: tuple[weakref.ref[nn.Module], weakref.ref[nn.Module]]
    samples: tuple[_Sample, _Sample]
    said: Callable[[], Sharing]

    def is_one(self) -> bool:
        """Tell whether what stands for the two lies in one place."""
        address = self.samples[0].address()
        return bool(address) and address == self.samples[1].address()


@dataclass(frozen=True)
class _Sample:
    """One matrix of a network, by its name in its layer: the object itself may be replaced."""

    layer: weakref.ref[nn.Module]
    name: str

    def address(self) -> int:
        """Return where the matrix lies, 0 if that is not to be known."""
        layer = self.layer()
        held = layer._parameters.get(self.name) if layer is not None else None
        return held.data_ptr() if held is not None and is_plain(held) else 0


class MemoryWatch:
    """Asks after each step whether two networks have become one memory."""

    def __init__(self) -> None:
        self._pairs: list[_Pair] = []

    def begin(self, suspects: list[Suspect]) -> None:
        """Begin to watch pairs of networks; of each the last matrix stands for all."""
        for suspect in suspects[:MOST_PAIRS]:
            samples = (_sample(suspect.one), _sample(suspect.other))
            if samples[0] is not None and samples[1] is not None:
                networks = (weakref.ref(suspect.one), weakref.ref(suspect.other))
                self._pairs.append(_Pair(networks, (samples[0], samples[1]), suspect.said))

    @property
    def is_over(self) -> bool:
        """Whether there is no pair that could become one."""
        return not self._pairs

    def stirs(self) -> bool:
        """Tell whether a pair seems to have become one: little to ask after every step.

        It does not raise: a fault is one to look at, too.
        """
        try:
            return any(pair.is_one() for pair in self._pairs)
        except Exception:
            return True

    def look(self) -> Iterator[Sharing]:
        """Yield what has become one since the last look."""
        for pair in self._pairs[:]:
            if pair.is_one():
                self._pairs.remove(pair)
                one, other = (network() for network in pair.networks)
                if one is not None and other is not None and are_one_memory(one, other):
                    yield pair.said()


def are_one_memory(one: nn.Module, other: nn.Module) -> bool:
    """Tell whether all parameters of two networks lie in the same places."""
    left, right = list(one.parameters()), list(other.parameters())
    if len(left) != len(right) or not all(map(_is_held, left)):
        return False
    pairs = list(zip(left, right, strict=True))
    return bool(pairs) and all(
        a.shape == b.shape and _is_held(b) and a.data_ptr() == b.data_ptr() for a, b in pairs
    )


def _is_held(tensor: Tensor) -> bool:
    return is_plain(tensor) and tensor.data_ptr() != 0


def _sample(network: nn.Module) -> _Sample | None:
    found = None
    for layer in network.modules():
        for name, held in layer._parameters.items():
            if held is not None and is_plain(held) and held.dim() > 1:
                found = _Sample(weakref.ref(layer), name)
    return found
