"""Which tensors are outputs of a watched model, of which step, and what became of them.

Two ways to know a tensor: it is the very object that was seen, or it lives in the storage of one
that was seen (``detach``, views). Equal values within a step are no proof of descent: a teacher
copied from its student computes the same numbers. Nothing here keeps a tensor, a storage or a
graph alive: both are held weakly, values as 512 numbers of the last few outputs.
"""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass, replace

import msgspec
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.recording.observations import CallSite, Origin

__all__ = ["COPYING", "CUTTING", "SCALING", "Known", "Provenance", "fingerprint"]

FINGERPRINT = 512
"""Values that stand for a tensor: few enough to copy, too many to agree by chance."""
REMEMBERED = 32
"""Outputs whose fingerprints are kept: some steps of some towers."""

CUTTING = frozenset({"detach", "detach_", "data", "numpy", "tolist"})
COPYING = frozenset({"clone", "__deepcopy__", "add", "copy_"})
SCALING = frozenset({"mul", "div", "true_divide", "normalize"})


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: where it comes from, by which lines, from which input.

    ``inputs`` is a fingerprint of what the model was given in that forward pass. ``made`` is the
    line that ran the forward pass; ``sites`` are the lines of the operations in ``origin.path``.
    """

    origin: Origin
    inputs: Tensor | None = None
    made: CallSite | None = None
    sites: tuple[CallSite, ...] = ()

    def same_inputs(self, other: Known) -> bool:
        """Tell whether both come from forward passes over equal inputs."""
        return _equal(self.inputs, other.inputs)

    def site_of(self, operations: frozenset[str]) -> CallSite | None:
        """Return the line of the first of these operations on the way, or None."""
        steps = zip(self.origin.path, self.sites, strict=True)
        return next((site for operation, site in steps if operation in operations), None)


def fingerprint(tensor: Tensor) -> Tensor:
    """Return up to 512 of a tensor's values, spread over it, as a tensor of their own.

    The stride is odd, so that it does not fall on the same column of every row: the pixels in the
    border of all pictures are alike.
    """
    flat = tensor.detach().reshape(-1)
    return flat[:: (flat.numel() // FINGERPRINT) | 1][:FINGERPRINT].clone()


def _equal(left: Tensor | None, right: Tensor | None) -> bool:
    if left is None or right is None or left.dtype != right.dtype or left.device != right.device:
        return False
    return torch.equal(left, right)


class Provenance:
    """A weak memory of watched outputs and of tensors made from them."""

    def __init__(self) -> None:
        self._objects: dict[int, tuple[weakref.ref[Tensor], Known]] = {}
        self._storages: dict[int, tuple[StorageWeakRef, Known]] = {}
        self._prints: deque[tuple[tuple[int, ...], Tensor, Known]] = deque(maxlen=REMEMBERED)

    def born(self, tensor: Tensor, known: Known) -> None:
        """Remember an output of a watched model."""
        self.handed_out(tensor, known)
        self._prints.append((tuple(tensor.shape), fingerprint(tensor), known))

    def handed_out(self, tensor: Tensor, known: Known) -> None:
        """Remember a tensor that stands for an output: a wrapper's copy of it."""
        self._remember(tensor, known)
        storage = StorageWeakRef(tensor.untyped_storage())
        self._storages[storage.cdata] = (storage, known)

    def carried(self, source: Known, result: Tensor, operation: str, site: CallSite) -> None:
        """Remember what an operation made of a tensor that is known."""
        path = (*source.origin.path, operation)
        origin = msgspec.structs.replace(source.origin, path=path)
        self._remember(result, replace(source, origin=origin, sites=(*source.sites, site)))

    def of(self, tensor: Tensor) -> Known | None:
        """Return what is known of a tensor by its identity or its storage, or None."""
        return self._by_object(tensor) or self._by_storage(tensor)

    def before(self, tensor: Tensor, step: int) -> Known | None:
        """Return the output of a step before ``step`` whose values a tensor has, or None.

        Values are proof here, as they are not within a step: no other network gives, for other
        inputs, bit for bit what this one gave some steps ago.
        """
        shape = tuple(tensor.shape)
        past = [(p, k) for size, p, k in self._prints if size == shape and k.origin.step < step]
        own = fingerprint(tensor) if past else None
        if own is None or bool((own == own[:1]).all()):  # constants are nobody's signature
            return None
        return next((known for values, known in reversed(past) if _equal(values, own)), None)

    def sweep(self) -> None:
        """Forget what no longer exists. Called once a step."""
        gone = [key for key, (reference, _) in self._objects.items() if reference() is None]
        for key in gone:
            del self._objects[key]
        expired = [key for key, (storage, _) in self._storages.items() if storage.expired()]
        for key in expired:
            del self._storages[key]

    def _remember(self, tensor: Tensor, known: Known) -> None:
        self._objects[id(tensor)] = (weakref.ref(tensor), known)

    def _by_object(self, tensor: Tensor) -> Known | None:
        found = self._objects.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def _by_storage(self, tensor: Tensor) -> Known | None:
        # While the weak reference lives, no other storage can be given the same address.
        found = self._storages.get(tensor.untyped_storage()._cdata)
        return found[1] if found is not None and not found[0].expired() else None
