"""Which tensors are outputs of a watched model, of which step, and what became of them.

Two ways to know a tensor: it is the very object that was seen, or it lives in the storage of one
that was seen (``detach``, views). Equal values are no proof of descent: a teacher copied from its
student computes the same numbers. Nothing here keeps a tensor, a storage or a graph alive: both
are held weakly.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.recording.observations import CallSite, Origin

__all__ = ["Known", "Provenance", "fingerprint"]

FINGERPRINT = 64
"""Values that stand for a tensor: few enough to copy, too many to agree by chance."""


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: where it comes from, by which line, from which input.

    ``inputs`` is a fingerprint of what the model was given in that forward pass. ``site`` is the
    line of the last operation that made this tensor, where it was seen.
    """

    origin: Origin
    inputs: Tensor | None = None
    site: CallSite | None = None

    def same_inputs(self, other: Known) -> bool:
        """Tell whether both come from forward passes over equal inputs."""
        return _equal(self.inputs, other.inputs)


def fingerprint(tensor: Tensor) -> Tensor:
    """Return 64 numbers that stand for a tensor's values: its sum, its norm and a sample.

    The sample alone would not do: evenly spread pixels of two images may all lie in the border.
    """
    flat = tensor.detach().reshape(-1)
    sample = flat[:: max(1, flat.numel() // FINGERPRINT)][: FINGERPRINT - 2].to(torch.float64)
    whole = flat.to(torch.float32) if not flat.is_complex() else flat.abs()
    return torch.cat([sample, whole.sum()[None], whole.norm()[None]])


def _equal(left: Tensor | None, right: Tensor | None) -> bool:
    if left is None or right is None or left.dtype != right.dtype or left.device != right.device:
        return False
    return torch.equal(left, right)


class Provenance:
    """A weak memory of watched outputs and of tensors made from them."""

    def __init__(self) -> None:
        self._objects: dict[int, tuple[weakref.ref[Tensor], Known]] = {}
        self._storages: dict[int, tuple[StorageWeakRef, Known]] = {}

    def born(self, tensor: Tensor, known: Known) -> None:
        """Remember an output of a watched model."""
        self._remember(tensor, known)
        storage = StorageWeakRef(tensor.untyped_storage())
        self._storages[storage.cdata] = (storage, known)

    def carried(self, source: Tensor, result: Tensor, operation: str, site: CallSite) -> None:
        """Remember what an operation made of a tensor, if that one is known."""
        known = self._by_object(source) or self._by_storage(source)
        if known is None or result is source:
            return
        path = (*known.origin.path, operation)
        origin = Origin(
            known.origin.model, known.origin.layer, known.origin.step, known.origin.forward, path
        )
        self._remember(result, replace(known, origin=origin, site=site))

    def of(self, tensor: Tensor) -> Known | None:
        """Return what is known of a tensor by its identity or its storage, or None."""
        return self._by_object(tensor) or self._by_storage(tensor)

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
